"""Which items of two arms are the same, and whether their scores are the scores' own items."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.performance.scores import Samples, Score
from aligntax.taxes.record import Refusal

__all__ = ["Pairs", "Unpaired", "paired"]


class Pairs(NamedTuple):
    """What both arms scored on the same items.

    Attributes:
        raw: shape (n,).
        aligned: shape (n,), of the same items in the same order.
        clusters: shape (n,); None where no groups of items were asked for.
    """

    raw: NDArray[np.float64]
    aligned: NDArray[np.float64]
    clusters: NDArray[np.uint64] | None

    @property
    def binary(self) -> bool:
        """Whether every item is right or wrong in both arms."""
        return all(bool(np.isin(arm, (0.0, 1.0)).all()) for arm in (self.raw, self.aligned))


class Unpaired(NamedTuple):
    """Why scores are compared as those of different items.

    Attributes:
        why: in words.
    """

    why: str


def paired(
    what: str, scores: tuple[Score, Score], samples: tuple[Samples | None, Samples | None]
) -> Pairs | Unpaired | Refusal:
    """Return the pairs of a score, or why there are none.

    Args:
        what: the figure, for the refusal.
        scores: raw and aligned.
        samples: raw and aligned; None where an arm has none.
    """
    raw, aligned = samples
    if raw is None or aligned is None:
        if raw is None and aligned is None:
            return Unpaired("no scores of single items")
        return Unpaired(f"no scores of single items in {'raw' if raw is None else 'aligned'}")
    for found, score in ((raw, scores[0]), (aligned, scores[1])):
        if found.flaw is not None:
            return Refusal(what, *found.flaw)
        if score.n is not None and score.n != len(found):
            return Refusal(
                what,
                "different_n",
                f"{found.source} holds {len(found):,} items and {score.source} says n = {score.n:,}; name the samples "
                "that were written together with the results",
            )
    refusal = _different(what, raw, aligned)
    if refusal is not None:
        return refusal
    for found, score in ((raw, scores[0]), (aligned, scores[1])):
        mean = float(found.values.mean())
        if not math.isclose(mean, score.value, rel_tol=1e-6, abs_tol=score.rounding):
            return Unpaired(f"{score.value:g} in {score.source} is not the mean of its samples, {mean:g}")
    return Pairs(raw.values, aligned.values, raw.clusters)


def _different(what: str, raw: Samples, aligned: Samples) -> Refusal | None:
    if raw.identified_by != aligned.identified_by:
        return Refusal(
            what,
            "different_ids",
            f"{raw.source} has {raw.identified_by} and {aligned.source} has {aligned.identified_by}; write both "
            "with one version of the program",
        )
    if not np.array_equal(raw.ids, aligned.ids):
        lone = (_lone(raw, aligned), _lone(aligned, raw))
        return Refusal(what, "different_ids", f"{'; '.join(filter(None, lone))}; run both models on the same items")
    if raw.clusters is not None and aligned.clusters is not None and not np.array_equal(raw.clusters, aligned.clusters):
        return Refusal(
            what,
            "different_clusters",
            f"the item on {_at(raw, raw.clusters != aligned.clusters)} is grouped otherwise in {aligned.source}; "
            "name another field",
        )
    return None


def _lone(one: Samples, other: Samples) -> str:
    """Return what one arm has and the other has not, or not as often, in words; empty for nothing."""
    before = np.arange(len(one)) - np.searchsorted(one.ids, one.ids)
    there = np.searchsorted(other.ids, one.ids, "right") - np.searchsorted(other.ids, one.ids)
    lone = before >= there
    if not lone.any():
        return ""
    return f"{lone.sum():,} of {len(one):,} items, the first on {_at(one, lone)}, are not in {other.source}"


def _at(found: Samples, chosen: NDArray[np.bool_]) -> str:
    """Return where the first of the chosen items stands."""
    return f"{found.counted} {found.places[chosen].min():,} of {found.source}"
