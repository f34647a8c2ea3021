"""The fewest most likely tokens that hold a given mass, exactly and in linear time, without sorting the vocabulary.

A histogram of mass over depth below the largest logit says in which narrow band the last token of the nucleus lies;
only the logits of that band are then told apart, by the bits of their values, eleven at a time from the highest. Equal
logits cannot be told apart and need not be: whichever of them are taken, number and mass are the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.compilation import kernel
from aligntax_kernels.entropy.blocks import BLOCK, block_of, extremes, key_of
from aligntax_kernels.entropy.lanes import exponential

__all__ = ["nucleus_of"]

_BANDS = 2048
_GROUP = 64
_F32, _I32 = types.float32[::1], types.int32[::1]


@kernel(types.void(_F32, types.float32, types.float32, types.float32, _I32))
def _bands_of(group: Any, shift: Any, largest: Any, scale: Any, bands: Any) -> None:
    """Write for each logit of a group how many bands it lies below the largest, or _BANDS and more beyond the last."""
    for index in range(len(group)):
        # No depth is negative, unless another thread overwrites the logits meanwhile: bands are places in memory.
        depth = abs(largest - (group[index] - shift)) * scale
        # Many slots for what lies beyond: additions to one and the same would wait for each other.
        beyond = np.int32(_BANDS + index)
        bands[index] = np.int32(depth) if depth < np.float32(_BANDS) else beyond


@kernel(types.void(_F32, types.float32, types.float32, _F32))
def _masses_of(group: Any, shift: Any, rounding: Any, masses: Any) -> None:
    for index in range(len(group)):
        masses[index] = exponential(group[index] - shift, rounding)


@kernel(types.int64(_I32, types.int32))
def _count_below(bands: Any, band: Any) -> Any:
    count = np.int64(0)
    for index in range(len(bands)):
        count += np.int64(bands[index] < band)
    return count


@kernel(
    types.UniTuple(types.float64, 2)(  # type: ignore[no-untyped-call]
        _F32, types.int64, types.float32, types.float64, types.float64
    )
)
def _settle(chosen: Any, count: Any, rounding: Any, held: Any, target: Any) -> Any:
    """Return how many of the largest of some logits raise the mass held to the target, and to what they raise it."""
    size = 0.0
    for drop, digits in ((21, 2048), (10, 2048), (0, 1024)):
        least, most = extremes(chosen[:count])
        if least == most:
            break
        masses, counts = np.zeros(digits), np.zeros(digits)
        for index in range(count):
            key = np.int64(key_of(chosen[index])) + np.int64(1 << 31)
            slot = (key >> drop) & (digits - 1)
            masses[slot] += np.float64(exponential(chosen[index], rounding))
            counts[slot] += 1.0
        digit = digits - 1
        while digit > 0 and (counts[digit] == 0.0 or held + masses[digit] < target):
            held += masses[digit]
            size += counts[digit]
            digit -= 1
        kept = 0
        for index in range(count):
            key = np.int64(key_of(chosen[index])) + np.int64(1 << 31)
            if (key >> drop) & (digits - 1) == digit:
                chosen[kept] = chosen[index]
                kept += 1
        count = kept
    if count == 0:
        return size, held
    mass = np.float64(exponential(chosen[0], rounding))
    taken = min(max(math.ceil((target - held) / mass), 1.0), np.float64(count))
    return size + taken, held + taken * mass


@kernel(
    types.UniTuple(types.float64, 2)(  # type: ignore[no-untyped-call]
        types.uint64,
        types.uint64,
        types.uint64,
        _F32,
        types.float32,
        types.float32,
        types.float32,
        types.float64,
        types.float64,
        _F32,
    )
)
def nucleus_of(
    row: Any,
    vocabulary: Any,
    kind: Any,
    scratch: Any,
    shift: Any,
    largest: Any,
    rounding: Any,
    total: Any,
    target: Any,
    chosen: Any,
) -> Any:
    """Return how many of the most likely tokens hold the target, and what mass they hold.

    Args:
        row: address of the row, aligned to its elements.
        vocabulary: how many logits it has.
        kind: FLOAT32, FLOAT16 or BFLOAT16.
        scratch: float32, (BLOCK,).
        shift: subtracted from all logits.
        largest: the largest, less `shift`; finite, within 256 of 0.
        rounding: as for `exponential`, which is the mass.
        total: the mass of all.
        target: less than `total` by more than the rounding of either.
        chosen: float32, (vocabulary,); is overwritten.
    """
    # All that lies deeper than this together has less than half of what the nucleus leaves out.
    peak = np.float64(exponential(largest, rounding))
    reach = math.log(2.0 * np.float64(vocabulary) * peak / (total - target))
    scale = np.float32(_BANDS / reach)
    held = np.zeros(_BANDS + _GROUP)
    masses, bands = np.empty(_GROUP, np.float32), np.empty(_GROUP, np.int32)
    for start in range(np.uint64(0), vocabulary, np.uint64(BLOCK)):
        values = block_of(row, start, min(vocabulary - start, np.uint64(BLOCK)), kind, scratch)
        for at in range(0, len(values), _GROUP):
            group = values[at : at + _GROUP]
            _bands_of(group, shift, largest, scale, bands)
            if _count_below(bands[: len(group)], np.int32(_BANDS)) == 0:
                continue  # most groups of a model that is sure of itself
            _masses_of(group, shift, rounding, masses)
            for index in range(len(group)):
                held[np.uint64(bands[index])] += np.float64(masses[index])
    band = last = np.int32(0)
    before = 0.0
    while band < _BANDS and (held[band] == 0.0 or before + held[band] < target):
        if held[band] > 0.0:
            last = band
        before += held[band]
        band += np.int32(1)
    if band == _BANDS:  # only rounding can lead here
        band = last
        before -= held[last]
    size, count = 0.0, np.int64(0)
    for start in range(np.uint64(0), vocabulary, np.uint64(BLOCK)):
        values = block_of(row, start, min(vocabulary - start, np.uint64(BLOCK)), kind, scratch)
        for at in range(0, len(values), _GROUP):
            group = values[at : at + _GROUP]
            _bands_of(group, shift, largest, scale, bands)
            above = _count_below(bands[: len(group)], band)
            size += np.float64(above)
            if _count_below(bands[: len(group)], np.int32(band + 1)) == above:
                continue
            for index in range(len(group)):
                if bands[index] == band:
                    chosen[count] = group[index] - shift
                    count += np.int64(1)
    more, mass = _settle(chosen, count, rounding, before, target)
    return size + more, mass
