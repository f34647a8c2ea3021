"""What may be said of a comparison: worse, better, unchanged within the margin, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from numpy.typing import ArrayLike

from aligntax.inference.equivalence import equivalence_p
from aligntax.inference.estimate import Estimate
from aligntax.inference.location import difference_of_medians, median_of_differences
from aligntax.inference.multiplicity import holm
from aligntax.inference.permutation import RESAMPLES, Statistic, permute
from aligntax.inference.ratio import relative_difference
from aligntax.inference.samples import arms, probability


class Verdict(StrEnum):
    """What a comparison shows. That no difference was found is no proof that there is none: it cannot tell."""

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    UNCHANGED = "unchanged within margin"
    CANNOT_TELL = "cannot tell"


class Comparison(NamedTuple):
    """Two arms side by side.

    Attributes:
        verdict: what may be said.
        effect: new minus base, in the unit of the samples: the median of the differences of paired arms, the
            difference of the medians of independent ones.
        relative: ratio of the means minus 1; None where a mean is not above 0.
        p: of "no difference", two-sided; adjusted for the number of metrics once `decide` has seen it.
        p_equivalent: of "a difference of the margin or more"; None without a margin, or with a relative one of a base
            whose mean is not above 0.
        n_base: values in the base arm.
        n_new: values in the new arm.
        paired: whether both arms hold the same requests.
        worse: whether the new arm is the worse one, however unsure that is; None where the effect and the statistic
            that was tested do not point the same way, as when most requests got a little faster and some much slower.
    """

    verdict: Verdict
    effect: Estimate
    relative: Estimate | None
    p: float
    p_equivalent: float | None
    n_base: int
    n_new: int
    paired: bool
    worse: bool | None


def compare(
    base: ArrayLike,
    new: ArrayLike,
    *,
    paired: bool,
    margin: float | None = None,
    absolute: bool = False,
    higher_is_worse: bool = True,
    alpha: float = 0.05,
    statistic: Statistic = "ranks",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two arms by a permutation test, and by an equivalence test where a margin is given.

    Equivalence goes first: a difference that is certain and certainly smaller than the margin is no regression.

    Args:
        base: shape (n,), finite.
        new: shape (m,), finite; m = n and the same order where paired.
        paired: whether both arms hold the same requests.
        margin: how large a difference is still none: a share of the base mean (0.02 is 2 %), above 0; None: without
            it nothing can be called unchanged.
        absolute: whether the margin is in the unit of the samples instead.
        higher_is_worse: whether a larger value is the worse one, as a time is.
        alpha: the chance of a false verdict that is put up with, between 0 and 1.
        statistic: of the permutation test; see `permutation_p`.
        seed: of its draws.
        resamples: how many permutations it draws at most.

    Raises:
        ValueError: for arms that are no samples, or are paired and differ in length, or a setting out of range.
    """
    probability("alpha", alpha)
    first, second = arms(base, new, paired=paired)
    effect = median_of_differences(first, second) if paired else difference_of_medians(first, second)
    centres = float(first.mean()), float(second.mean())
    equivalent = None
    if margin is not None:
        usable = absolute or centres[0] > 0
        equivalent = equivalence_p(first, second, margin, paired, absolute=absolute) if usable else None
    permuted = permute(first, second, paired=paired, statistic=statistic, seed=seed, resamples=resamples)
    found = Comparison(
        Verdict.CANNOT_TELL,
        effect,
        relative_difference(first, second, paired) if min(centres) > 0 else None,
        permuted.p,
        equivalent,
        len(first),
        len(second),
        paired,
        _worse(effect.value, permuted.difference, higher_is_worse=higher_is_worse),
    )
    return found._replace(verdict=_verdict(found, alpha))


def decide(comparisons: Sequence[Comparison], alpha: float = 0.05) -> list[Comparison]:
    """Return the comparisons of one run with p adjusted by Holm, and the verdicts settled anew.

    The equivalence tests need no adjustment: "nothing changed" is said of all of them together, and a false one of
    such a conjunction is no likelier than that of a single test (Berger, Multiparameter hypothesis testing, 1982).

    Args:
        comparisons: of the metrics of one run, as `compare` returns them; not yet adjusted.
        alpha: the chance of even one false alarm that is put up with, between 0 and 1.

    Raises:
        ValueError: if alpha is out of range.
    """
    probability("alpha", alpha)
    adjusted = [
        found._replace(p=p) for found, p in zip(comparisons, holm([found.p for found in comparisons]), strict=True)
    ]
    return [found._replace(verdict=_verdict(found, alpha)) for found in adjusted]


def _worse(effect: float, tested: float, *, higher_is_worse: bool) -> bool | None:
    # Many ties may leave the median at 0 while the ranks have moved; there is no contradiction in that.
    if tested == 0 or (effect != 0 and (effect > 0) != (tested > 0)):
        return None
    return (tested > 0) == higher_is_worse


def _verdict(found: Comparison, alpha: float) -> Verdict:
    if found.p_equivalent is not None and found.p_equivalent <= alpha:
        return Verdict.UNCHANGED
    if found.p > alpha or found.worse is None:
        return Verdict.CANNOT_TELL
    return Verdict.REGRESSION if found.worse else Verdict.IMPROVEMENT
