"""Two scores side by side: their tax, signed so that above 0 is worse, with what it takes to believe it."""

from __future__ import annotations

from typing import NamedTuple

from scipy import stats

from aligntax.inference import Estimate, fieller

__all__ = ["Contrast", "read_off", "two_sided"]


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
            # No item of n, or group of n, differs: if a share of them did, that would happen with a chance of
            # (1 - share)^n; and only a share of margin / span or more can move the mean by the margin.
            return 1.0 if self.span == 0 else max(0.0, 1 - margin / self.span) ** (self.freedom + 1)
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


def two_sided(value: float, error: float, freedom: float) -> float:
    """Return the p of "no difference" by Student's t; without any error a difference is certain."""
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * float(stats.t.sf(abs(value) / error, freedom))


def read_off(interval: Estimate, confidence: float) -> tuple[float, float]:
    """Return the middle of an interval and the standard error that a normal one of its width has."""
    assert interval.low is not None  # noqa: S101 (asked only of intervals that have ends)
    assert interval.high is not None  # noqa: S101 (as above)
    z = float(stats.norm.isf((1 - confidence) / 2))
    return (interval.low + interval.high) / 2, (interval.high - interval.low) / 2 / z
