"""How varied a model is over prompts: of one sample of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.taxes.capability.estimating import Gap, gap_of_means, gap_of_sets
from aligntax.taxes.capability.metrics import BYTES, METRICS, SELF_BLEU, measured
from aligntax.taxes.capability.self_bleu import self_bleu
from aligntax.taxes.capability.within import Kept

__all__ = ["FOLD", "across_prompts"]

FOLD = 10
"""Prompts whose samples are each other's references; with all of them, self-BLEU takes the square of the time."""


def across_prompts(
    kept: Mapping[int, Kept], vocabulary: int, seed: int, confidence: float, tell: Callable[[], None]
) -> tuple[dict[str, Gap | None], dict[str, int]]:
    """Return how far the arms lie apart, by name of a metric, and the bytes of the compression ratio.

    Args:
        kept: the first samples of prompts, by their numbers in random order; at least two.
        vocabulary: of EAD.
        seed: of the bootstrap of self-BLEU.
        confidence: of the intervals.
        tell: called now and then.

    Returns:
        None for a metric without a value. Vendi score, EAD, distinct-n, compression and lengths are of all samples
        together; self-BLEU is the mean over groups of ten prompts.
    """
    chosen = [kept[number] for number in sorted(kept)]
    arms = [[one.raw for one in chosen], [one.aligned for one in chosen]]
    vectors = [_stacked([one.raw_vector for one in chosen]), _stacked([one.aligned_vector for one in chosen])]
    seen: dict[bytes, list[dict[str, float]]] = {}

    def both(places: NDArray[np.intp]) -> list[dict[str, float]]:
        key = places.tobytes()
        if key not in seen:
            seen[key] = [
                measured([answers[place] for place in places], rows[places], vocabulary)
                for answers, rows in zip(arms, vectors, strict=True)
            ]
            tell()
        return seen[key]

    found: dict[str, Gap | None] = {}
    for metric in METRICS:
        if metric is SELF_BLEU:
            raw, aligned = (_in_folds([answer.tokens for answer in answers]) for answers in arms)
            gap = gap_of_means(raw, aligned, metric.sign, seed=seed, confidence=confidence)
            # Fewer than two groups are no average over prompts.
            found[metric.name] = None if gap is None or gap.n < 2 else gap._replace(n=gap.n * FOLD)
        else:
            found[metric.name] = gap_of_sets(
                _picked(both, metric.name), len(chosen), metric.sign, confidence=confidence
            )
    whole = next(iter(seen.values()))  # all prompts come before any of them is left out
    told = {f"{arm}_{name}": int(whole[at][name]) for at, arm in enumerate(("raw", "aligned")) for name in BYTES}
    return found, told


def _picked(
    both: Callable[[NDArray[np.intp]], list[dict[str, float]]], name: str
) -> Callable[[NDArray[np.intp]], tuple[float, float]]:
    def pick(places: NDArray[np.intp]) -> tuple[float, float]:
        raw, aligned = both(places)
        return raw[name], aligned[name]

    return pick


def _in_folds(tokens: list[list[str]]) -> list[float]:
    starts = range(0, len(tokens) // FOLD * FOLD, FOLD)
    found = [self_bleu(tokens[start : start + FOLD]) for start in starts]
    return [math.nan if value is None else value for value in found]


def _stacked(rows: list[Any]) -> Any:
    from scipy import sparse

    return sparse.vstack(rows, format="csr") if sparse.issparse(rows[0]) else np.concatenate(rows)
