"""Showing that nothing changed, with ranks.

Requests have a long tail: one that waited for the processor weighs as much in a mean as a hundred others, and on a busy
machine no test of means ever shows two runs of the same code to be equal. So the two one-sided tests are made with the
statistic that the test of a difference uses, ranks, on samples that are moved by the margin.
"""

from __future__ import annotations

import numpy as np

from aligntax.experiment.gate.measured import Values
from aligntax.inference import permutation_p

__all__ = ["equivalence_by_ranks"]


def equivalence_by_ranks(base: Values, new: Values, margin: float, *, paired: bool) -> float:
    """Return the p of "the arms lie the margin or more apart"; a small one shows that they do not.

    The larger of two one-sided Wilcoxon tests' p (signed ranks where paired, Mann and Whitney's where not). Source:
    Wellek, Testing Statistical Hypotheses of Equivalence and Noninferiority, sections 5.4 and 6.2; Schuirmann (1987)
    for the two tests.

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m = n and the same order where paired.
        margin: how large a difference is still none, in the unit of the samples, above 0.
        paired: whether the values of both arms belong together.
    """
    return max(_above(new + margin, base, paired=paired), _above(base + margin, new, paired=paired))


def _above(left: Values, right: Values, *, paired: bool) -> float:
    """Return the one-sided p of "left does not lie above right"."""
    distance = np.median(left - right) if paired else np.median(left) - np.median(right)
    if distance <= 0:
        return 1.0
    return permutation_p(right, left, paired, "ranks") / 2  # half the two-sided one, which has both tails alike
