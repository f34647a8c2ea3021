"""The token filters on the CPU, compiled when this module is imported."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import config, types
from numpy.typing import NDArray

from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.intrinsics import address_of, load_u32
from aligntax_kernels.tokens import reference
from aligntax_kernels.tokens.lanes import (
    blend_u16,
    blend_u32,
    store_u16,
    store_u32,
    trailing_zeros,
    words_with_bans,
)
from aligntax_kernels.tokens.logits import FORMATS
from aligntax_kernels.tokens.rules import Rules
from aligntax_kernels.tokens.walking import walk_rows

_address_of: Any = address_of  # to mypy it has the argument that numba adds

# Logits from which on other threads are let run meanwhile; a shorter run is over before a fight for the GIL is.
_LONG_RUN_LOGITS = 1 << 20

# A signed constant would make numba compute in float64.
_0, _1, _2, _5, _6, _8 = (np.uint64(number) for number in (0, 1, 2, 5, 6, 8))
_WORD = np.uint64(0xFFFFFFFF)
_TENSOR_FORMATS = {f"torch.{name}": found for name, found in FORMATS.items()}


def _address(values: NDArray[Any]) -> Any:
    return _address_of(values)


# numba notices elements of another size, not of another type, and takes float32 for what is to be moved as bits.
_address_of_2, _address_of_4, _address_of_8, _address_of_flat_4 = (
    direct(kernel(types.uint64(types.Array(element, axes, "A")))(_address))
    for element, axes in ((types.uint16, 2), (types.uint32, 2), (types.uint64, 2), (types.uint32, 1))
)


@kernel(types.void(types.uint64, types.uint64, types.uint64, types.uint64))
def _store(logits: Any, token: Any, shift: Any, minus_infinity: Any) -> None:
    if shift == _2:
        store_u32(logits + (token << _2), minus_infinity)
    else:
        store_u16(logits + (token << _1), minus_infinity)


@kernel(types.void(types.uint64, types.uint64, types.uint64, types.uint64))
def _mask_word(logits: Any, banned: Any, shift: Any, minus_infinity: Any) -> None:
    # Where few are banned, a word with a ban has mostly one or two. In memory that no cache holds, plain stores of
    # them take a third of the time of the masked ones that a blend becomes. A loop over all bans of a word takes five
    # times as long as the blend where half are banned: every end of it is mispredicted.
    more = banned & (banned - _1)
    if more & (more - _1) == _0:
        _store(logits, trailing_zeros(banned), shift, minus_infinity)
        if more != _0:
            _store(logits, trailing_zeros(more), shift, minus_infinity)
    elif shift == _2:
        blend_u32(logits, banned, minus_infinity)
    else:
        blend_u16(logits, banned, minus_infinity)


@kernel(types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64))
def _mask_row(logits: Any, words: Any, vocabulary: Any, shift: Any, minus_infinity: Any) -> None:
    whole_words = vocabulary >> _5
    blocks = whole_words >> _6
    for block in range(blocks):
        # Words without a ban are passed over 64 at a time: looked at one by one, each is a branch to mispredict.
        left = words_with_bans(words + (block << _8))
        while left != _0:
            word = (block << _6) + trailing_zeros(left)
            left &= left - _1
            banned = np.uint64(load_u32(words + (word << _2))) ^ _WORD
            _mask_word(logits + (word << (_5 + shift)), banned, shift, minus_infinity)
    for word in range(blocks << _6, whole_words):
        banned = np.uint64(load_u32(words + (word << _2))) ^ _WORD
        if banned != _0:
            _mask_word(logits + (word << (_5 + shift)), banned, shift, minus_infinity)
    # What lies behind the last token may be another row, or nobody's memory: no blend here.
    rest = vocabulary - (whole_words << _5)
    if rest != _0:
        banned = (np.uint64(load_u32(words + (whole_words << _2))) ^ _WORD) & ((_1 << rest) - _1)
        while banned != _0:
            _store(logits, (whole_words << _5) + trailing_zeros(banned), shift, minus_infinity)
            banned &= banned - _1


_MASK = types.void(*[types.uint64] * 2, *[types.int64] * 2, *[types.uint64] * 4)


@kernel(_MASK)
def _mask(
    logits: Any, words: Any, row_step: Any, words_step: Any, rows: Any, vocabulary: Any, shift: Any, minus_infinity: Any
) -> None:
    # Bits are moved, never floats: `value if allowed else -inf` is a float64 to numba, and widening a signalling NaN
    # quiets it unless the optimiser happens to fold the conversion away.
    for _row in range(rows):
        if shift == _2:
            _mask_row(logits, words, vocabulary, _2, minus_infinity)
        else:
            _mask_row(logits, words, vocabulary, _1, minus_infinity)
        logits += np.uint64(row_step)
        words += np.uint64(words_step)


@kernel(_MASK, nogil=True)
def _mask_without_gil(
    logits: Any, words: Any, row_step: Any, words_step: Any, rows: Any, vocabulary: Any, shift: Any, minus_infinity: Any
) -> None:
    _mask(logits, words, row_step, words_step, rows, vocabulary, shift, minus_infinity)


_mask_now, _mask_long = direct(_mask), direct(_mask_without_gil)


def apply_bitmask(logits: NDArray[Any], bitmask: NDArray[np.int32], minus_infinity: int) -> None:
    """Do what `reference.apply_bitmask` does, with the values and the words of a row adjacent, and logits aligned."""
    rows, vocabulary = logits.shape
    mask = _mask_now if rows * vocabulary < _LONG_RUN_LOGITS else _mask_long
    shift, address = (2, _address_of_4(logits)) if logits.itemsize == 4 else (1, _address_of_2(logits))
    words_step = 0 if len(bitmask) == 1 else bitmask.strides[0]
    mask(address, _address_of_4(bitmask), logits.strides[0], words_step, rows, vocabulary, shift, minus_infinity)


def mask_plain_tensors(logits: Any, bitmask: Any) -> bool:
    """Do what `apply_bitmask` does for two torch tensors of the most usual kind, or return False and do nothing.

    Two numpy views of tensors would take longer than the mask of one row that bans little: 2 us.

    Args:
        logits: a `torch.Tensor` on the CPU, of no subclass.
        bitmask: a `torch.Tensor`, of no subclass.
    """
    torch = sys.modules["torch"]
    found = _TENSOR_FORMATS.get(str(logits.dtype))
    if (
        found is None
        or bitmask.dtype is not torch.int32
        or not bitmask.is_cpu
        or not (logits.layout is bitmask.layout is torch.strided)
        or logits.requires_grad
        or logits.is_neg()  # a lazily negated view: its memory holds the opposite of what it means
        or not (logits.is_contiguous() and bitmask.is_contiguous())
    ):
        return False
    shape = logits.shape
    if len(shape) != 2:
        return False
    rows, vocabulary = shape
    width = (vocabulary + 31) >> 5
    address, words = logits.data_ptr(), bitmask.data_ptr()
    if bitmask.shape != (rows, width) or not address or not words:
        return False
    mask = _mask_now if rows * vocabulary < _LONG_RUN_LOGITS else _mask_long
    size, minus_infinity = found
    mask(address, words, vocabulary * size, width * 4, rows, vocabulary, size >> 1, minus_infinity)
    return True


def walk(
    rules: Rules,
    state: NDArray[np.int32] | None,
    tokens: NDArray[Any] | None,
    logits: NDArray[Any] | None,
    minus_infinity: int,
    states: NDArray[np.int32] | None,
) -> int:
    """Do what `reference.walk` does, with the values of a row of logits adjacent, and `states` contiguous."""
    rows = own = own_step = read = read_step = token_step = size = length = at = row_step = step = shift = 0
    if state is not None:
        rows, own, own_step = len(state), _address_of_flat_4(state), state.strides[0]
    if tokens is not None:
        size = tokens.itemsize
        (rows, length), (read_step, token_step) = tokens.shape, tokens.strides
        read = _address_of_4(tokens) if size == 4 else _address_of_8(tokens)
    if logits is not None:
        rows, (row_step, step, _), shift = len(logits), logits.strides, logits.itemsize >> 1
        at = _address_of_4(logits[:, 0]) if shift == 2 else _address_of_2(logits[:, 0])
    numbers = 0 if states is None else _address_of_4(states)
    tables = rules.automaton.address
    bad: int = walk_rows(
        tables, rows, numbers, own, own_step, read, read_step, token_step, size, length, at, row_step, step, shift,
        minus_infinity,
    )  # fmt: skip
    return bad


if getattr(config, "DISABLE_JIT"):  # noqa: B009 (set at run time, and unknown to mypy)
    # Interpreted, there is no memory at an address: NUMBA_DISABLE_JIT=1 makes this module the oracle's.
    apply_bitmask, walk = reference.apply_bitmask, reference.walk
    _TENSOR_FORMATS.clear()


def warm() -> None:
    """Call every compiled version once, since a first call also resolves the types of its arguments."""
    for kind, minus_infinity in ((np.uint32, 0xFF800000), (np.uint16, 0xFC00)):
        for rows in (1, _LONG_RUN_LOGITS):
            apply_bitmask(np.zeros((rows, 1), kind), np.zeros((1, 1), np.int32), minus_infinity)
