"""One tax of many tasks: the macro average, in which every task weighs alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from aligntax.inference import Estimate
from aligntax.taxes.performance.contrast import Contrast, two_sided

__all__ = ["MACRO", "macro"]

MACRO = "macro average: mean of the tasks' taxes, SE = sqrt(sum of SE^2)/k; relative: over the mean of raw"


def macro(contrasts: Sequence[Contrast], confidence: float) -> Contrast:
    """Return the mean of taxes that are in one unit. Tasks are taken to be independent of each other.

    Degrees of freedom by Welch and Satterthwaite. Without an interval where one of the tasks has none.

    Args:
        contrasts: of at least one task each.
        confidence: of the interval.
    """
    k = len(contrasts)
    value = sum(found.absolute.value for found in contrasts) / k
    raw, aligned = (sum(ends) / k for ends in zip(*((found.raw, found.aligned) for found in contrasts), strict=True))
    known = [found.n for found in contrasts if found.n is not None]
    n = sum(known) if len(known) == k else None
    errors = [found.error for found in contrasts if found.error is not None]
    raw_errors = [found.raw_error for found in contrasts if found.raw_error is not None]
    if len(errors) < k or len(raw_errors) < k:
        return Contrast(Estimate(value), raw, aligned, None, None, 0.0, math.inf, None, n, MACRO, value)
    error = math.hypot(*errors) / k
    weights = sum((each / k) ** 4 / found.freedom for each, found in zip(errors, contrasts, strict=True))
    freedom = error**4 / weights if weights > 0 else math.inf
    middle = sum(found.middle for found in contrasts) / k
    half = float(stats.t.isf((1 - confidence) / 2, freedom)) * error
    return Contrast(
        Estimate(value, min(value, middle - half), max(value, middle + half)),
        raw,
        aligned,
        error,
        math.hypot(*raw_errors) / k,
        sum(found.covariance for found in contrasts) / k**2,
        freedom,
        two_sided(value, error, freedom),
        n,
        MACRO,
        middle,
    )
