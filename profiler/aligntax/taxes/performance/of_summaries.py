"""The tax between scores of unknown or other items, in the unit of the file. Formulas: TAX.md, "Performance tax"."""

from __future__ import annotations

import math

from scipy import stats

from aligntax.inference import Estimate, newcombe
from aligntax.taxes.performance.contrast import Contrast, read_off, two_sided
from aligntax.taxes.performance.scores import Score

__all__ = ["COUNTED", "POINT", "SUMMARIES", "of_summaries"]

SUMMARIES = "unpaired: raw - aligned, sqrt(SE0^2 + SE1^2)"
COUNTED = "unpaired, shares: raw - aligned, Newcombe's interval, pooled z test"
POINT = "raw - aligned, without an interval"


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
    middle, error = (whole * each for each in read_off(found, confidence))
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
