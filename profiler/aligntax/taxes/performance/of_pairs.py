"""The tax over the same items: raw minus aligned, in the unit of the file. Formulas: TAX.md, "Performance tax"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aligntax.inference import Estimate, clustered_covariance, mcnemar
from aligntax.taxes.performance.contrast import Contrast, read_off, two_sided
from aligntax.taxes.performance.pairing import Pairs

__all__ = ["BINARY", "CLUSTERED", "CONTINUOUS", "of_pairs"]

BINARY = "paired, binary: (b - c)/n, exact McNemar test, Bonett and Price's interval"
CONTINUOUS = "paired: mean difference, SD/sqrt(n), Student's t"
CLUSTERED = "paired, clustered: mean difference, clustered standard error, Student's t over clusters"


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
    middle, error = read_off(found.difference, confidence)
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
