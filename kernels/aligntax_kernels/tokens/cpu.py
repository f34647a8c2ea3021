"""The token filters on the CPU, compiled when this module is imported."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel

_MINUS_INFINITY = np.uint32(0xFF800000)
_ALL_ALLOWED = -1
_ALL_BANNED = 0

# Logits from which on other threads are let run meanwhile; a shorter run is over before a fight for the GIL is.
_LONG_RUN_LOGITS = 1 << 20

# numba treats read-only arrays, such as those of np.frombuffer, as a type of their own.
_SIGNATURES = [
    types.void(types.float32[:, ::1], types.Array(types.int32, 2, "C", readonly=readonly)) for readonly in (False, True)
]


@kernel(*_SIGNATURES)
def _mask(logits: NDArray[np.float32], bitmask: NDArray[np.int32]) -> None:
    # Bits are moved, never floats: `value if allowed else -inf` is a float64 to numba, and widening a signalling NaN
    # quiets it unless the optimiser happens to fold the conversion away.
    bits = logits.view(np.uint32)
    rows, vocabulary = bits.shape
    whole_words = vocabulary // 32
    for row in range(rows):
        values = bits[row]
        words = bitmask[0] if len(bitmask) == 1 else bitmask[row]
        for index in range(whole_words):
            word = words[index]
            if word == _ALL_ALLOWED:
                continue
            if word == _ALL_BANNED:
                for bit in range(32):
                    values[index * 32 + bit] = _MINUS_INFINITY
                continue
            # Every value is written, the allowed ones with what they were: this becomes a vector blend. Storing
            # the banned ones only, under an `if`, was tried: it stays scalar, with a branch to predict a token.
            for bit in range(32):
                token = index * 32 + bit
                values[token] = values[token] if (word >> bit) & 1 else _MINUS_INFINITY
        for token in range(whole_words * 32, vocabulary):
            if not (words[whole_words] >> (token - whole_words * 32)) & 1:
                values[token] = _MINUS_INFINITY


@kernel(*_SIGNATURES, nogil=True)
def _mask_without_gil(logits: NDArray[np.float32], bitmask: NDArray[np.int32]) -> None:
    _mask(logits, bitmask)


def apply_bitmask(logits: NDArray[np.float32], bitmask: NDArray[np.int32]) -> None:
    """Set the logits of banned tokens to minus infinity, in place.

    Args:
        logits: float32, (rows, vocabulary), C-contiguous, aligned and writable.
        bitmask: int32, (rows or 1, ceil(vocabulary / 32)), C-contiguous; bit set = allowed, the lowest bit first.
    """
    if logits.size < _LONG_RUN_LOGITS:
        _mask(logits, bitmask)
    else:
        _mask_without_gil(logits, bitmask)


def warm() -> None:
    """Call every compiled version once, since a first call also resolves the types of its arguments."""
    logits = np.zeros((1, 33), np.float32)
    bitmask = np.zeros((1, 2), np.int32)
    frozen = bitmask.copy()
    frozen.flags.writeable = False
    for mask in (_mask, _mask_without_gil):
        mask(logits, bitmask)
        mask(logits, frozen)
