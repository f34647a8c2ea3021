"""Logits a block at a time, small enough for the first-level cache: as float32, their extremes, their sums.

The loops are written so that LLVM makes vector instructions of them: no index that could be negative, no float
minimum (whose NaN rule forbids it: bits are compared as integers instead), no sum whose order matters.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from aligntax_kernels.compilation import kernel
from aligntax_kernels.entropy.lanes import exponential, floats_at, halves_at, plus

__all__ = ["BFLOAT16", "BLOCK", "FLOAT16", "FLOAT32", "block_of", "count_equal", "extremes", "key_of", "sums_below"]

FLOAT32, FLOAT16, BFLOAT16 = range(3)

BLOCK = 4096
"""Logits in a block: 16 KiB, half of the first-level cache, which also holds what is made of them."""

# Terms that are added in float32 before the sum goes on in float64: with 64 sums side by side, 8 additions each.
_RUN = 512

# The lowest logit that still counts lies this far below the largest: e**-86 is the last that float32 holds normally.
_REACH = np.float32(86.0)

_array_at: Any = getattr(numba, "carray")  # noqa: B009 (numba does not export it to mypy)
_SIGN = np.int32(0x7FFFFFFF)
_F32 = types.float32[::1]


@kernel(types.void(types.uint64, types.uint64, types.uint64, _F32))
def _widen(address: Any, count: Any, kind: Any, values: Any) -> None:
    halves = _array_at(halves_at(address), (np.int64(count),))
    bits = values[: np.int64(count)].view(np.uint32)
    if kind == np.uint64(BFLOAT16):
        for index in range(len(halves)):
            bits[index] = np.uint32(halves[index]) << np.uint32(16)
        return
    for index in range(len(halves)):
        # Moved into place, the number is 2**112 too small, a subnormal one too; infinity and NaN are told apart first.
        half = np.uint32(halves[index])
        magnitude = np.uint32((half & np.uint32(0x7FFF)) << np.uint32(13))
        scaled = np.float32(np.uint32(magnitude).view(np.float32) * np.float32(2.0**112))
        exact = np.uint32(np.float32(scaled).view(np.uint32))
        special = magnitude | np.uint32(0x7F800000)
        sign = np.uint32((half & np.uint32(0x8000)) << np.uint32(16))
        bits[index] = np.uint32(special if magnitude >= np.uint32(0x0F800000) else exact) | sign


@kernel(_F32(types.uint64, types.uint64, types.uint64, types.uint64, _F32))
def block_of(row: Any, start: Any, count: Any, kind: Any, scratch: Any) -> Any:
    """Return some logits of a row as float32: where they lie, or in the scratch memory.

    Args:
        row: address of the row, aligned to its elements.
        start: the first logit.
        count: how many, at most BLOCK.
        kind: FLOAT32, FLOAT16 or BFLOAT16.
        scratch: float32, (BLOCK,).
    """
    if kind == np.uint64(FLOAT32):
        return _array_at(floats_at(row + start * np.uint64(4)), (np.int64(count),))
    _widen(row + start * np.uint64(2), count, kind, scratch)
    return scratch[: np.int64(count)]


@kernel(types.int32(types.float32))
def key_of(value: Any) -> Any:
    """Return an integer that is ordered as the floats are, with NaN beyond the infinities, by its sign."""
    bits = np.float32(value).view(np.int32)
    return np.int32(bits ^ ((bits >> np.int32(31)) & _SIGN))


@kernel(types.UniTuple(types.float32, 2)(_F32))  # type: ignore[no-untyped-call]
def extremes(values: Any) -> Any:
    """Return the least and the largest value; a NaN among them is one of the two, by its sign."""
    bits = values.view(np.int32)
    least, largest = np.int32(0x7FFFFFFF), np.int32(-0x80000000)
    for index in range(len(bits)):
        key = np.int32(bits[index] ^ ((bits[index] >> np.int32(31)) & _SIGN))
        least = min(least, key)
        largest = max(largest, key)
    least = np.int32(least ^ ((least >> np.int32(31)) & _SIGN))
    largest = np.int32(largest ^ ((largest >> np.int32(31)) & _SIGN))
    return np.int32(least).view(np.float32), np.int32(largest).view(np.float32)


@kernel(types.int64(_F32, types.float32))
def count_equal(values: Any, value: Any) -> Any:
    """Return how many of the values are `value`."""
    count = np.int64(0)
    for index in range(len(values)):
        count += np.int64(values[index] == value)
    return count


@kernel(types.UniTuple(types.float64, 2)(_F32, types.float32, types.float32, types.float32))  # type: ignore[no-untyped-call]
def sums_below(values: Any, shift: Any, largest: Any, rounding: Any) -> Any:
    """Return the sum of the masses of what lies below the largest logit, and of mass times depth below it.

    Args:
        values: float32, contiguous, minus infinity among them or not.
        shift: subtracted from all.
        largest: the largest logit, less `shift`; within 256 of 0.
        rounding: as for `exponential`, which is the mass.
    """
    total = moment = 0.0
    for start in range(0, len(values), _RUN):
        run = values[start : start + _RUN]
        run_total = run_moment = np.float32(0.0)
        for index in range(len(run)):
            value = run[index] - shift
            depth = largest - value
            mass = exponential(value, rounding)
            counts = (depth > np.float32(0.0)) & (depth < _REACH)
            run_total = plus(run_total, mass if counts else np.float32(0.0))
            run_moment = plus(run_moment, mass * depth if counts else np.float32(0.0))
        total += np.float64(run_total)
        moment += np.float64(run_moment)
    return total, moment
