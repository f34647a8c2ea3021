"""The same requests before and after a change: means, quantiles and their differences, each with an interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aligntax.inference import CONFIDENCE, Estimate, mean, mean_of_differences, quantile
from aligntax.tax import quantile_ranks

__all__ = ["Contrast", "Seconds", "contrast_of_means", "contrast_of_quantiles", "widened"]

RESAMPLES = 2_000
_RESAMPLED_AT_ONCE = 2_000_000  # values, which bounds the memory that the bootstrap takes

Seconds = NDArray[np.float64]


class Contrast(NamedTuple):
    """One figure before and after a change; in seconds.

    Attributes:
        before: of the requests as they were.
        after: of the same requests with the change.
        difference: after minus before; a saving is negative.
    """

    before: Estimate
    after: Estimate
    difference: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {name: estimate.to_dict() for name, estimate in self._asdict().items()}


def contrast_of_means(before: Seconds, after: Seconds) -> Contrast:
    """Return the means, and the mean of the differences between pairs, with Student's t intervals."""
    return Contrast(mean(before), mean(after), mean_of_differences(before, after))


def contrast_of_quantiles(before: Seconds, after: Seconds, q: float, seed: int = 0) -> Contrast:
    """Return a quantile of both, and the difference of the two quantiles.

    That is not the quantile of the differences, so it gets its interval from a paired bootstrap: requests are drawn
    anew, each with both of its values. Its ends are percentiles of what the draws give.

    Args:
        before: shape (n,), seconds.
        after: shape (n,), of the same requests in the same order.
        q: which quantile, between 0 and 1.
        seed: of the draws.

    Returns:
        The contrast, without intervals where n is too small for a distribution-free one of this quantile.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, sections 8.3 and 13.3.
    """
    value = float(np.quantile(after, q) - np.quantile(before, q))
    difference = Estimate(value)
    if quantile_ranks(len(before), q, CONFIDENCE) is not None:
        drawn = stats.bootstrap(
            (before, after),
            lambda first, second, axis: np.quantile(second, q, axis=axis) - np.quantile(first, q, axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=max(1, _RESAMPLED_AT_ONCE // len(before)),
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        difference = Estimate(value, min(value, float(drawn.low)), max(value, float(drawn.high)))
    return Contrast(quantile(before, q), quantile(after, q), difference)


def widened(estimate: Estimate, added: Estimate | None, scale: float = 1.0) -> Estimate:
    """Return an estimate whose value holds that of another one, with the ends of that one's interval added to its own.

    Where both intervals cover what they are of, so does their sum, however the two depend on each other.

    Args:
        estimate: what to widen.
        added: what its value holds already; None leaves it as it is.
        scale: what `added` was multiplied with; below 0 where it was taken away.
    """
    if added is None or estimate.low is None or estimate.high is None:
        return estimate
    if added.low is None or added.high is None:
        return Estimate(estimate.value)
    low, high = sorted(scale * (end - added.value) for end in (added.low, added.high))
    return Estimate(estimate.value, estimate.low + low, estimate.high + high)
