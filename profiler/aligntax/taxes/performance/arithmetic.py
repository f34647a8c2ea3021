"""The tax of one score: raw minus aligned, signed so that above 0 is worse, with what it takes to believe it.

All in the unit of the file. Formulas: TAX.md, "Performance tax".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aligntax.inference import Estimate, clustered_covariance, fieller, mcnemar, newcombe
from aligntax.taxes.performance.pairing import Pairs
from aligntax.taxes.performance.scores import Score

__all__ = [
    "BINARY",
    "CLUSTERED",
    "CONTINUOUS",
    "COUNTED",
    "POINT",
    "SUMMARIES",
    "Contrast",
    "of_pairs",
    "of_summaries",
    "two_sided",
]

BINARY = "paired, binary: (b - c)/n, exact McNemar test, Bonett and Price's interval"
CONTINUOUS = "paired: mean difference, SD/sqrt(n), Student's t"
CLUSTERED = "paired, clustered: mean difference, clustered standard error, Student's t over clusters"
SUMMARIES = "unpaired: raw - aligned, sqrt(SE0^2 + SE1^2)"
COUNTED = "unpaired, shares: raw - aligned, Newcombe's interval, pooled z test"
POINT = "raw - aligned, without an interval"


class Contrast(NamedTuple):
    """Two scores side by side.

    Attributes:
        absolute: direction times (raw - aligned).
        raw: score of the raw arm.
        aligned: of the other.
        error: standard error of the absolute tax; None where it is not known, as are all that follow from it.
        raw_error: of the raw score.
        covariance: of the absolute tax and the raw score.
        freedom: degrees of freedom of the errors.
        p: of "no difference", two-sided.
        n: items.
        formula: how it was computed.
        middle: what the interval's middle is; the tax itself, but for shares of counts.
        counts: items that only raw has right, and that only aligned has right; None where they are not counted.
        span: how far the scores of items lie apart, where every item scored the same in both arms; else None.
    """

    absolute: Estimate
    raw: float
    aligned: float
    error: float | None
    raw_error: float | None
    covariance: float
    freedom: float
    p: float | None
    n: int | None
    formula: str
    middle: float
    counts: tuple[int, int] | None = None
    span: float | None = None

    def p_equivalent(self, margin: float) -> float | None:
        """Return the p of "the tax is the margin or more, either way": the larger of two one-sided t tests (TOST).

        Source: Schuirmann (1987). It agrees with the interval of 1 - 2 alpha.
        """
        if self.error is None:
            return None
        if self.error == 0 and self.span is not None:
            # No item of n differs: if a share of them did, that would happen with a chance of (1 - share)^n; and only
            # a share of margin / span or more can move the mean by the margin.
            return 1.0 if self.span == 0 or self.n is None else max(0.0, 1 - margin / self.span) ** self.n
        if self.error == 0:
            return 0.0 if abs(self.middle) < margin else 1.0
        ends = ((margin - self.middle) / self.error, (margin + self.middle) / self.error)
        return max(float(stats.t.sf(end, self.freedom)) for end in ends)

    def relative(self, confidence: float, base: float = 0.0) -> Estimate | None:
        """Return the tax as a share of raw minus a base, with Fieller's interval; None where that interval includes 0.

        Args:
            confidence: of the interval.
            base: what chance alone scores.
        """
        below = self.raw - base
        if below == 0:
            return None
        if self.error is None or self.raw_error is None:
            return Estimate(self.absolute.value / below)
        most = self.error * self.raw_error
        return fieller(
            self.absolute.value,
            below,
            self.error,
            self.raw_error,
            min(most, max(-most, self.covariance)),
            confidence,
            freedom=self.freedom,
        )


def of_pairs(pairs: Pairs, direction: int, confidence: float) -> Contrast:
    """Return the tax over the same items.

    Args:
        pairs: of at least one item.
        direction: 1 where more is better, -1 where less is.
        confidence: of the interval.
    """
    n = len(pairs.raw)
    differences = direction * (pairs.raw - pairs.aligned)
    ends = float(pairs.raw.mean()), float(pairs.aligned.mean())
    if pairs.clusters is not None:
        return _clustered(pairs, pairs.clusters, differences, ends, confidence)
    if pairs.binary:
        return _binary(pairs, direction, ends, confidence)
    value = float(differences.mean())
    if n < 2:
        return Contrast(Estimate(value), *ends, None, None, 0.0, math.inf, None, n, CONTINUOUS, value)
    matrix = np.cov(differences, pairs.raw, ddof=1) / n
    return _by_t(value, ends, matrix, n - 1.0, n, CONTINUOUS, confidence, span=_span(pairs))


def _binary(pairs: Pairs, direction: int, ends: tuple[float, float], confidence: float) -> Contrast:
    n = len(pairs.raw)
    first, second = (pairs.raw, pairs.aligned) if direction > 0 else (pairs.aligned, pairs.raw)
    b, c = int((first > second).sum()), int((second > first).sum())
    found = mcnemar(b, c, n, confidence)
    middle, error = _read_off(found.difference, confidence)
    # The plain error is 0 where no item differs; the interval's own is not.
    matrix = np.cov(first - second, pairs.raw, ddof=0) / n
    return Contrast(
        found.difference,
        *ends,
        max(error, found.standard_error),
        math.sqrt(float(matrix[1, 1])),
        float(matrix[0, 1]),
        math.inf,
        found.p,
        n,
        BINARY,
        middle,
        (b, c),
    )


def _clustered(
    pairs: Pairs,
    clusters: NDArray[np.uint64],
    differences: NDArray[np.float64],
    ends: tuple[float, float],
    confidence: float,
) -> Contrast:
    n, number, value = len(pairs.raw), len(np.unique(clusters)), float(differences.mean())
    if number < 2:
        return Contrast(Estimate(value), *ends, None, None, 0.0, math.inf, None, n, CLUSTERED, value)
    matrix = clustered_covariance([differences, pairs.raw], clusters)
    return _by_t(value, ends, matrix, number - 1.0, n, CLUSTERED, confidence, span=_span(pairs))


def _span(pairs: Pairs) -> float | None:
    return float(np.ptp(pairs.raw)) if np.array_equal(pairs.raw, pairs.aligned) else None


def _by_t(
    value: float,
    ends: tuple[float, float],
    matrix: NDArray[Any],
    freedom: float,
    n: int,
    formula: str,
    confidence: float,
    *,
    span: float | None,
) -> Contrast:
    error = math.sqrt(float(matrix[0, 0]))
    half = float(stats.t.isf((1 - confidence) / 2, freedom)) * error
    return Contrast(
        Estimate(value, value - half, value + half),
        *ends,
        error,
        math.sqrt(float(matrix[1, 1])),
        float(matrix[0, 1]),
        freedom,
        two_sided(value, error, freedom),
        n,
        formula,
        value,
        None,
        span,
    )


def of_summaries(
    raw: Score, aligned: Score, direction: int, confidence: float, *, counted_of: float | None = None
) -> Contrast:
    """Return the tax between two scores of which the items are not known, or not the same.

    Args:
        raw: score with its standard error, or of items that are counted, with n.
        aligned: likewise.
        direction: 1 where more is better, -1 where less is.
        confidence: of the interval.
        counted_of: for a share of items that are right or wrong, what all of them score: 1 or 100; None for another.
    """
    value = direction * (raw.value - aligned.value)
    ends, n = (raw.value, aligned.value), raw.n if raw.n is not None else aligned.n
    counts = _counts(raw, counted_of), _counts(aligned, counted_of)
    errors = raw.standard_error, aligned.standard_error
    # An error of 0 is a share of 0 or 1 of few items, whose true share may lie elsewhere.
    if counted_of is not None and counts[0] is not None and counts[1] is not None and not all(errors):
        return _of_counts(counts[0], counts[1], direction, confidence, value, ends, counted_of)
    if errors[0] is None or errors[1] is None or not any(errors):
        return Contrast(Estimate(value), *ends, None, None, 0.0, math.inf, None, n, POINT, value)
    error = math.hypot(errors[0], errors[1])
    half = float(stats.norm.isf((1 - confidence) / 2)) * error
    return Contrast(
        Estimate(value, value - half, value + half),
        *ends,
        error,
        errors[0],
        direction * errors[0] ** 2,
        math.inf,
        two_sided(value, error, math.inf),
        n,
        SUMMARIES,
        value,
    )


def _of_counts(
    raw: tuple[int, int],
    aligned: tuple[int, int],
    direction: int,
    confidence: float,
    value: float,
    ends: tuple[float, float],
    whole: float,
) -> Contrast:
    first, second = (raw, aligned) if direction > 0 else (aligned, raw)
    found = newcombe(*first, *second, confidence)
    middle, error = (whole * each for each in _read_off(found, confidence))
    assert found.low is not None  # noqa: S101 (Newcombe's interval is never without ends)
    assert found.high is not None  # noqa: S101 (as above)
    absolute = Estimate(value, min(value, whole * found.low), max(value, whole * found.high))
    share = raw[0] / raw[1]
    raw_error = whole * math.sqrt(share * (1 - share) / raw[1])
    return Contrast(
        absolute,
        *ends,
        error,
        raw_error,
        direction * raw_error**2,
        math.inf,
        _pooled_p(first, second),
        raw[1],
        COUNTED,
        middle,
    )


def _counts(score: Score, whole: float | None) -> tuple[int, int] | None:
    """Return how many of n items are right; None where n is not known, or no whole number gives the score."""
    if whole is None or not score.n or score.error_refused:
        return None
    right = round(score.value / whole * score.n)
    fits = 0 <= right <= score.n and abs(whole * right / score.n - score.value) <= score.rounding
    return (right, score.n) if fits else None


def _pooled_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    right = first[0] + second[0]
    if right in (0, first[1] + second[1]):
        return 1.0
    table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _read_off(interval: Estimate, confidence: float) -> tuple[float, float]:
    """Return the middle of an interval and the standard error that a normal one of its width has."""
    assert interval.low is not None  # noqa: S101 (asked only of intervals that have ends)
    assert interval.high is not None  # noqa: S101 (as above)
    z = float(stats.norm.isf((1 - confidence) / 2))
    return (interval.low + interval.high) / 2, (interval.high - interval.low) / 2 / z


def two_sided(value: float, error: float, freedom: float) -> float:
    """Return the p of "no difference" by Student's t; without any error a difference is certain."""
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * float(stats.t.sf(abs(value) / error, freedom))
