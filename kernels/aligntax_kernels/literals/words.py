"""Whether a character beside a hit belongs to a word: letters, digits and the underscore, as `\\w` in `re` has it."""

from __future__ import annotations

import re
import sys
from functools import cache

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import U64, load_u8

__all__ = ["word_after", "word_before", "word_bits"]


@cache
def word_bits() -> NDArray[np.uint8]:
    """Return one bit for each code point, set where it belongs to a word; the lowest bit of a byte first."""
    belongs = np.zeros(sys.maxunicode + 1, np.uint8)
    for run in re.finditer(r"\w+", "".join(map(chr, range(sys.maxunicode + 1)))):
        belongs[run.start() : run.end()] = 1
    return np.packbits(belongs, bitorder="little")


@kernel(types.boolean(types.uint64, types.uint64))
def _in_word(words: int, character: int) -> bool:
    return (load_u8(words + (character >> U64(3))) >> np.uint8(character & U64(7))) & np.uint8(1) != 0


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _character(base: int, start: int, end: int) -> int:
    """Return the code point whose UTF-8 lies exactly from `start` to `end`; 0, which is in no word, if none does."""
    size = end - start
    lead = U64(load_u8(base + start))
    if size == U64(1):
        return lead if lead < U64(0x80) else U64(0)
    if size == U64(2):
        value, least, valid = lead & U64(0x1F), U64(0x80), lead >> U64(5) == U64(0b110)
    elif size == U64(3):
        value, least, valid = lead & U64(0x0F), U64(0x800), lead >> U64(4) == U64(0b1110)
    else:
        value, least, valid = lead & U64(0x07), U64(0x10000), lead >> U64(3) == U64(0b11110)
    for at in range(start + U64(1), end):
        follower = U64(load_u8(base + U64(at)))
        valid = valid and follower >> U64(6) == U64(0b10)
        value = value << U64(6) | follower & U64(0x3F)
    return value if valid and least <= value <= U64(0x10FFFF) else U64(0)


@kernel(types.boolean(types.uint64, types.uint64, types.uint64))
def word_before(base: int, position: int, words: int) -> bool:
    """Return whether the character that ends at `position` belongs to a word; none does at the text's beginning."""
    start = position
    while start > U64(0) and position - start < U64(4):
        start -= U64(1)
        if U64(load_u8(base + start)) >> U64(6) != U64(0b10):
            return _in_word(words, _character(base, start, position))
    return False


@kernel(types.boolean(types.uint64, types.uint64, types.uint64, types.uint64))
def word_after(base: int, length: int, position: int, words: int) -> bool:
    """Return whether the character that begins at `position` belongs to a word; none does at the text's end."""
    if position >= length:
        return False
    # Its first byte says how long it is; stray followers behind it belong to no character.
    lead = load_u8(base + position)
    end = position + U64(1)
    if lead >= np.uint8(0xC0):
        end += U64(1)
    if lead >= np.uint8(0xE0):
        end += U64(1)
    if lead >= np.uint8(0xF0):
        end += U64(1)
    return end <= length and _in_word(words, _character(base, position, end))
