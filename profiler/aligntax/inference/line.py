"""A straight line through estimates that lie at several places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from aligntax.inference.estimate import CONFIDENCE, Estimate
from aligntax.inference.samples import probability

__all__ = ["FittedLine", "fit_line"]

_ROUNDING = 1e-12


class FittedLine(NamedTuple):
    """A line.

    Attributes:
        slope: by how much it rises from one place to the next one, with its interval.
        intercept: its height at place 0.
        weighted: whether points weigh by their standard errors.
    """

    slope: Estimate
    intercept: float
    weighted: bool


def fit_line(
    places: Sequence[float],
    heights: Sequence[float],
    errors: Sequence[float | None] = (),
    confidence: float = CONFIDENCE,
) -> FittedLine:
    """Fit a line by least squares.

    How sure the slope is follows from how far the points lie from the line, and not from their own errors; Student's t
    with two fewer degrees of freedom than there are points.

    Args:
        places: where the points are; at least two different ones.
        heights: as many.
        errors: standard errors of the heights; points weigh by them if all have one above 0.
        confidence: of the interval, between 0 and 1.

    Raises:
        ValueError: for fewer than 3 points, lists of different lengths, numbers that are not finite, and places that
            are all the same.

    Source: Draper and Smith, Applied Regression Analysis, sections 1.4 and 9.2.
    """
    probability("confidence", confidence)
    across, up = np.asarray(places, float), np.asarray(heights, float)
    if len(across) != len(up) or len(across) < 3:
        raise ValueError(f"{len(across)} places and {len(up)} heights make no line; give 3 or more of each")
    if not (np.isfinite(across).all() and np.isfinite(up).all()):
        raise ValueError("places and heights must be finite numbers; leave out what was not measured")
    if np.ptp(across) == 0:
        raise ValueError(f"all points lie at place {across[0]:g}; a slope takes two places")
    known = [error for error in errors if error is not None and error > 0]
    weighted = len(known) == len(up)
    weights = 1 / np.asarray(known) if weighted else np.ones(len(up))
    centre = float(np.average(across, weights=weights**2))
    # Around the centre the slope and the height are independent, which keeps the digits that matter.
    (slope, height), covariance = np.polyfit(across - centre, up, 1, w=weights / weights.max(), cov=True)
    error = math.sqrt(float(covariance[0, 0]))
    if error * float(np.ptp(across)) <= _ROUNDING * float(np.abs(up).max()):  # on the line but for rounding
        error = 0.0
        slope = 0.0 if np.ptp(up) == 0 else slope
    half = float(stats.t.isf((1 - confidence) / 2, len(up) - 2)) * error
    return FittedLine(
        Estimate(float(slope), float(slope) - half, float(slope) + half), float(height - slope * centre), weighted
    )
