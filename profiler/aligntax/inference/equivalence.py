"""Showing that nothing changed: two one-sided t tests against a margin (TOST)."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import stats

from aligntax.inference.samples import Sample, arms
from aligntax.inference.welch import welch


def equivalence_p(base: ArrayLike, new: ArrayLike, margin: float, paired: bool, *, absolute: bool = False) -> float:
    """Return the p of "the means differ by the margin or more"; a small one shows that they do not.

    The larger of two one-sided t tests' p (Student's where paired, Welch's otherwise). A relative margin is tested as
    mean(new) against (1 + margin) mean(base) and (1 - margin) mean(base), so that the error of the base counts, too.
    Sources: Schuirmann, A comparison of the two one-sided tests procedure (1987); for ratios, Sasabuchi's tests in
    Hauschke, Kieser and Hothorn, Proof of safety in toxicology based on the ratio of two means (1999).

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m = n and the same order where paired.
        margin: how large a difference is still none: a share of the base mean (0.02 is 2 %), above 0.
        paired: whether both arms hold the same requests.
        absolute: whether the margin is in the unit of the samples instead.

    Returns:
        p, from 0 to 1. It is 1 where an arm has a single value: nothing is shown by that.

    Raises:
        ValueError: for arms that are no samples, or are paired and differ in length, a margin that is not above 0, or
            a relative margin of a base whose mean is not above 0.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin={margin} must be a finite number above 0, e.g. 0.02 for 2 %")
    first, second = arms(base, new, paired=paired)
    centre = float(first.mean())
    if not absolute and centre <= 0:
        raise ValueError(
            f"the mean of base is {centre:g}, and a share of it is no margin; "
            "give the margin in the unit of the samples, with absolute=True"
        )
    if min(len(first), len(second)) < 2:
        return 1.0
    if absolute:
        return max(
            _above(second + margin, first, paired=paired),
            _above(first + margin, second, paired=paired),
        )
    return max(
        _above(second, (1 - margin) * first, paired=paired),
        _above((1 + margin) * first, second, paired=paired),
    )


def _above(left: Sample, right: Sample, *, paired: bool) -> float:
    """Return the one-sided p of "the mean of left is not above that of right"."""
    if paired:
        found = left - right
        distance, freedom = float(found.mean()), len(found) - 1.0
        error = float(found.std(ddof=1)) / math.sqrt(len(found))
    else:
        distance = float(left.mean() - right.mean())
        error, freedom = welch(left, right)
    if error == 0:  # every value alike: the sign of the distance is all there is
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / error, freedom))
