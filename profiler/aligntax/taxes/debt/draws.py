"""Yearly losses with their uncertainty, drawn at random: rates from counts, losses from ranges."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aligntax.inference import CONFIDENCE, Estimate
from aligntax.taxes.debt.inputs import Counted, Inputs
from aligntax.taxes.ranges import Range

__all__ = ["DRAWS", "Draws", "amount_draws", "posterior", "share_draws", "told"]

DRAWS = 20_000
_SURE = 0.90
Values = NDArray[np.float64]


def posterior(counted: Counted) -> stats.rv_frozen:
    """Return what is known of a rate after a count: a Gamma distribution, from Jeffreys' prior.

    Source: Gelman and others, Bayesian Data Analysis, section 2.6, with a shape of count + 1/2.
    """
    return stats.gamma(counted.number + 0.5, scale=1 / counted.exposure)


def share_draws(given: Counted | Range, generator: np.random.Generator) -> Values:
    """Return draws of a share: a Beta posterior, from Jeffreys' prior, of a count; uniform within a range."""
    if isinstance(given, Counted):
        return generator.beta(given.number + 0.5, given.exposure - given.number + 0.5, DRAWS)
    return generator.uniform(given.low, given.high, DRAWS)


def amount_draws(given: Range | None, generator: np.random.Generator) -> Values:
    """Return draws of an amount: lognormal with the ends as its 5 % and 95 % quantiles; uniform where one is 0.

    None is an amount of 0.
    """
    if given is None:
        return np.zeros(DRAWS)
    if given.low == given.high or given.low == 0:
        return generator.uniform(given.low, given.high, DRAWS)
    z = float(stats.norm.isf((1 - _SURE) / 2))
    centre = (math.log(given.low) + math.log(given.high)) / 2
    return generator.lognormal(centre, (math.log(given.high) - math.log(given.low)) / (2 * z), DRAWS)


class Draws:
    """Draws of everything that inputs allow to be drawn; the same index is the same world.

    Args:
        inputs: what is known.
        seed: of the draws.

    Attributes:
        incidents: successful attacks a year, `without` and `with` guards; without those that cannot be known.
        requests: a year; 0 where nobody said.
        loss: of one of them; None where nobody said.
        control: cost of the guards a year.
        principal: cost of putting them in.
        generator: draws what is independent of all these.
    """

    def __init__(self, inputs: Inputs, seed: int) -> None:
        self.generator = generator = np.random.default_rng(seed)
        self.incidents: dict[str, Values] = {}
        # Drawn once for both arms: they differ by their guards, and not by how often they are attacked.
        requests = amount_draws(inputs.requests_per_year, generator)
        attacks = None if inputs.attacks is None else requests * share_draws(inputs.attacks, generator)
        for arm in ("without", "with"):
            if inputs.lacking(arm):
                continue
            counted: Counted | None = getattr(inputs, f"incidents_{arm}")
            if counted is not None:
                self.incidents[arm] = np.asarray(posterior(counted).rvs(DRAWS, random_state=generator))
            elif attacks is not None:
                self.incidents[arm] = attacks * share_draws(getattr(inputs, f"success_{arm}"), generator)
        self.requests = requests
        self.loss = None if inputs.single_loss is None else amount_draws(inputs.single_loss, generator)
        self.control = amount_draws(inputs.control_cost_per_year, generator)
        self.principal = amount_draws(inputs.principal, generator)


def told(draws: Values, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of draws, and the interval that holds that share of them."""
    outside = (1 - confidence) / 2
    low, high = np.quantile(draws, [outside, 1 - outside]).tolist()
    value = float(draws.mean())
    return Estimate(value, min(low, value), max(high, value))
