"""The ratio of two estimates, with an interval that counts the error of the denominator, too."""

from __future__ import annotations

import math

from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import probability


def fieller(
    numerator: float,
    denominator: float,
    numerator_error: float,
    denominator_error: float,
    covariance: float = 0.0,
    confidence: float = CONFIDENCE,
    *,
    freedom: float = math.inf,
) -> Estimate | None:
    """Return numerator / denominator with Fieller's interval; None where the denominator's own interval includes 0.

    Source: Fieller, Some problems in interval estimation, J. R. Stat. Soc. B 16 (1954).

    Args:
        numerator: an estimate, in any unit.
        denominator: an estimate, in any unit.
        numerator_error: its standard error, 0 or more.
        denominator_error: its standard error, 0 or more; 0 for a number that is known.
        covariance: of the two estimates; 0 where they are independent. Where the numerator is raw minus new, and the
            denominator raw, of the same items, it is not.
        confidence: of the interval, between 0 and 1.
        freedom: degrees of freedom of the errors, for Student's t; infinite for the normal distribution.

    Raises:
        ValueError: if a number is not finite, an error is below 0, the covariance is more than the errors allow, or
            the confidence is out of range.
    """
    probability("confidence", confidence)
    _check(numerator, denominator, numerator_error, denominator_error, covariance)
    if not freedom > 0:
        raise ValueError(f"freedom={freedom} must be above 0")
    t = float(stats.t.isf((1 - confidence) / 2, freedom))
    if denominator == 0 or t * denominator_error >= abs(denominator):
        return None
    # All in units of the denominator, so that neither tiny nor huge ones over- or underflow when squared.
    ratio = numerator / denominator
    top, bottom = numerator_error / abs(denominator), denominator_error / abs(denominator)
    shared = covariance / denominator / denominator
    g = (t * bottom) ** 2
    square = top**2 - 2 * ratio * shared + (ratio * bottom) ** 2 - t**2 * ((top * bottom) ** 2 - shared**2)
    half = t * math.sqrt(max(0.0, square)) / (1 - g)  # below 0 by rounding only
    centre = (ratio - t**2 * shared) / (1 - g)
    return Estimate(ratio, min(centre - half, ratio), max(centre + half, ratio))


def _check(
    numerator: float, denominator: float, numerator_error: float, denominator_error: float, covariance: float
) -> None:
    errors = {"numerator_error": numerator_error, "denominator_error": denominator_error}
    every = {"numerator": numerator, "denominator": denominator, **errors, "covariance": covariance}
    for name, value in every.items():
        if not math.isfinite(value):
            raise ValueError(f"{name}={value} must be a finite number; leave out what was not measured")
    for name, value in errors.items():
        if value < 0:
            raise ValueError(f"{name}={value} must be 0 or more; pass a standard error")
    most = numerator_error * denominator_error
    if abs(covariance) > most * (1 + 1e-9):
        raise ValueError(
            f"covariance={covariance:g} is beyond the product of the errors, {most:g}; pass a covariance of the two "
            "estimates, not of single items"
        )
