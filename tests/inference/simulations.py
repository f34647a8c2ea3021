"""Experiments whose truth is known: requests of very different lengths, a tax, and the noise of a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

TAX_SECONDS = 0.002
_TYPICAL_SECONDS = 0.010
_SPREAD = 0.6  # of the logarithm of the prompts' lengths
_TICK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class World:
    """How times come about.

    Attributes:
        draw: (generator, tax in seconds, n) -> base and new, paired by prompt; the noise of both is alike, so that the
            median and the mean of their differences are the tax.
        raw_seconds: the true mean of the base.
    """

    draw: Callable[[np.random.Generator, float, int], tuple[Values, Values]]
    raw_seconds: float


def _prompts(generator: np.random.Generator, n: int) -> Values:
    return generator.lognormal(np.log(_TYPICAL_SECONDS), _SPREAD, n)


def _lognormal(generator: np.random.Generator, tax: float, n: int) -> tuple[Values, Values]:
    """Multiplicative noise of 5 % on a time that the prompt sets for both arms."""
    prompts = _prompts(generator, n)
    noise = generator.lognormal(0, 0.05, (2, n))
    return prompts * noise[0], prompts * noise[1] + tax


def _stalls(generator: np.random.Generator, tax: float, n: int) -> tuple[Values, Values]:
    """A Lomax tail of index 3 on either arm: its variance is finite, its skewness is not."""
    prompts = _prompts(generator, n)
    stalls = 0.001 * generator.pareto(3.0, (2, n))
    return prompts + stalls[0], prompts + stalls[1] + tax


def _coarse(generator: np.random.Generator, tax: float, n: int) -> tuple[Values, Values]:
    """A clock that ticks each millisecond: most differences are tied."""
    ticks = generator.poisson(10, n) + generator.poisson(1.0, (2, n))
    return ticks[0] * _TICK_SECONDS, ticks[1] * _TICK_SECONDS + tax


_MEAN_PROMPT = _TYPICAL_SECONDS * float(np.exp(_SPREAD**2 / 2))

WORLDS = {
    "lognormal": World(_lognormal, _MEAN_PROMPT * float(np.exp(0.05**2 / 2))),
    "heavy tail": World(_stalls, _MEAN_PROMPT + 0.001 * 0.5),
    "ties": World(_coarse, 11 * _TICK_SECONDS),
}


def covered(interval: Callable[[np.random.Generator], bool], *, seed: int, experiments: int = 1200) -> float:
    """Return in which share of independent experiments the interval covers the truth."""
    generator = np.random.default_rng(seed)
    return sum(interval(generator) for _ in range(experiments)) / experiments
