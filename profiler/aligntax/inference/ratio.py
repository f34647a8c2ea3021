"""How many times as long the new arm takes: the ratio of two means, with an interval on its logarithm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import Sample, arms, probability
from aligntax.inference.welch import welch


def ratio_of_means(base: ArrayLike, new: ArrayLike, paired: bool, confidence: float = CONFIDENCE) -> Estimate:
    """Return mean(new) / mean(base), with an interval by the delta method on the log ratio.

    The variance of the log ratio is that of `new / mean(new) - base / mean(base)` over n where the arms are paired,
    which takes their covariance in, and the sum of both arms' where they are not. The error is Student's, with n - 1
    degrees of freedom, or Welch's. Source: Casella and Berger, Statistical Inference, section 5.5.4.

    Args:
        base: shape (n,), finite, with a mean above 0.
        new: shape (m,), finite, with a mean above 0; m = n and the same order where paired.
        paired: whether both arms hold the same requests.
        confidence: of the interval, between 0 and 1.

    Returns:
        The ratio: 1.05 says that new takes 5 % longer. No interval where an arm has a single value.

    Raises:
        ValueError: for arms that are no samples, that are paired and differ in length, or whose mean is not above 0,
            or a confidence out of range.
    """
    probability("confidence", confidence)
    first, second = arms(base, new, paired=paired)
    bottom, top = _positive_mean("base", first), _positive_mean("new", second)
    value = top / bottom
    if min(len(first), len(second)) < 2:
        return Estimate(value)
    if paired:
        freedom = len(first) - 1.0
        error = float(np.std(second / top - first / bottom, ddof=1)) / math.sqrt(len(first))
    else:
        error, freedom = welch(first / bottom, second / top)
    half = float(stats.t.isf((1 - confidence) / 2, freedom)) * error
    return Estimate(value, value * math.exp(-half), value * math.exp(half))


def relative_difference(base: ArrayLike, new: ArrayLike, paired: bool, confidence: float = CONFIDENCE) -> Estimate:
    """Return mean(new) / mean(base) - 1, which is 0.05 where new takes 5 % longer; see `ratio_of_means`."""
    ratio = ratio_of_means(base, new, paired, confidence)
    return Estimate(ratio.value - 1, *(None if end is None else end - 1 for end in ratio[1:]))


def _positive_mean(name: str, values: Sample) -> float:
    found = float(values.mean())
    if found <= 0:
        raise ValueError(
            f"the mean of {name} is {found:g}, and a ratio needs one above 0; "
            "give the difference of the arms alone, as an absolute figure"
        )
    return found
