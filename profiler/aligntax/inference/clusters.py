"""Items that come in groups, and say less than as many independent ones: what is drawn at random is the group."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import Sample, probability, sample

BOOTSTRAP_RESAMPLES = 1999
FEWEST_CLUSTERS = 5
"""Fewer say too little of how far others would lie from them."""
_CELLS = 1 << 20  # drawn indices held at once


def clustered_mean(values: ArrayLike, clusters: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of values that come in clusters, e.g. of differences of paired items that share a text.

    The interval is Student's, with one degree of freedom less than there are clusters; none for a single cluster.

    Args:
        values: shape (n,), n >= 1, finite.
        clusters: shape (n,); equal labels are one cluster.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for values that are no sample, labels that are not as many, or a confidence out of range.
    """
    probability("confidence", confidence)
    found = sample("values", values)
    groups = _groups(clusters, len(found))
    value, number = float(found.mean()), int(groups.max()) + 1
    if number < 2:
        return Estimate(value)
    error = math.sqrt(float(_covariance(found[:, None], groups)[0, 0]))
    half = float(stats.t.isf((1 - confidence) / 2, number - 1)) * error
    return Estimate(value, value - half, value + half)


def clustered_covariance(columns: Sequence[ArrayLike], clusters: ArrayLike) -> NDArray[np.float64]:
    """Return the covariance matrix of the means of several columns over the same items, which come in clusters.

    Its diagonal holds the squares of the standard errors. With every item a cluster of its own these are SD / sqrt(n).
    Source: Liang and Zeger, Longitudinal data analysis using generalized linear models, Biometrika 73 (1986), with the
    factor G / (G - 1) for G clusters.

    Args:
        columns: k of them, each of shape (n,), finite.
        clusters: shape (n,); equal labels are one cluster; at least two different ones.

    Returns:
        Shape (k, k).

    Raises:
        ValueError: for columns that are no samples or differ in length, or fewer than two clusters.
    """
    found: list[Sample] = [sample(f"column {number}", column) for number, column in enumerate(columns)]
    if len({len(column) for column in found}) != 1:
        raise ValueError(f"columns have {[len(column) for column in found]} values; pass the same items in each")
    groups = _groups(clusters, len(found[0]))
    if int(groups.max()) < 1:
        raise ValueError("clusters holds one label only, which has no spread; pass items of two clusters or more")
    return _covariance(np.column_stack(found), groups)


def cluster_bootstrap(
    statistic: Callable[[Any], float],
    clusters: Sequence[Any] | NDArray[Any],
    seed: int = 0,
    resamples: int = BOOTSTRAP_RESAMPLES,
    confidence: float = CONFIDENCE,
    *,
    method: Literal["percentile", "basic"] = "percentile",
) -> Estimate:
    """Return a statistic of clusters, with an interval from drawing whole clusters anew, with replacement.

    The ends lie a little further out than the confidence says, as Student's t does from the normal distribution: plain
    percentiles are too narrow where clusters are few. Source: Hesterberg, What teachers should know about the
    bootstrap, section 5.3, The American Statistician 69 (2015), whose expanded percentiles these are.

    Args:
        statistic: of clusters, any number of times each; a finite number.
        clusters: each is one element, with all of its items: of a sequence, or along the first axis of an array, and
            is handed to `statistic` as a list or an array, accordingly.
        seed: of the draws.
        resamples: how many draws, at least 99.
        confidence: of the interval, between 0 and 1.
        method: `percentile`; or `basic`, its mirror image, for a statistic that repeated clusters pull to one side.

    Returns:
        The statistic of the clusters as they are. No interval where there are fewer than `FEWEST_CLUSTERS` of them. An
        interval that the draws' bias has moved beyond the statistic is widened to hold it.

    Raises:
        ValueError: if there are no clusters, a statistic is not finite, or a setting is out of range.
    """
    probability("confidence", confidence)
    n = len(clusters)
    if n < 1:
        raise ValueError("clusters is empty; pass at least one")
    if resamples < 99:
        raise ValueError(f"resamples={resamples} are too few for the ends of an interval; draw at least 99")
    if method not in ("percentile", "basic"):
        raise ValueError(f"method={method!r} is unknown; use percentile or basic")

    def drawn(places: NDArray[Any]) -> float:
        whole = places.astype(np.intp)
        chosen = clusters[whole] if isinstance(clusters, np.ndarray) else [clusters[place] for place in whole]
        found = float(statistic(chosen))
        if not math.isfinite(found):
            raise ValueError(f"the statistic of {n} clusters drawn anew is {found}; use one that is always finite")
        return found

    value = drawn(np.arange(n))
    if n < FEWEST_CLUSTERS:
        return Estimate(value)
    outer = math.sqrt(n / (n - 1)) * float(stats.t.isf((1 - confidence) / 2, n - 1))
    found = stats.bootstrap(
        (np.arange(n),),
        drawn,
        vectorized=False,
        n_resamples=resamples,
        batch=max(1, _CELLS // n),
        confidence_level=1 - 2 * float(stats.norm.sf(outer)),
        method=method,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, min(float(found.low), value), max(float(found.high), value))


def _groups(clusters: ArrayLike, n: int) -> NDArray[np.intp]:
    """Return the number of the cluster of each item."""
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise ValueError(f"clusters has shape {labels.shape} for {n} values; pass one label for each of them")
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)


def _covariance(columns: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    n, number = len(columns), int(groups.max()) + 1
    sums = np.zeros((number, columns.shape[1]))
    np.add.at(sums, groups, columns - columns.mean(axis=0))
    found: NDArray[np.float64] = sums.T @ sums * (number / (number - 1)) / n**2
    return found
