"""Reading a text: where a candidate may begin, what touches it, and what separates its parts.

Every function takes the address of a text that ends in a NUL byte, as `bytes` do: a forward look that stops at the
first byte that does not fit never leaves the text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from aligntax_kernels.intrinsics import load_u8, load_u64
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.words import KEY_BYTES, WIDE_KEY_BYTES, word_kinds

__all__ = [
    "CLASSES",
    "DIGIT",
    "FOUR",
    "HEX",
    "INSIDE",
    "LABEL",
    "LETTER",
    "LOCAL",
    "PAIR",
    "SEPARATOR",
    "SEVEN",
    "TRIPLE",
    "WORD",
    "I",
    "dash_length",
    "kind_before",
    "next_trigger",
    "space_length",
    "two_byte_letter",
    "word_after",
    "word_before",
]

I = types.int64  # noqa: E741 (every argument and result of the matchers is one)
PAIR, TRIPLE, FOUR, SEVEN = (types.UniTuple(I, count) for count in (2, 3, 4, 7))  # type: ignore[no-untyped-call]

DIGIT, LETTER, WORD, LOCAL, SEPARATOR, HEX, LABEL, INSIDE = (1 << bit for bit in range(8))


def _classes() -> Any:
    """Return the classes of every byte that says enough alone; letters of two bytes are asked for in code."""
    table = np.zeros(256, np.uint8)
    for byte in range(128):
        character = chr(byte)
        is_word = character.isalnum() or character == "_"
        table[byte] = (
            DIGIT * character.isdigit()
            | LETTER * character.isalpha()
            | WORD * is_word
            | LOCAL * (is_word or character in "._%+'-")
            | SEPARATOR * (character in " -./()")
            | HEX * (character in "0123456789abcdefABCDEF")
            | LABEL * (character.isalnum() or character == "-")
            | INSIDE * (character in " -./():@xX#eE" or character.isdigit())
        )
    table[128:] = INSIDE | SEPARATOR
    return table


CLASSES = _classes()

_ONES = 0x0101010101010101
_HIGH = np.uint64(0x80 * _ONES)
_LOW = np.uint64(0x7F * _ONES)
_FROM_ZERO = np.uint64((0x80 - 0x30) * _ONES)
_ABOVE_AT = np.uint64((0x7F - 0x40) * _ONES)

_SLOT_BITS = 10
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)


def _word_table() -> tuple[Any, Any]:
    """Return the keys and the kinds of an open-addressed hash table; an empty slot has kind 0."""
    keys, kinds = np.zeros(1 << _SLOT_BITS, np.uint64), np.zeros(1 << _SLOT_BITS, np.uint8)
    for word, kind in word_kinds().items():
        key = int.from_bytes(word, "little")
        slot = key * int(_MULTIPLIER) % (1 << 64) >> int(_SLOT_SHIFT)
        while kinds[slot]:
            slot = (slot + 1) % (1 << _SLOT_BITS)
        keys[slot], kinds[slot] = key, kind
    return keys, kinds


_KEYS, _KINDS = _word_table()


@intrinsic
def _trailing_zeros(typing_context: Any, value: Any) -> Any:  # noqa: ARG001 (numba's protocol)
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@part(I(I, I, I))
def next_trigger(base: int, at: int, length: int) -> int:
    """Return where the next digit, `:` or `@` stands from `at` on, or `length`.

    They lie between 0x30 and 0x40, so that one comparison of eight bytes finds them, and `;<=>?` besides.
    """
    while at + 8 <= length:
        eight = load_u64(base + at)
        low = eight & _LOW
        hits = (low + _FROM_ZERO) & ~(low + _ABOVE_AT) & ~eight & _HIGH
        if hits == 0:
            at += 8
            continue
        at += _trailing_zeros(hits) >> 3  # type: ignore[call-arg]
        byte = load_u8(base + at)
        if byte <= 0x3A or byte == 0x40:
            return at
        at += 1
    while at < length:
        byte = load_u8(base + at)
        if 0x30 <= byte <= 0x3A or byte == 0x40:
            return at
        at += 1
    return length


@part(I(I, I))
def two_byte_letter(base: int, at: int) -> int:
    """Return 1 where a letter of two bytes begins."""
    return 0xC3 <= load_u8(base + at) <= 0xDF and 0x80 <= load_u8(base + at + 1) <= 0xBF


@part(I(I, I))
def word_before(base: int, at: int) -> int:
    """Return 1 where a letter, a digit or `_` stands right before `at`."""
    if at < 1:
        return 0
    byte = load_u8(base + at - 1)
    if byte < 0x80:
        return CLASSES[byte] & WORD != 0
    return byte <= 0xBF and at >= 2 and 0xC3 <= load_u8(base + at - 2) <= 0xDF


@part(I(I, I))
def word_after(base: int, at: int) -> int:
    """Return 1 where a letter, a digit or `_` stands at `at`."""
    byte = load_u8(base + at)
    return CLASSES[byte] & WORD != 0 if byte < 0x80 else two_byte_letter(base, at)


@part(I(I, I))
def space_length(base: int, at: int) -> int:
    """Return how many bytes the space at `at` has, 0 where there is none."""
    byte = load_u8(base + at)
    if byte == 0x20:
        return 1
    if byte == 0xC2:
        return 2 if load_u8(base + at + 1) == 0xA0 else 0
    if byte == 0xE2 and load_u8(base + at + 1) == 0x80:
        last = load_u8(base + at + 2)
        return 3 if last == 0x89 or last == 0xAF else 0
    return 0


@part(I(I, I))
def dash_length(base: int, at: int) -> int:
    """Return how many bytes the dash at `at` has, 0 where there is none."""
    byte = load_u8(base + at)
    if byte == 0x2D:
        return 1
    if byte == 0xE2 and load_u8(base + at + 1) == 0x80:
        return 3 if 0x90 <= load_u8(base + at + 2) <= 0x93 else 0
    return 0


@part(I(I, I, I))
def kind_before(base: int, at: int, reach: int) -> int:
    """Return what the last known word in the sentence before `at` announces, 0 for none in so many bytes."""
    start = max(at - reach, 0)
    # A word that is cut off at the edge of what is read would be another word.
    cut = start > 0 and (load_u8(base + start - 1) >= 0x80 or CLASSES[load_u8(base + start - 1)] & LETTER != 0)
    found, key, size, limit, stopped = 0, np.uint64(0), 0, 0, 0
    for position in range(start, at + 1):
        byte = load_u8(base + position) if position < at else np.uint8(0)
        if byte >= 0x80 or CLASSES[byte] & LETTER:
            if size == 0:
                limit = KEY_BYTES if byte < 0xE0 else WIDE_KEY_BYTES
                if stopped == 2:
                    found = 0
                stopped = 0
            if size < limit:
                lower = np.uint64(byte | 0x20) if byte < 0x80 else np.uint64(byte)
                key |= lower << np.uint64(8 * size)
            size += 1
            continue
        if size and not cut:
            slot = np.int64((key * _MULTIPLIER) >> _SLOT_SHIFT)
            while _KINDS[slot] and _KEYS[slot] != key:
                slot = (slot + 1) & ((1 << _SLOT_BITS) - 1)
            if _KINDS[slot]:
                found = int(_KINDS[slot])
        key, size, cut = np.uint64(0), 0, False
        if byte == 0x2E or byte == 0x21 or byte == 0x3F:
            stopped = 1
        else:
            stopped = 2 if stopped and (byte == 0x20 or 0x09 <= byte <= 0x0D) else 0
    return found
