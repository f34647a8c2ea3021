"""Two arms on the same items, each item right or wrong: McNemar's test, and how far the shares lie apart."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.proportions import counts
from aligntax.inference.samples import probability


class McNemar(NamedTuple):
    """What items say that both arms answered.

    Attributes:
        difference: (b - c) / n, with its interval.
        standard_error: of it: sqrt(b + c - (b - c)^2 / n) / n.
        p: exact and two-sided, of "both arms are right equally often".
    """

    difference: Estimate
    standard_error: float
    p: float


def mcnemar(b: int, c: int, n: int, confidence: float = CONFIDENCE) -> McNemar:
    """Return how much larger the share of right items is in the first arm, and McNemar's exact test of it.

    The interval is Bonett and Price's: the plain one, difference plus or minus z standard errors, is too narrow where
    few items differ, and has no width at all where none does. Sources: McNemar, Note on the sampling error of the
    difference between correlated proportions, Psychometrika 12 (1947); Bonett and Price, Adjusted Wald confidence
    interval for a difference of binomial proportions based on paired data, J. Educ. Behav. Stat. 37 (2012).

    Args:
        b: items that only the first arm has right, 0 or more.
        c: items that only the second arm has right, 0 or more.
        n: all items, at least 1, and at least b + c.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: if one of them is no count, or a number is out of range.
    """
    probability("confidence", confidence)
    b, n = counts(("b", b), ("n", n))
    c, n = counts(("c", c), ("n", n))
    differing, n = counts(("b + c", b + c), ("n", n))
    value = (b - c) / n
    z = float(stats.norm.isf((1 - confidence) / 2))
    first, second, enlarged = (b + 1) / (n + 2), (c + 1) / (n + 2), n + 2
    half = z * math.sqrt((first + second - (first - second) ** 2) / enlarged)
    low, high = first - second - half, first - second + half
    return McNemar(
        Estimate(value, max(-1.0, min(low, value)), min(1.0, max(high, value))),
        math.sqrt(differing - (b - c) ** 2 / n) / n,
        float(stats.binomtest(b, differing).pvalue) if differing else 1.0,
    )
