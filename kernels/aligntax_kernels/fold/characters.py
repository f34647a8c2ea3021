"""UTF-8 in and out, inside the compiled kernels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import types

from aligntax_kernels import intrinsics
from aligntax_kernels.compilation import kernel
from aligntax_kernels.fold.memory import store_four, store_u32
from aligntax_kernels.intrinsics import load_u8, load_u16, load_u32, load_u64

U: Any = np.uint64

Word: TypeAlias = Any
"""A uint64 in a kernel: numba sees to its type; to mypy it would be an int here and a numpy scalar there."""

# mypy takes an intrinsic for the function that numba's decorator was given.
address_of: Any = intrinsics.address_of

INVALID = U(0)


@kernel(types.uint64(types.uint64, types.uint64))
def window(address: Word, left: Word) -> Word:
    """Return the next 8 bytes of a text, the first one lowest; behind the last of the `left` bytes stand zeros."""
    if left >= U(8):
        return load_u64(address)
    word = U(0)
    for index in range(left):
        word |= load_u8(address + U(index)) << (U(8) * U(index))
    return word


@kernel(types.uint64(types.uint64))
def decoded(word: Word) -> Word:
    """Return the first character of a window as length << 32 | code point, or INVALID where there is none."""
    lead = word & U(0xFF)
    if lead < U(0x80):
        return U(1) << U(32) | lead
    if lead < U(0xC2):
        return INVALID
    if lead < U(0xE0):
        if word & U(0xC000) != U(0x8000):
            return INVALID
        return U(2) << U(32) | (lead & U(0x1F)) << U(6) | (word >> U(8) & U(0x3F))
    if lead < U(0xF0):
        code = (lead & U(0xF)) << U(12) | (word >> U(8) & U(0x3F)) << U(6) | (word >> U(16) & U(0x3F))
        # Too short for three bytes, or a surrogate, U+D800 to U+DFFF.
        if word & U(0xC0C000) != U(0x808000) or code < U(0x800) or code >> U(11) == U(0x1B):
            return INVALID
        return U(3) << U(32) | code
    if lead < U(0xF5):
        code = (
            (lead & U(0x7)) << U(18)
            | (word >> U(8) & U(0x3F)) << U(12)
            | (word >> U(16) & U(0x3F)) << U(6)
            | (word >> U(24) & U(0x3F))
        )
        if word & U(0xC0C0C000) != U(0x80808000) or code - U(0x10000) > U(0xFFFFF):
            return INVALID
        return U(4) << U(32) | code
    return INVALID


@kernel(types.UniTuple(types.uint64, 2)(types.uint64))  # type: ignore[no-untyped-call] # numba has no types
def short(word: Word) -> tuple[Word, Word]:
    """Return the code point and the length of the first character of a window, quicker than `decoded` for most text.

    The length is 0 for what is left to that: 4 bytes, what is not valid, and ASCII with more ASCII behind it. A length
    of 3 may be that of a surrogate, which is not valid either.
    """
    # The lengths are told apart by branches, which are predicted: the next load need not wait for this one.
    if word & U(0xC0E0) == U(0x80C0):
        code = (word & U(0x1F)) << U(6) | (word >> U(8) & U(0x3F))
        return code, U(2) if code >= U(0x80) else U(0)
    if word & U(0xC0C0F0) == U(0x8080E0):
        code = (word & U(0xF)) << U(12) | (word >> U(8) & U(0x3F)) << U(6) | (word >> U(16) & U(0x3F))
        return code, U(3) if code >= U(0x800) else U(0)
    return word & U(0x7F), U(1) if word & U(0x8080) == U(0x8000) else U(0)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def looked_up(pages: Word, section: Word, code: Word) -> Word:
    """Return the uint32 that a section of the tables has for a code point."""
    block = load_u16(pages + (code >> U(6) << U(1)))
    return load_u32(section + (block << U(8)) + ((code & U(0x3F)) << U(2)))


@kernel(types.void(*[types.uint64] * 5))
def spread(start: Word, end: Word, starts: Word, ends: Word, written: Word) -> None:
    """Write one character's span for 4 bytes of the folded text, which is as many as it can have."""
    store_four(starts + (written << U(3)), start)
    store_four(ends + (written << U(3)), end)


@kernel(types.uint64(*[types.uint64] * 7))
def put(code: Word, start: Word, end: Word, out: Word, starts: Word, ends: Word, written: Word) -> Word:
    """Write a code point, with its map unless `starts` is 0; return how many bytes are written then.

    As many as 4 bytes, and as many entries of the map, are touched.
    """
    if code < U(0x80):
        word, length = code, U(1)
    elif code < U(0x800):
        word, length = U(0x80C0) | code >> U(6) | (code & U(0x3F)) << U(8), U(2)
    elif code < U(0x10000):
        word = U(0x8080E0) | code >> U(12) | (code >> U(6) & U(0x3F)) << U(8) | (code & U(0x3F)) << U(16)
        length = U(3)
    else:
        word = U(0x808080F0) | code >> U(18) | (code >> U(12) & U(0x3F)) << U(8)
        word |= (code >> U(6) & U(0x3F)) << U(16) | (code & U(0x3F)) << U(24)
        length = U(4)
    store_u32(out + written, word)
    if starts:
        spread(start, end, starts, ends, written)
    return written + length
