"""Logits as the callers hold them: which types there are, and how rows of them must lie in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from aligntax_kernels.arrays import Tensor, shared_values

__all__ = ["FORMATS", "WORD_BITS", "Format", "logits_array", "require_rows", "require_words", "require_writable"]

WORD_BITS = 32
"""Tokens in a word of a bitmask."""


class Format(NamedTuple):
    """How a type of logit is stored.

    Attributes:
        size: bytes.
        minus_infinity: its bits.
    """

    size: int
    minus_infinity: int


FORMATS = {
    "float32": Format(4, 0xFF800000),
    "float16": Format(2, 0xFC00),
    "bfloat16": Format(2, 0xFF80),
}


def logits_array(logits: NDArray[Any] | Tensor) -> tuple[NDArray[Any], Format]:
    """Return an array on the memory of `logits`, and their format; a bfloat16 is seen as an int16.

    Raises:
        TypeError: for a type that is not in `FORMATS`, and where the memory cannot be shared.
    """
    values, name = shared_values(logits, "logits")
    found = FORMATS.get(name)
    if found is None:
        raise TypeError(
            f"logits are {name}; convert them with .astype(np.float32), or .float() in torch, and use the result "
            "(float16 and bfloat16 are taken too)"
        )
    return values, found


def require_writable(values: NDArray[Any]) -> None:
    """Raise ValueError unless numpy can write to all elements of an array, each once, row by row without a copy."""
    flags = values.flags
    if flags.carray:
        return
    if not flags.writeable:
        raise ValueError("logits are read-only, and are masked in place; pass a copy and use that")
    if not flags.aligned:
        raise ValueError(
            f"logits are not aligned to {values.itemsize} bytes, as they must be; pass a copy and use that"
        )
    require_rows(values.shape, values.strides, values.itemsize)


def require_rows(shape: tuple[int, ...], strides: tuple[int, ...], size: int) -> None:
    """Raise ValueError unless the values along the last axis are adjacent and no two elements share memory.

    Args:
        shape: elements along each axis, one axis at least.
        strides: bytes from one element to the next along each axis.
        size: bytes of an element.
    """
    if 0 in shape:
        return
    if shape[-1] > 1 and strides[-1] != size:
        raise ValueError(
            f"logits have strides {strides}: the values of a row must be adjacent, {size} bytes apart; "
            "pass a contiguous copy and use that"
        )
    # Each axis, from the densest on, must step over all that lies within the ones before it.
    reach = shape[-1] * size
    for stride, length in sorted(
        (abs(stride), length) for length, stride in zip(shape[:-1], strides[:-1], strict=True)
    ):
        if length > 1 and stride < reach:
            raise ValueError(f"logits have strides {strides}: rows overlap in memory; pass a copy and use that")
        if length > 1:
            reach += stride * (length - 1)


def require_words(logits: tuple[int, ...], words: tuple[int, ...]) -> None:
    """Raise ValueError unless a bitmask of one shape fits logits of the other."""
    if len(logits) not in (1, 2):
        raise ValueError(f"logits have shape {tuple(logits)}; expected (rows, vocabulary) or (vocabulary,)")
    rows, width = logits[0] if len(logits) == 2 else 1, -(-logits[-1] // WORD_BITS)
    if words == (rows, width) or words == (1, width) or words == (width,):
        return
    raise ValueError(
        f"bitmask of shape {tuple(words)} does not fit logits of shape {tuple(logits)}; "
        f"expected ({rows}, {width}), or one row of {width} words for all"
    )
