"""How steady guards are: how much their latency varies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aligntax.inference import CONFIDENCE, Estimate, mean

__all__ = ["variation", "variation_of_repeats"]

LEAST = 30
"""Below so many values the variance of a variance is anybody's guess."""


def variation(seconds: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the coefficient of variation, with an interval by the delta method on its logarithm.

    Var(ln c) is ((k - 1) / 4 - g c + c^2) / n, with the coefficient c, the skewness g and the kurtosis k of the
    values. Source: Cramer, Mathematical Methods of Statistics (1946), section 27.7.

    Args:
        seconds: shape (n,), one value for each text, 0 or more.
        confidence: of the interval, between 0 and 1.

    Returns:
        The coefficient, without an interval below 30 values; None below 2 values, or where all are 0.
    """
    n = len(seconds)
    if n < 2 or not seconds.any():
        return None
    value = float(stats.variation(seconds, ddof=1))
    if n < LEAST:
        return Estimate(value)
    if np.ptp(seconds) == 0:
        return Estimate(0.0, 0.0, 0.0)
    # By hand, because SciPy's warn of values that are nearly alike; here these give no interval to speak of, rightly.
    scores = (seconds - seconds.mean()) / seconds.std()
    skewness, kurtosis = float(np.mean(scores**3)), float(np.mean(scores**4))
    error = math.sqrt(max(0.0, (kurtosis - 1) / 4 - skewness * value + value**2) / n)
    reach = float(stats.norm.isf((1 - confidence) / 2)) * error
    return Estimate(value, value * math.exp(-reach), value * math.exp(reach))


def variation_of_repeats(squared: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate | None:
    """Return how much the latency of one and the same text varies: the root mean square of the texts' coefficients.

    The interval is Student's of the mean square over texts, and its root.

    Args:
        squared: shape (n,), the squared coefficient of variation of each text over its repeats.
        confidence: of the interval, between 0 and 1.

    Returns:
        The coefficient, without an interval of a single text; None without any.
    """
    if not len(squared):
        return None
    found = mean(squared, confidence)
    return Estimate(*(None if end is None else math.sqrt(max(0.0, end)) for end in found))  # type: ignore[arg-type]
