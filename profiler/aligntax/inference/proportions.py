"""Shares of what was counted: one by Wilson's interval, the difference of two by Newcombe's."""

from __future__ import annotations

import math
from operator import index

from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import probability


def wilson(k: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return k / n with Wilson's score interval, which has a width even where k is 0 or n.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Args:
        k: how many there were, from 0 to n.
        n: of how many, at least 1.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: if k or n is no count, or a number is out of range.
    """
    probability("confidence", confidence)
    k, n = counts(("k", k), ("n", n))
    found = stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    value = k / n
    return Estimate(value, min(float(found.low), value), max(float(found.high), value))


def newcombe(k1: int, n1: int, k2: int, n2: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return k1 / n1 minus k2 / n2, of two independent groups, with Newcombe's hybrid score interval.

    Source: Newcombe, Interval estimation for the difference between independent proportions, method 10, Statistics in
    Medicine 17 (1998).

    Args:
        k1: how many there were in the first group, from 0 to n1.
        n1: of how many, at least 1.
        k2: how many there were in the second group, from 0 to n2.
        n2: of how many, at least 1.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: if one of them is no count, or a number is out of range.
    """
    k1, n1 = counts(("k1", k1), ("n1", n1))
    k2, n2 = counts(("k2", k2), ("n2", n2))
    first, low1, high1 = _ends(k1, n1, confidence)
    second, low2, high2 = _ends(k2, n2, confidence)
    value = first - second
    return Estimate(
        value,
        value - math.hypot(first - low1, high2 - second),
        value + math.hypot(high1 - first, second - low2),
    )


def counts(part: tuple[str, int], whole: tuple[str, int]) -> tuple[int, int]:
    """Return a part and a whole, each with its name, as plain counts.

    Raises:
        ValueError: if they are no counts, the whole is none, or the part is more than the whole.
    """
    for name, given in (part, whole):
        try:
            number = index(given)
        except TypeError as error:
            raise ValueError(f"{name}={given!r} is no count; pass a whole number") from error
        if number < 0:
            raise ValueError(f"{name}={number} must be 0 or more")
    if whole[1] < 1:
        raise ValueError(f"{whole[0]}=0 leaves nothing to take a share of; count at least one")
    if part[1] > whole[1]:
        raise ValueError(f"{part[0]}={part[1]} is more than {whole[0]}={whole[1]}; count the part within the whole")
    return index(part[1]), index(whole[1])


def _ends(k: int, n: int, confidence: float) -> tuple[float, float, float]:
    value, low, high = wilson(k, n, confidence)
    assert low is not None  # noqa: S101 (Wilson's interval is never without ends)
    assert high is not None  # noqa: S101 (as above)
    return value, low, high
