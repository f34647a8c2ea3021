"""A line through relative taxes over the logarithm of the size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from aligntax.inference import CONFIDENCE, Estimate, fit_line
from aligntax.inference.samples import probability
from aligntax.taxes.scaling.points import Point

__all__ = ["CANNOT_TELL", "FEWEST_SIZES", "FORMULA", "GROWS", "PER_TENFOLD", "SHRINKS", "Slope", "fit_slope"]

FEWEST_SIZES = 4
GROWS, SHRINKS, CANNOT_TELL = "grows", "shrinks", "cannot tell"
FORMULA = "relative tax = a + b log10(size), least squares, Student's t"
PER_TENFOLD = "share per tenfold size"


class Slope(NamedTuple):
    """The line.

    Attributes:
        per_tenfold: b: what the relative tax changes by from one size to one ten times as large; a share, signed.
        intercept: a: the relative tax at size 1, where the line was not measured; to draw it with.
        weighted: whether the sizes weigh by their standard errors; they do if all have one.
    """

    per_tenfold: Estimate
    intercept: float
    weighted: bool

    @property
    def direction(self) -> str:
        """`grows`, `shrinks` (a growing bonus does, too), or `cannot tell` where the interval of b includes 0."""
        _, low, high = self.per_tenfold
        if low is not None and low > 0:
            return GROWS
        return SHRINKS if high is not None and high < 0 else CANNOT_TELL

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "per_tenfold": self.per_tenfold.to_dict(),
            "intercept": self.intercept,
            "weighted": self.weighted,
            "direction": self.direction,
        }


def fit_slope(points: Sequence[Point], confidence: float = CONFIDENCE) -> Slope | str:
    """Fit a line to the relative taxes of several sizes, or return why there is none.

    How sure the slope is follows from how far the points lie from the line, not from their own errors: models of
    several sizes were trained one by one, and differ by more than their size. See `aligntax.inference.fit_line`.

    Args:
        points: of one family and one figure, each size once.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: if there is no point, a size comes twice, or they are of several families or figures.
    """
    probability("confidence", confidence)
    _check(points)
    if len(points) < FEWEST_SIZES:
        counted = "1 size is" if len(points) == 1 else f"{len(points)} sizes are"
        return (
            f"{counted} too few for a slope: the points alone are told, not whether the tax grows; "
            f"measure models of {FEWEST_SIZES} sizes or more"
        )
    logs = [math.log10(point.size) for point in points]
    line = fit_line(logs, [point.relative for point in points], [point.error for point in points], confidence)
    return Slope(line.slope, line.intercept, line.weighted)


def _check(points: Sequence[Point]) -> None:
    if not points:
        raise ValueError("there are no sizes; give the tax of one model at least")
    families = sorted({point.family for point in points})
    if len(families) > 1:
        raise ValueError(
            f"sizes of {len(families)} families ({', '.join(map(repr, families[:6]))}) make no line; "
            "choose one with --family"
        )
    figures = {point.figure: point for point in points}
    if len(figures) > 1:
        told = ", ".join(f"{name!r} of {point.source}" for name, point in sorted(figures.items())[:6])
        raise ValueError(f"sizes of {len(figures)} figures ({told}) make no line; name one that all have with --figure")
    seen: set[float] = set()
    for point in points:
        if point.size in seen:
            raise ValueError(f"size {point.size:g} comes twice; keep one of the two, or give other sizes")
        seen.add(point.size)
