"""Filters on the logits of a language model, between the forward pass and the choice of the next token."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.arrays import Tensor, shared_array

__all__ = ["Backend", "apply_bitmask", "warm"]

Backend = Literal["auto", "reference", "cpu"]
_Mask = Callable[[NDArray[np.float32], NDArray[np.int32]], None]

_WORD_BITS = 32
_FLOAT32 = np.dtype(np.float32)
_INT32 = np.dtype(np.int32)


def apply_bitmask(
    logits: NDArray[np.float32] | Tensor, bitmask: NDArray[np.int32] | Tensor, *, backend: Backend = "auto"
) -> None:
    """Set the logits of banned tokens to minus infinity, in place.

        for row in rows:
            for token in vocabulary:
                if not bitmask[row, token // 32] >> (token % 32) & 1: logits[row, token] = -inf

    Allowed logits keep their bits exactly, NaN payloads included. Bits past the vocabulary are ignored.

    Args:
        logits: float32, (rows, vocabulary) or (vocabulary,); a numpy array or a torch tensor on the CPU. Rows may lie
            apart in memory, as in `logits[:, -1, :]`; the values of one row must be adjacent.
        bitmask: int32 words, (rows, ceil(vocabulary / 32)), or one row of them for all rows, with or without the
            first axis. Bit set = allowed, the lowest bit first: the layout of xgrammar's token bitmask.
        backend: `"cpu"` is compiled by numba, `"reference"` is the oracle in plain Python, `"auto"` takes `"cpu"`.

    Raises:
        TypeError: where an argument is neither array nor tensor, has another dtype, or cannot be changed in place
            because it requires grad or lies on another device.
        ValueError: where the shapes do not fit, the logits are read-only, unaligned or overlap themselves, or the
            values of a row are not adjacent; for an unknown backend.
    """
    mask = _implementation(backend)
    values, words = _as_rows(shared_array(logits, "logits"), shared_array(bitmask, "bitmask"))
    if values.flags.carray:
        mask(values, words)
        return
    _require_writable_rows(values)
    # One row is contiguous by itself; compiled for strides, the loop would run without vector instructions.
    for row in range(len(values)):
        mask(values[row : row + 1], words if len(words) == 1 else words[row : row + 1])


def warm() -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.
    """
    start = time.perf_counter()
    from aligntax_kernels.tokens import cpu

    cpu.warm()
    return time.perf_counter() - start


@cache
def _implementation(backend: str) -> _Mask:
    # Inside, because numba is slow to import, and a process that never filters here does not need it.
    if backend in ("auto", "cpu"):  # compiled code wins at every size, so that there is nothing to choose
        from aligntax_kernels.tokens import cpu

        return cpu.apply_bitmask
    if backend == "reference":
        from aligntax_kernels.tokens import reference

        return reference.apply_bitmask
    raise ValueError(f"backend {backend!r} is unknown; use 'auto', 'cpu' or 'reference'")


def _as_rows(logits: NDArray[Any], bitmask: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return both with two axes, the words contiguous, once their types and shapes are known to fit."""
    if logits.dtype != _FLOAT32:
        raise TypeError(f"logits are {logits.dtype}; convert them with .astype(np.float32) and use the result")
    if bitmask.dtype != _INT32:
        raise TypeError(f"bitmask words are {bitmask.dtype}; pack 32 tokens into each int32, or use .view(np.int32)")
    if logits.ndim not in (1, 2):
        raise ValueError(f"logits have shape {logits.shape}; expected (rows, vocabulary) or (vocabulary,)")
    values = logits[np.newaxis] if logits.ndim == 1 else logits
    words = bitmask[np.newaxis] if bitmask.ndim == 1 else bitmask
    rows, width = len(values), -(-values.shape[1] // _WORD_BITS)
    if words.shape not in ((1, width), (rows, width)):
        raise ValueError(
            f"bitmask of shape {bitmask.shape} does not fit logits of shape {logits.shape}; "
            f"expected ({rows}, {width}), or one row of {width} words for all"
        )
    # Only read, and a 32nd of the logits: a copy costs less than a compiled version for every layout.
    return values, words if words.flags.c_contiguous and words.flags.aligned else words.copy()


def _require_writable_rows(values: NDArray[np.float32]) -> None:
    if not values.flags.writeable:
        raise ValueError("logits are read-only, and are masked in place; pass a copy and use that")
    if not values.flags.aligned:
        raise ValueError("logits are not aligned to 4 bytes, as float32 must be; pass a copy and use that")
    if not values[0].flags.c_contiguous:
        raise ValueError(f"logits have strides {values.strides}: the values of a row must be adjacent, 4 bytes apart")
    if abs(values.strides[0]) < values[0].nbytes:
        raise ValueError(f"logits have strides {values.strides}: rows overlap in memory; pass a copy and use that")
