"""Permutation tests: how often chance alone would set two arms this far apart."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from aligntax.inference.samples import Sample, arms

Statistic = Literal["mean", "median", "ranks"]

RESAMPLES = 9999  # with the observed one 10,000: the least p is 0.0002, and p = 0.05 is known to 0.006 (two errors)
NORMAL_FROM = 1000  # values of each arm, or pairs, from which a rank statistic's normal limit is nearer than 9999 draws
_CELLS = 1 << 18  # numbers permuted at once; SciPy holds about twenty copies of eight bytes each


class Permuted(NamedTuple):
    """What a permutation test found.

    Attributes:
        difference: the statistic as observed, new minus base; of ranks it is in ranks.
        p: two-sided p of "no difference".
    """

    difference: float
    p: float


def permutation_p(
    base: ArrayLike,
    new: ArrayLike,
    paired: bool,
    statistic: Statistic = "mean",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> float:
    """Return the two-sided p of "both arms are drawn from one distribution", by permuting them.

    Paired arms: the signs of the differences are flipped. Independent arms: the values are dealt anew. Where there are
    no more than `resamples` ways, all of them are counted and p is exact; otherwise that many are drawn. Ties and zero
    differences are treated as they are: ranks are mid-ranks, and zeros rank but count for neither arm (Pratt). From
    1000 values an arm on, if as many are not one and the same, ranks use their normal limit with its correction for
    ties, which is nearer the truth than the draws are. The order of the values within the arms, or of the pairs, and
    which arm is called new do not matter.

    Source: Phipson and Smyth, Permutation P-values should never be zero (2010).

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m = n and the same order where paired.
        paired: whether both arms hold the same requests.
        statistic: `mean` or `median` (of the differences, or their difference), or `ranks` (Wilcoxon's signed ranks;
            Mann and Whitney's U), which one late outlier cannot sway.
        seed: of the draws.
        resamples: how many permutations to draw at most, at least 1.

    Returns:
        p, above 0 and at most 1. It is 1 where an arm has a single value: no permutation can tell anything then.

    Raises:
        ValueError: for arms that are no samples, or are paired and differ in length, an unknown statistic, or less
            than one permutation.
    """
    return permute(
        *arms(base, new, paired=paired), paired=paired, statistic=statistic, seed=seed, resamples=resamples
    ).p


def permute(
    first: Sample, second: Sample, *, paired: bool, statistic: Statistic, seed: int, resamples: int
) -> Permuted:
    """Return the observed statistic and its p, of arms that are samples; see `permutation_p`."""
    if statistic not in get_args(Statistic):
        raise ValueError(f"statistic={statistic!r} is unknown; use one of {', '.join(get_args(Statistic))}")
    if resamples < 1:
        raise ValueError(f"resamples={resamples} must be at least 1")
    centre = np.median if statistic == "median" else np.mean
    if paired:
        return _paired(second - first, centre, seed, resamples, ranks=statistic == "ranks")
    return _independent(first, second, centre, seed, resamples, ranks=statistic == "ranks")


def _paired(differences: Sample, centre: Any, seed: int, resamples: int, *, ranks: bool) -> Permuted:
    found = np.sign(differences) * stats.rankdata(np.abs(differences)) if ranks else differences
    observed = float(centre(found))
    if len(found) < 2 or observed == 0:  # both tails are alike, so that p of 0 is 1: draws would say 0.98 or so
        return Permuted(observed, 1.0)
    if ranks and np.count_nonzero(found) >= NORMAL_FROM:  # zeros make the sum no more normal than it is
        limit = stats.wilcoxon(differences, zero_method="pratt", correction=True, method="asymptotic")
        return Permuted(observed, float(limit.pvalue))
    # One sign and one order stand for all: p is then the same for the arms swapped, and for any order of the pairs.
    found = np.sort(-found if observed < 0 else found)
    generator = np.random.default_rng(seed)

    def flipped(size: tuple[int, ...]) -> Sample:
        return found * (2 * generator.integers(0, 2, size, dtype=np.int8) - 1)

    batch = max(1, _CELLS // len(found))
    if 2 ** len(found) <= resamples:
        test = stats.permutation_test(
            (found,), centre, permutation_type="samples", vectorized=True, n_resamples=resamples, batch=batch
        )
    else:  # the same test as by `permutation_test`, whose draws take a loop over the pairs: thirty times as long
        test = stats.monte_carlo_test(found, flipped, centre, vectorized=True, n_resamples=resamples, batch=batch)
    return Permuted(observed, float(test.pvalue))


def _independent(first: Sample, second: Sample, centre: Any, seed: int, resamples: int, *, ranks: bool) -> Permuted:
    together = np.concatenate((first, second))
    # The median is taken away so that what all values have in common costs their differences no digits.
    together = stats.rankdata(together) if ranks else together - np.median(together)
    left, right = np.sort(together[: len(first)]), np.sort(together[len(first) :])

    def difference(left: Sample, right: Sample, axis: int = -1) -> Any:
        return centre(right, axis=axis) - centre(left, axis=axis)

    observed = float(difference(left, right))
    if min(len(left), len(right)) < 2 or (observed == 0 and len(left) == len(right)):  # as above
        return Permuted(observed, 1.0)
    if ranks and min(len(left), len(right), _apart(together)) >= NORMAL_FROM:
        return Permuted(observed, float(stats.mannwhitneyu(first, second, method="asymptotic").pvalue))
    swapped = observed < 0 or (observed == 0 and len(left) > len(right))
    test = stats.permutation_test(
        (right, left) if swapped else (left, right),
        difference,
        permutation_type="independent",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _CELLS // len(together)),
        rng=np.random.default_rng(seed),
    )
    return Permuted(observed, float(test.pvalue))


def _apart(values: Sample) -> int:
    """Return how many values differ from the commonest one."""
    return len(values) - int(np.unique(values, return_counts=True)[1].max())
