"""How the tax grows: the exponent of a power law through the points of a sweep, if there are enough of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from aligntax.inference import Estimate, fit_line

__all__ = ["FEWEST_SIZES", "Fit", "Point", "fit_exponent"]

FEWEST_SIZES = 4
"""Below it an exponent has at most one degree of freedom for its error: whatever came out would look like a law."""
MISFIT = 0.01
ROUNDING = 1e-9  # of a logarithm: what differs by less differs only as binary numbers do


class Point(NamedTuple):
    """The tax at one value of the parameter; times in seconds.

    Attributes:
        value: of the parameter, above 0.
        n: how many pairs.
        raw, guarded: medians.
        tax: median of the pairwise differences.
        mean_tax: mean of the pairwise differences.
        relative: ratio of the means, less 1.
    """

    value: float
    n: int
    raw: Estimate
    guarded: Estimate
    tax: Estimate
    mean_tax: Estimate
    relative: Estimate

    @property
    def distinguishable(self) -> bool | None:
        """Whether the interval of the tax leaves out 0; None where n is too small for one."""
        return None if self.tax.low is None else not self.tax.covers(0)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        times = {"raw": self.raw, "guarded": self.guarded, "tax": self.tax, "mean_tax": self.mean_tax}
        return {
            "value": self.value,
            "n": self.n,
            **{f"{name}_seconds": estimate.to_dict() for name, estimate in times.items()},
            "relative": self.relative.to_dict(),
            "distinguishable": self.distinguishable,
        }


class Fit(NamedTuple):
    """A power law: tax = coefficient * value ** exponent.

    Attributes:
        exponent: with its interval.
        coefficient: in seconds, at value 1.
        fitted: the values that it was fitted to.
        scatter: how far the points lie from the line, as a multiple of what their own intervals say: about 1 if the law
            holds. None where they have no spread at all, as on a simulated clock.
        p: how likely such scatter, or more, is if the law holds; None as above.
    """

    exponent: Estimate
    coefficient: float
    fitted: tuple[float, ...]
    scatter: float | None
    p: float | None

    @property
    def misfit(self) -> bool:
        """Whether a power law does not describe the points."""
        return self.p is not None and self.p < MISFIT

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "exponent": self.exponent.to_dict(),
            "coefficient": self.coefficient,
            "fitted": list(self.fitted),
            "p_of_fit": self.p,
            "widened": max(1.0, self.scatter or 1.0),
        }


def fit_exponent(points: Sequence[Point]) -> Fit | str:
    """Fit a power law to the taxes of a sweep: a line through their logarithms, by weighted least squares.

    A point weighs by the width of its interval, which is as good on the logarithm as it is in seconds. How sure the
    exponent is follows from how far the points lie from the line, and not from their own intervals (see `fit_line`):
    sizes are built and measured one after the other, so they differ by more than their requests do.

    Args:
        points: of one sweep. Those whose tax is not surely above 0 have no logarithm to speak of, and are left out.

    Returns:
        The fit, or why there is none.
    """
    usable = [point for point in points if point.tax.low is not None and point.tax.low > 0]
    if len(usable) < FEWEST_SIZES:
        return _reason(points, usable)
    taxes = [point.tax for point in usable]
    logs, heights = np.log([point.value for point in usable]), np.log([tax.value for tax in taxes])
    sigmas = np.array([_sigma(tax) for tax in taxes])
    spread = sigmas > ROUNDING
    # Ties can make an interval a point: no size is surer than the surest of the others.
    sigmas = np.where(spread, sigmas, sigmas[spread].min()) if spread.any() else np.ones_like(sigmas)
    line = fit_line(logs.tolist(), heights.tolist(), sigmas.tolist())
    freedom = len(usable) - 2
    squares = float((((heights - line.intercept - line.slope.value * logs) / sigmas) ** 2).sum())
    return Fit(
        line.slope,
        math.exp(line.intercept),
        tuple(point.value for point in usable),
        math.sqrt(squares / freedom) if spread.any() else None,
        float(stats.chi2.sf(squares, freedom)) if spread.any() else None,
    )


def _sigma(tax: Estimate) -> float:
    """Return the standard error of a tax's logarithm, as its interval says."""
    error = Estimate(*(math.log(each) for each in tax if each is not None)).standard_error()
    assert error is not None  # noqa: S101 (the caller has looked)
    return error


def _reason(points: Sequence[Point], usable: Sequence[Point]) -> str:
    if len(points) < FEWEST_SIZES:
        return f"{len(points)} sizes are too few for an exponent; measure at {FEWEST_SIZES} or more"
    unclear = ", ".join(f"{point.value:g}" for point in points if point not in usable)
    return (
        f"the tax is surely above 0 at {len(usable)} of {len(points)} sizes only, and an exponent takes "
        f"{FEWEST_SIZES}; measure for longer, or at larger ones (unclear: {unclear})"
    )
