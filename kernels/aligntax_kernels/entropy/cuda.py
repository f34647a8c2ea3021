"""The statistics of logits on a CUDA device: a block of threads for each row, all rows in one launch.

Each pass over a row takes it from the device's second-level cache, into which the first one brings it from memory. Bits
are taken apart by arithmetic, and threads exchange what they found in shared memory: no operation of a warp and no
library of the device's is needed, so that the kernel runs under numba's simulator too.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.cuda_target import IS_SIMULATED, cuda, device_array, kernel, launch
from aligntax_kernels.entropy import faults, reference
from aligntax_kernels.entropy.faults import Fault

__all__ = ["measure", "warm"]

# A thread of the simulator is a thread of the interpreter.
_THREADS = 8 if IS_SIMULATED else 512
_BANDS = 1024
_DIGIT_BITS = 8
_DIGITS = 1 << _DIGIT_BITS

# Terms that a thread adds in float32 before its sum goes on in float64, of which many devices do one for 64.
_RUN = 8

# As on the CPU: what lies deeper below the largest logit is nothing to float32.
_REACH = 86.0

# The simulator's ldexp is the interpreter's, which takes no integer but its own.
_power: Any = int if IS_SIMULATED else np.int32

# As globals of this module: device code sees no attributes of another.
_TOLERANCE = reference.TOLERANCE
_NO_NUMBER, _NOTHING_ALLOWED = -faults.NO_NUMBER, -faults.NOTHING_ALLOWED
_COLUMNS = reference.COLUMNS


class _Format(NamedTuple):
    """How a type of logit is stored: bits of the fraction, of the exponent, and what the exponent is too large by."""

    fraction: int
    exponent: int
    bias: int


_FORMATS = {"float32": _Format(23, 8, 127), "float16": _Format(10, 5, 15), "bfloat16": _Format(7, 8, 127)}


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _least(one: Any, other: Any) -> Any:
    # Not `min`, which numba 0.68 does not compile for its CUDA target.
    if one < other:
        return one
    return other


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _size(tokens: Any, most: Any) -> Any:
    """Return a number of tokens rounded up, at least one and at most `most`."""
    if tokens <= 1.0:
        return 1.0
    return _least(np.float64(math.ceil(tokens)), most)


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _key(bits: Any, sign: Any) -> Any:
    """Return an integer that is ordered as the floats are: the magnitude's bits, with the sign."""
    magnitude = np.int64(bits) & (sign - 1)
    return -magnitude if np.int64(bits) & sign else magnitude


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _value(key: Any, fraction: Any, bias: Any) -> Any:
    """Return the float32 with a key that is that of a finite number."""
    exponent = abs(key) >> fraction
    digits = abs(key) & ((1 << fraction) - 1)
    if exponent > 0:
        digits += 1 << fraction
    else:  # subnormal
        exponent += 1
    value = np.float32(math.ldexp(np.float32(digits), _power(exponent - bias - fraction)))
    return -value if key < 0 else value


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _weigh(key: Any, top: Any, largest: Any, fraction: Any, bias: Any) -> Any:
    """Return how far a logit lies below the largest, and its mass: e to the minus that; both float32."""
    # Halved, since the difference of two finite numbers may be none.
    half = np.float32(0.5)
    value = largest if key == top else _value(key, fraction, bias)
    if half * largest - half * value >= half * np.float32(_REACH):
        return np.float32(_REACH), np.float32(0.0)
    depth = largest - value
    # The rounding error of the difference is a float32 itself (Knuth's TwoSum); without it, the mass is off by 5e-7
    # where the depth is 12.
    shifted = depth - largest
    error = (largest - (depth - shifted)) - (value + shifted)
    mass = np.float32(math.exp(-depth))
    return depth, mass - mass * error


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _combined(shared: Any, value: Any, adds: Any) -> Any:
    """Return to each thread the sum, or else the largest, of what all of them pass; `shared` has a place for each."""
    thread = cuda.threadIdx.x
    cuda.syncthreads()
    shared[thread] = value
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if thread < half:
            other = shared[thread + half]
            if adds:
                shared[thread] += other
            elif other > shared[thread]:
                shared[thread] = other
        cuda.syncthreads()
        half //= 2
    return shared[0]


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _clear(held: Any, counts: Any, slots: Any) -> None:
    cuda.syncthreads()
    for slot in range(cuda.threadIdx.x, slots, cuda.blockDim.x):
        held[slot] = 0.0
        counts[slot] = 0
    cuda.syncthreads()


@cuda.jit(device=True)  # type: ignore[untyped-decorator]
def _cross(held: Any, counts: Any, slots: Any, target: Any, found: Any) -> Any:
    """Return to each thread the slot in which the mass held reaches the target.

    Args:
        held: the mass in each slot, the most likely first.
        counts: the tokens in each.
        slots: how many there are.
        target: the mass to reach.
        found: mass and tokens before the first slot, and afterwards before the one that is returned.
    """
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        slot = last = 0
        while slot < slots and (counts[slot] == 0 or found[0] + held[slot] < target):
            if counts[slot] > 0:
                last = slot
            found[0] += held[slot]
            found[1] += counts[slot]
            slot += 1
        if slot == slots:  # only rounding can lead here
            slot = last
            found[0] -= held[last]
            found[1] -= counts[last]
        found[2] = slot
    cuda.syncthreads()
    return np.int64(found[2])


@kernel
def _measure(logits: Any, statistics: Any, fraction: Any, exponent: Any, bias: Any, top_p: Any) -> None:
    shared = cuda.shared.array(_THREADS, dtype=types.float64)
    held = cuda.shared.array(_BANDS, dtype=types.float64)
    counts = cuda.shared.array(_BANDS, dtype=types.int32)
    found = cuda.shared.array(3, dtype=types.float64)
    row, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    vocabulary = logits.shape[1]
    sign = np.int64(1) << (fraction + exponent)
    infinity = sign - (np.int64(1) << fraction)

    top, is_number = -infinity, True
    for token in range(thread, vocabulary, threads):
        key = _key(logits[row, token], sign)
        if key > top:
            top = key
        is_number = is_number and -infinity <= key < infinity
    top = np.int64(_combined(shared, np.float64(top if is_number else infinity), False))
    if top == infinity or top == -infinity:
        if thread == 0:
            statistics[row, 0] = _NO_NUMBER if top == infinity else _NOTHING_ALLOWED
        return
    largest = _value(top, fraction, bias)

    ties, total, moment = 0.0, 0.0, 0.0
    for start in range(thread, vocabulary, threads * _RUN):
        run_total, run_moment = np.float32(0.0), np.float32(0.0)
        for token in range(start, _least(start + threads * _RUN, vocabulary), threads):
            key = _key(logits[row, token], sign)
            if key == top:
                ties += 1.0
            elif key > -infinity:
                depth, mass = _weigh(key, top, largest, fraction, bias)
                run_total += mass
                run_moment += mass * depth
        total += np.float64(run_total)
        moment += np.float64(run_moment)
    ties, total = _combined(shared, ties, True), _combined(shared, total, True)
    moment = _combined(shared, moment, True)
    everything = ties + total
    if thread == 0:
        entropy = math.log1p(ties - 1.0 + total) + moment / everything
        statistics[row, 0] = entropy
        statistics[row, 1] = math.exp(entropy)
        statistics[row, 2] = 1.0 / everything
    target = (top_p - _TOLERANCE) * everything
    if ties >= target:  # also where no nucleus is asked for
        if thread == 0:
            size = _size(target, ties)
            statistics[row, 3] = size
            statistics[row, 4] = size / everything
        return

    # As on the CPU: a histogram over depth finds the band that the nucleus ends in, and the bits of the keys, eight at
    # a time from the highest, find where in it. All that lies beyond the last band has less mass than is left out.
    scale = np.float32(_BANDS / math.log(2.0 * vocabulary / (everything - target)))
    if thread == 0:
        found[0] = found[1] = 0.0
    _clear(held, counts, _BANDS)
    for token in range(thread, vocabulary, threads):
        key = _key(logits[row, token], sign)
        if key > -infinity:
            depth, mass = _weigh(key, top, largest, fraction, bias)
            slot = np.int64(depth * scale)
            if 0 <= slot < _BANDS:  # never below 0, unless another stream overwrites the logits meanwhile
                cuda.atomic.add(held, slot, np.float64(mass))
                cuda.atomic.add(counts, slot, 1)
    band = _cross(held, counts, _BANDS, target, found)
    prefix, slot = np.int64(0), np.int64(0)
    for drop in range(fraction + exponent + 1 - _DIGIT_BITS, -1, -_DIGIT_BITS):
        _clear(held, counts, _DIGITS)
        for token in range(thread, vocabulary, threads):
            key = _key(logits[row, token], sign)
            if (key + sign) >> (drop + _DIGIT_BITS) == prefix and key > -infinity:
                depth, mass = _weigh(key, top, largest, fraction, bias)
                if np.int64(depth * scale) == band:
                    digit = _DIGITS - 1 - (((key + sign) >> drop) & (_DIGITS - 1))
                    cuda.atomic.add(held, digit, np.float64(mass))
                    cuda.atomic.add(counts, digit, 1)
        slot = _cross(held, counts, _DIGITS, target, found)
        prefix = (prefix << _DIGIT_BITS) | (_DIGITS - 1 - slot)
    if thread == 0:  # all that is left in the slot is one and the same logit
        mass = held[slot] / counts[slot]
        size = _size((target - found[0]) / mass, np.float64(counts[slot]))
        statistics[row, 3] = found[1] + size
        statistics[row, 4] = _least((found[0] + size * mass) / everything, 1.0)


def measure(logits: Any, kind: str, top_p: float) -> tuple[NDArray[np.float64], Fault | None]:
    """Return entropy, perplexity, largest probability, and size and mass of the nucleus of each row.

    Args:
        logits: (rows, vocabulary), a torch tensor on a CUDA device; under the simulator an array or a tensor.
        kind: "float32", "float16" or "bfloat16".
        top_p: of the nucleus; 0 for none.

    Returns:
        float64, (rows, 5), on the CPU; and the first row that is no distribution.
    """
    rows = logits.shape[0]
    if rows == 0:
        return np.zeros((0, _COLUMNS)), None
    if IS_SIMULATED:
        measured: Any = np.zeros((rows, _COLUMNS))
    else:
        torch: Any = import_module("torch")
        measured = torch.zeros((rows, _COLUMNS), dtype=torch.float64, device=logits.device)
    arrays = device_array(logits, "logits", bits=True), device_array(measured, "statistics")
    launch(_measure, rows, _THREADS, logits, *arrays, *_FORMATS[kind], top_p)
    statistics: NDArray[np.float64] = measured if IS_SIMULATED else measured.cpu().numpy()
    faulty = np.flatnonzero(statistics[:, 0] < 0)  # no entropy is
    if len(faulty):
        return statistics, Fault(int(faulty[0]), -int(statistics[faulty[0], 0]))
    return statistics, None


def warm() -> None:
    """Compile for each type of logit on the current device."""
    for kind in _FORMATS:
        measure(_warm_logits(kind), kind, 0.5)


def _warm_logits(kind: str) -> Any:
    if IS_SIMULATED:
        return np.zeros((1, 2), np.float32 if kind == "float32" else np.uint16)
    torch: Any = import_module("torch")
    return torch.zeros((1, 2), dtype=getattr(torch, kind), device="cuda")
