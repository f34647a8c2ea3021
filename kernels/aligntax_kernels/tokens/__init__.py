"""Filters on the logits of a language model, between the forward pass and the choice of the next token."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.arrays import Tensor, shared_array
from aligntax_kernels.backends import Backend, implementation
from aligntax_kernels.devices import OFFERED, backend_for, warm_backends
from aligntax_kernels.tokens.bans import TokenBans
from aligntax_kernels.tokens.logits import logits_array, require_words, require_writable
from aligntax_kernels.tokens.spellings import token_bytes

__all__ = ["Backend", "TokenBans", "apply_bitmask", "token_bytes", "warm"]

_INT32 = np.dtype(np.int32)


def apply_bitmask(
    logits: NDArray[Any] | Tensor, bitmask: NDArray[np.int32] | Tensor, *, backend: Backend = "auto"
) -> None:
    """Set the logits of banned tokens to minus infinity, in place.

        for row in rows:
            for token in vocabulary:
                if not bitmask[row, token // 32] >> (token % 32) & 1: logits[row, token] = -inf

    Allowed logits keep their bits exactly, NaN payloads included. Bits past the vocabulary are ignored.

    Args:
        logits: float32, float16 or bfloat16, (rows, vocabulary) or (vocabulary,); a numpy array or a torch tensor.
            Rows may lie apart in memory, as in `logits[:, -1, :]`; the values of one row must be adjacent.
        bitmask: int32 words, (rows, ceil(vocabulary / 32)), or one row of them for all rows, with or without the
            first axis; on the device of the logits. Bit set = allowed, the lowest bit first: the layout of xgrammar's
            token bitmask.
        backend: `"cpu"` is compiled by numba, `"cuda"` too and queued on torch's current stream, `"reference"` is the
            oracle in plain Python; `"auto"` takes `"cuda"` for a tensor on a CUDA device and `"cpu"` else.

    Raises:
        TypeError: where an argument is neither array nor tensor, has another dtype, or cannot be changed in place
            because it requires grad or lies on another device.
        ValueError: where the shapes do not fit, the logits are read-only, unaligned or overlap themselves, or the
            values of a row are not adjacent; for an unknown backend.
        ImportError: for `"cuda"` where no CUDA device can be used; names the install command.
    """
    tensor_type = getattr(sys.modules.get("torch"), "Tensor", None)
    if (
        type(logits) is type(bitmask) is tensor_type
        and (backend == "auto" or backend == "cpu")
        and logits.is_cpu  # type: ignore[union-attr]
        and implementation(__name__, "cpu", OFFERED).mask_plain_tensors(logits, bitmask)
    ):
        return
    backend = backend_for(backend, logits)
    mask = implementation(__name__, backend, OFFERED).apply_bitmask
    if backend == "cuda":
        mask(logits, bitmask)
        return
    values, found = logits_array(logits)
    words = shared_array(bitmask, "bitmask")
    if words.dtype != _INT32:
        raise TypeError(f"bitmask words are {words.dtype}; pack 32 tokens into each int32, or use .view(np.int32)")
    require_words(values.shape, words.shape)
    require_writable(values)
    if values.ndim == 1:
        values = values[np.newaxis]
    if words.ndim == 1:
        words = words[np.newaxis]
    flags = words.flags
    if not (flags.aligned and (flags.c_contiguous or words.strides[1] == words.itemsize)):
        # Only read, and a 32nd of the logits: a copy costs less than a compiled version for every layout.
        words = words.copy()
    mask(values, words, found.minus_infinity)


def warm(*, cuda: bool = False) -> float:
    """Compile everything here ahead of the first request, and return how many seconds that took.

    With a filled numba cache that is the time to import numba and load; a second call takes next to nothing.

    Args:
        cuda: also for the current CUDA device.

    Raises:
        ImportError: with `cuda`, where no CUDA device can be used; names the install command.
    """
    return warm_backends(__name__, cuda=cuda)
