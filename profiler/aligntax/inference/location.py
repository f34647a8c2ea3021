"""Where a sample lies, and how far one lies from another: means by Student's t, quantiles by order statistics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import Sample, arms, differences, probability, sample
from aligntax.tax import quantile_ranks


def mean(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean and Student's t interval; no interval for a single value.

    Args:
        values: shape (n,), n >= 1, finite.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for values that are no sample, or a confidence out of range.
    """
    return _mean(sample("values", values), confidence)


def median(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return the median and its distribution-free interval; see `quantile`."""
    return quantile(values, 0.5, confidence)


def quantile(values: ArrayLike, q: float, confidence: float = CONFIDENCE) -> Estimate:
    """Return a quantile and its distribution-free interval between two order statistics.

    It covers at least as often as it says for any distribution; more often where n is small, since there are only so
    many order statistics to choose from, and where values are tied. Source: David and Nagaraja, Order Statistics,
    section 7.1.

    Args:
        values: shape (n,), n >= 1, finite.
        q: which quantile, between 0 and 1.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for values that are no sample, or a q or a confidence out of range.
    """
    return _quantile(sample("values", values), q, confidence)


def mean_of_differences(base: ArrayLike, new: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of new minus base over pairs, with Student's t interval.

    Args:
        base: shape (n,), finite.
        new: shape (n,), of the same requests in the same order.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for arms that are no samples or differ in length, or a confidence out of range.
    """
    return _mean(differences(base, new), confidence)


def median_of_differences(base: ArrayLike, new: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return the median of new minus base over pairs, with its distribution-free interval; see `quantile`.

    It is the median of the differences, which is not the difference of the medians.

    Args:
        base: shape (n,), finite.
        new: shape (n,), of the same requests in the same order.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for arms that are no samples or differ in length, or a confidence out of range.
    """
    return _quantile(differences(base, new), 0.5, confidence)


def difference_of_medians(base: ArrayLike, new: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Return median(new) minus median(base) of two independent samples, with an interval.

    Each median's standard error is read off the distance of two of its order statistics, so that no density has to be
    estimated. Source: Price and Bonett, Distribution-free confidence intervals for difference and ratio of medians,
    J. Stat. Comput. Simul. 72 (2002).

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m need not be n.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for arms that are no samples, or a confidence out of range.
    """
    first, second = arms(base, new, paired=False)
    error, other = _median_error(first, confidence), _median_error(second, confidence)
    value = float(np.median(second)) - float(np.median(first))
    if error is None or other is None:
        return Estimate(value)
    half = float(stats.norm.isf((1 - confidence) / 2)) * math.hypot(error, other)
    return Estimate(value, value - half, value + half)


def _mean(values: Sample, confidence: float) -> Estimate:
    probability("confidence", confidence)
    value, n = float(values.mean()), len(values)
    if n < 2:
        return Estimate(value)
    half = float(stats.t.isf((1 - confidence) / 2, n - 1)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(value, value - half, value + half)


def _quantile(values: Sample, q: float, confidence: float) -> Estimate:
    ranks = quantile_ranks(len(values), q, confidence)
    value = float(np.quantile(values, q))
    if ranks is None:
        return Estimate(value)
    return Estimate(value, *_order_statistics(values, ranks))


def _median_error(values: Sample, confidence: float) -> float | None:
    """Return the standard error of a median; None where n is too small for two ranks that enclose it."""
    n = len(values)
    ranks = quantile_ranks(n, 0.5, confidence)
    if ranks is None:
        return None
    low, high = _order_statistics(values, ranks)
    # The ranks cover a little more often than they must: what they really cover says how many errors they are apart.
    missed = float(special.bdtr(ranks[0] - 1, n, 0.5) + special.bdtrc(ranks[1] - 1, n, 0.5))
    return (high - low) / (2 * float(stats.norm.isf(missed / 2)))


def _order_statistics(values: Sample, ranks: tuple[int, int]) -> tuple[float, float]:
    places = [rank - 1 for rank in ranks]
    low, high = np.partition(values, places)[places]
    return float(low), float(high)
