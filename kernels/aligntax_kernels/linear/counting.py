"""From the hashes of a text's features to its scores: the product of a sparse row and the weights, without the row.

Sum and norm are kept up to date as each feature is counted: raising a column from c to c + s adds s times its weight to
the scores, 2 c s + 1 to the square of the l2 norm, and |c + s| - |c| to the l1 norm. Only the counts need memory.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import load_u64
from aligntax_kernels.linear import layout

__all__ = ["count_features", "roomy", "scale_scores", "to_probabilities"]

_LEAST_SLOTS = 64
_TABLE = types.int64[:, ::1]


@kernel(types.float64(types.uint64, types.uint64))
def _float_at(array: np.uint64, index: np.uint64) -> np.float64:
    return np.uint64(load_u64(array + index * np.uint64(8))).view(np.float64)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _slot_of(column: np.uint64, multiplier: np.uint64, slots: np.uint64) -> np.uint64:
    # The uppermost bits of the product: multiply-shift hashing, Dietzfelbinger and others 1997. Whoever does not know
    # the multiplier cannot write a text whose columns meet in one place, where each would have to pass all others.
    return (((column * multiplier) >> np.uint64(32)) * slots) >> np.uint64(32)


@kernel(_TABLE(_TABLE, types.uint64, types.uint64, types.uint64))
def roomy(table: NDArray[np.int64], used: np.uint64, more: np.uint64, multiplier: np.uint64) -> NDArray[np.int64]:
    """Return the table, or a larger one with the same counts, at most half full when `more` columns are added.

    Args:
        table: int64, (slots, 2): column + 1, or 0 where the slot is free, and the count.
        used: how many slots are taken.
        more: how many may be taken before the next call.
        multiplier: the odd number that columns are hashed with.
    """
    slots = np.uint64(len(table))
    if np.uint64(2) * (used + more) <= slots:
        return table
    slots = np.uint64(_LEAST_SLOTS)
    while slots < np.uint64(2) * (used + more):
        slots *= np.uint64(2)
    larger = np.zeros((np.int64(slots), 2), np.int64)
    mask = slots - np.uint64(1)
    for old in range(np.uint64(len(table))):
        if table[old, 0]:
            slot = _slot_of(np.uint64(table[old, 0] - 1), multiplier, slots)
            while larger[slot, 0]:
                slot = (slot + np.uint64(1)) & mask
            larger[slot, 0] = table[old, 0]
            larger[slot, 1] = table[old, 1]
    return larger


@kernel(types.uint64(types.uint32[::1], types.uint64, types.uint64, _TABLE, types.uint64, types.float64[::1]))
def count_features(
    hashes: NDArray[np.uint32],
    features: np.uint64,
    settings: np.uint64,
    table: NDArray[np.int64],
    used: np.uint64,
    sums: NDArray[np.float64],
) -> np.uint64:
    """Add some features to the scores and to the norm; return how many slots of the table are taken then.

    Args:
        hashes: uint32.
        features: how many of them there are.
        settings: address of the model's block.
        table: with room for all of them; used only where the model needs counts.
        used: how many slots are taken.
        sums: float64, (outputs + 1,): the scores, not scaled yet, and the l1 norm or the square of the l2 norm.
    """
    columns = load_u64(settings + np.uint64(layout.COLUMNS))
    signed = load_u64(settings + np.uint64(layout.SIGNED))
    binary = load_u64(settings + np.uint64(layout.BINARY))
    norm = load_u64(settings + np.uint64(layout.NORM))
    weights = load_u64(settings + np.uint64(layout.WEIGHTS))
    multiplier = load_u64(settings + np.uint64(layout.MULTIPLIER))
    outputs = np.uint64(len(sums)) - np.uint64(1)
    slots = np.uint64(len(table))
    mask = slots - np.uint64(1)
    counted = binary or norm != np.uint64(layout.NO_NORM)
    for feature in range(features):
        hashed = np.int64(np.int32(hashes[feature]))
        column = np.uint64(abs(hashed))
        # A division by a variable takes longer than the hash did, and nearly every model has a power of two.
        column = column & (columns - np.uint64(1)) if columns & (columns - np.uint64(1)) == 0 else column % columns
        step = np.int64(-1) if signed and hashed < 0 else np.int64(1)
        if counted:
            slot = _slot_of(column, multiplier, slots)
            key = np.int64(column) + np.int64(1)
            while table[slot, 0] != key and table[slot, 0] != 0:
                slot = (slot + np.uint64(1)) & mask
            # Whether a column is new is anybody's guess: no branch asks for it.
            is_new = np.int64(table[slot, 0] == 0)
            table[slot, 0] = key
            used += np.uint64(is_new)
            count = table[slot, 1]
            if binary:
                step = is_new
                sums[outputs] += np.float64(is_new)
            elif norm == np.uint64(layout.L1):
                sums[outputs] += np.float64(abs(count + step) - abs(count))
            else:
                sums[outputs] += np.float64(2 * count * step + 1)
            table[slot, 1] = count + step
        for output in range(outputs):
            sums[output] += np.float64(step) * _float_at(weights, column * outputs + output)
    return used


@kernel(types.void(types.float64[::1], types.uint64))
def scale_scores(sums: NDArray[np.float64], settings: np.uint64) -> None:
    """Divide the scores by the norm, where there is one, and add the intercepts."""
    norm = load_u64(settings + np.uint64(layout.NORM))
    intercepts = load_u64(settings + np.uint64(layout.INTERCEPTS))
    outputs = np.uint64(len(sums)) - np.uint64(1)
    size = sums[outputs]
    if norm == np.uint64(layout.L2):
        size = math.sqrt(size)
    if norm == np.uint64(layout.NO_NORM) or size == 0.0:
        size = 1.0
    for output in range(outputs):
        sums[output] = sums[output] / size + _float_at(intercepts, np.uint64(output))


@kernel(types.float64(types.float64[::1], types.uint64, types.float64[::1]))
def to_probabilities(sums: NDArray[np.float64], settings: np.uint64, probabilities: NDArray[np.float64]) -> float:
    """Write the probability of each class, and return that of the last; NaN where a score overflows.

    Args:
        sums: float64, (outputs + 1,), the scores first; is overwritten.
        settings: address of the model's block.
        probabilities: float64, (classes,).
    """
    link = load_u64(settings + np.uint64(layout.LINK))
    outputs = np.uint64(len(sums)) - np.uint64(1)
    largest = sums[0]
    for output in range(outputs):
        if not math.isfinite(sums[output]):
            return math.nan
        largest = max(largest, sums[output])
    total = 0.0
    for output in range(outputs):
        score = sums[output]
        if link == np.uint64(layout.SOFTMAX):
            probability = math.exp(score - largest)
        elif link == np.uint64(layout.HUBER):
            probability = (min(max(score, -1.0), 1.0) + 1.0) / 2.0
        else:
            probability = 1.0 / (1.0 + math.exp(-score))
        sums[output] = probability
        total += probability
    if outputs == np.uint64(1):
        probabilities[0] = 1.0 - sums[0]
        probabilities[1] = sums[0]
        return total
    for output in range(outputs):
        # No class at all, as scikit-learn has it, is every class alike.
        probabilities[output] = sums[output] / total if total != 0.0 else 1.0 / np.float64(outputs)
    return sums[outputs - np.uint64(1)] / total if total != 0.0 else 1.0 / np.float64(outputs)
