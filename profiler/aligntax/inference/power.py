"""How small a difference an experiment can find, and how many pairs it takes to find one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy import optimize, stats

from aligntax.inference.samples import probability

POWER = 0.9
EFFICIENCY = 3 / math.pi  # of signed ranks against the t test where differences are normal
PAIRS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
MOST_PAIRS = 100_000_000


class Detectable(NamedTuple):
    """One row of a power table.

    Attributes:
        pairs: how many pairs are measured.
        effect: the smallest relative difference that is then found as often as asked; a share of the base.
    """

    pairs: int
    effect: float


def detectable_effect(pairs: int, variation: float, *, alpha: float = 0.05, power: float = POWER) -> float:
    """Return the smallest relative difference that `compare` finds in paired arms with the given probability.

    By the noncentral t distribution, with the number of pairs lessened by the efficiency of ranks where the
    differences are normal; differences with heavier tails are found sooner. Source: Lehmann, Nonparametrics:
    Statistical Methods Based on Ranks (1975), on asymptotic efficiency.

    Args:
        pairs: how many pairs; at least 8 where alpha is 0.05.
        variation: standard deviation of the paired differences over the mean of the base, above 0.
        alpha: level of the two-sided test, between 0 and 1.
        power: how often it is to be found, above alpha and below 1.

    Returns:
        The difference as a share of the base: 0.03 is 3 %.

    Raises:
        ValueError: if the pairs are too few to promise anything at that level, or a setting is out of range.
    """
    _check(variation, alpha, power)
    least = _least_pairs(alpha)
    if pairs < least:
        raise ValueError(f"pairs={pairs} can show next to nothing at alpha={alpha}; measure at least {least}")
    return variation * _distance(pairs, alpha, power)


def rounds_needed(effect: float, variation: float, *, alpha: float = 0.05, power: float = POWER) -> int:
    """Return how many pairs it takes until `detectable_effect` is at most `effect`.

    Args:
        effect: the relative difference to be found, as a share of the base, above 0.
        variation: standard deviation of the paired differences over the mean of the base, above 0.
        alpha: level of the two-sided test, between 0 and 1.
        power: how often it is to be found, above alpha and below 1.

    Raises:
        ValueError: if a setting is out of range, or more than 100 million pairs were needed.
    """
    _check(variation, alpha, power)
    if not 0 < effect < math.inf:
        raise ValueError(f"effect={effect} must be a finite number above 0, e.g. 0.03 for 3 %")
    aim = effect / variation
    low = high = _least_pairs(alpha)
    while _distance(high, alpha, power) > aim:
        low, high = high, high * 2
        if high > MOST_PAIRS:
            raise ValueError(
                f"an effect of {effect:g} at a variation of {variation:g} takes more than {MOST_PAIRS:,} pairs; "
                "ask for a larger effect, or lessen the noise"
            )
    while low < high:
        middle = (low + high) // 2
        if _distance(middle, alpha, power) > aim:
            low = middle + 1
        else:
            high = middle
    return low


def power_table(
    variation: float, pairs: Sequence[int] = PAIRS, *, alpha: float = 0.05, power: float = POWER
) -> list[Detectable]:
    """Return the detectable effect for each number of pairs; see `detectable_effect`."""
    return [Detectable(n, detectable_effect(n, variation, alpha=alpha, power=power)) for n in pairs]


def _check(variation: float, alpha: float, power: float) -> None:
    probability("alpha", alpha)
    probability("power", power)
    if power <= alpha:
        raise ValueError(f"power={power} must be above alpha={alpha}: chance alone finds that often")
    if not 0 < variation < math.inf:
        raise ValueError(f"variation={variation} must be a finite number above 0, e.g. 0.1 for 10 %")


def _least_pairs(alpha: float) -> int:
    """Return the fewest pairs that the tables speak of.

    The least p of a sign-flip test is 2 / 2^n. With the fewest pairs for which that is at most alpha, only a unanimous
    sample is found, and normal theory promises too much by a tenth; two pairs more bring it within a few hundredths.
    """
    return math.ceil(1 - math.log2(alpha)) + 2


def _distance(pairs: int, alpha: float, power: float) -> float:
    """Return the smallest difference that is found, in standard deviations of the differences."""
    effective = pairs * EFFICIENCY
    freedom = effective - 1
    critical = float(stats.t.isf(alpha / 2, freedom))

    def lacking(shift: float) -> float:
        # The near tail only: a difference that is found with the wrong sign is not found.
        return float(stats.nct.sf(critical, freedom, shift)) - power

    most = critical + float(stats.norm.isf(1 - power)) + 1
    while lacking(most) < 0:
        most *= 2
    return float(optimize.brentq(lacking, 0.0, most)) / math.sqrt(effective)
