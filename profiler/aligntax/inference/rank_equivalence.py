"""Showing that nothing changed, by ranks.

Requests have a long tail: one that waited for the processor weighs as much in a mean as a hundred others, and on a busy
machine no test of means ever shows two runs of the same code to be equal. So the two one-sided tests are made with the
statistic that the test of a difference uses, ranks, on samples that are moved by the margin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aligntax.inference.permutation import RESAMPLES, permute
from aligntax.inference.samples import Sample, arms


def equivalence_by_ranks(base: ArrayLike, new: ArrayLike, margin: float, *, paired: bool) -> float:
    """Return the p of "the arms lie the margin or more apart"; a small one shows that they do not.

    The larger of two one-sided Wilcoxon tests' p (signed ranks where paired, Mann and Whitney's where not). Source:
    Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority, sections 5.4 and 6.2; Schuirmann (1987)
    for the two tests.

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m = n and the same order where paired.
        margin: how large a difference is still none, in the unit of the samples, above 0.
        paired: whether the values of both arms belong together.

    Raises:
        ValueError: if an arm is no sample, they cannot be paired, or the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin={margin} must be above 0: nothing is ever shown to be exactly the same")
    first, second = arms(base, new, paired=paired)
    return max(_above(second + margin, first, paired=paired), _above(first + margin, second, paired=paired))


def _above(left: Sample, right: Sample, *, paired: bool) -> float:
    """Return the one-sided p of "left does not lie above right"; 1 where the medians or the ranks say that, too."""
    distance = np.median(left - right) if paired else np.median(left) - np.median(right)
    if distance <= 0:
        return 1.0
    # Where most lie a little above and some far below, the ranks point the other way, and so does a small p.
    found = permute(right, left, paired=paired, statistic="ranks", seed=0, resamples=RESAMPLES)
    return found.p / 2 if found.difference > 0 else 1.0  # half the two-sided one, which has both tails alike
