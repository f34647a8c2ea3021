"""Rows of digit groups: how they are read, and what may touch them.

A row is held in integers, since an array would have to be allocated: eight group lengths of five bits, eight separators
of four, eight group ends of eight (behind the first digit), and up to 20 digits of four bits in two words.
"""

# ruff: noqa: SIM109 (for `x in (a, b)` numba would compile a function of its own)

from __future__ import annotations

from aligntax_kernels.intrinsics import load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.text import (
    CLASSES,
    DIGIT,
    PAIR,
    SEPARATOR,
    SEVEN,
    I,
    dash_length,
    space_length,
    word_after,
    word_before,
)
from aligntax_kernels.pii.grammar import (
    CLOSE,
    DASH,
    DOT,
    MOST_DIGITS,
    MOST_GROUPS,
    NONE,
    OPEN,
    SLASH,
    SPACE,
    SPACED,
)

__all__ = ["ROW", "digit", "free_before", "loose_after", "row", "spaced_before"]

ROW = SEVEN
"""Groups, lengths, separators, ends, first 16 digits, further digits, total of digits."""


@part(PAIR(I, I, I))
def _separator(base: int, at: int, parentheses: int) -> tuple[int, int]:
    """Return the kind of the separator at `at`, and where the digit behind it stands.

    Args:
        base: address of the text.
        at: behind a group of digits.
        parentheses: 0 before any, 1 between a pair, 2 behind it.
    """
    byte = load_u8(base + at)
    if CLASSES[byte] & SEPARATOR == 0:
        return NONE, at
    after = at + space_length(base, at)
    if after > at:
        if CLASSES[load_u8(base + after)] & DIGIT:
            return SPACE, after
        dash = after + dash_length(base, after)
        if dash == after and load_u8(base + after) == 0x2F:
            dash += 1
        if dash > after:
            second = dash + space_length(base, dash)
            if second > dash and CLASSES[load_u8(base + second)] & DIGIT:
                return SPACED, second
            return NONE, at
    else:
        after = at + dash_length(base, at)
        if after > at and CLASSES[load_u8(base + after)] & DIGIT:
            return DASH, after
    # Here `after` is behind a space or a dash, or still `at`.
    if parentheses == 0 and load_u8(base + after) == 0x28 and CLASSES[load_u8(base + after + 1)] & DIGIT:
        return OPEN, after + 1
    if byte == 0x2E and CLASSES[load_u8(base + at + 1)] & DIGIT:
        return DOT, at + 1
    if byte == 0x2F:
        after = at + 1 + space_length(base, at + 1)
        if CLASSES[load_u8(base + after)] & DIGIT:
            return SLASH, after
    if byte == 0x29 and parentheses == 1:
        after = at + 1 + space_length(base, at + 1)
        if after == at + 1:
            after += dash_length(base, at + 1)
        if after == at + 1 and (load_u8(base + after) == 0x2E or load_u8(base + after) == 0x2F):
            after += 1
        if CLASSES[load_u8(base + after)] & DIGIT:
            return CLOSE, after
    return NONE, at


@part(ROW(I, I, I))
def row(base: int, first: int, opened: int) -> tuple[int, int, int, int, int, int, int]:
    """Read the row of groups that begins with the digit at `first`, as far as its digits and groups are few enough.

    Args:
        base: address of the text.
        first: where the first digit stands.
        opened: 1 where the first group stands in parentheses of its own.

    Returns:
        A `ROW`. The separator behind the last group is that before the group that did not fit, or NONE.
    """
    groups, lengths, kinds, ends, high, low, total = 0, 0, 0, 0, 0, 0, 0
    at, parentheses = first, opened
    while True:
        size = 0
        byte = load_u8(base + at)
        while CLASSES[byte] & DIGIT:
            if total + size >= MOST_DIGITS:
                return groups, lengths, kinds, ends, high, low, total
            # Written before it is known that the whole group fits: what lies beyond `total` is never read.
            place = total + size
            if place < 16:
                high |= (int(byte) & 15) << (4 * place)
            else:
                low |= (int(byte) & 15) << (4 * (place - 16))
            size += 1
            byte = load_u8(base + at + size)
        at += size
        lengths |= size << (5 * groups)
        ends |= (at - first) << (8 * groups)
        total += size
        kind, following = _separator(base, at, parentheses)
        kinds |= kind << (4 * groups)
        groups += 1
        if kind == NONE or groups == MOST_GROUPS:
            return groups, lengths, kinds, ends, high, low, total
        if kind == OPEN:
            parentheses = 1
        elif kind == CLOSE:
            parentheses = 2
        at = following


@part(I(I, I, I))
def digit(high: int, low: int, place: int) -> int:
    """Return one digit of a row."""
    return high >> (4 * place) & 15 if place < 16 else low >> (4 * (place - 16)) & 15


@part(I(I, I))
def free_before(base: int, start: int) -> int:
    """Return 1 where nothing before `start` makes the number part of a longer run."""
    if start == 0:
        return 1
    if word_before(base, start):
        return 0
    byte = load_u8(base + start - 1)
    if byte == 0x2B:
        return 0
    tight = start - 1
    if byte >= 0x80 and start >= 3 and dash_length(base, start - 3) == 3:
        tight = start - 3
    if tight == 0:
        return 1
    if byte == 0x2D or byte == 0x2F or tight == start - 3:
        return not word_before(base, tight)
    if byte == 0x2E or byte == 0x3A:
        return CLASSES[load_u8(base + tight - 1)] & DIGIT == 0
    return 1


@part(I(I, I))
def spaced_before(base: int, start: int) -> int:
    """Return 1 where a digit and a space stand before `start`."""
    for size in range(1, 4):
        if start > size and space_length(base, start - size) == size:
            return CLASSES[load_u8(base + start - size - 1)] & DIGIT != 0
    return 0


@part(I(I, I))
def _free_after(base: int, end: int) -> int:
    """Return 1 where nothing behind `end` makes the number part of a longer run."""
    byte = load_u8(base + end)
    if byte == 0x25 or word_after(base, end):
        return 0
    following = load_u8(base + end + 1) if byte else 0
    if byte == 0xC2 and following == 0xB0:
        return 0
    if byte == 0x2D:
        return not word_after(base, end + 1)
    if byte == 0x2E or byte == 0x2F or byte == 0x3A:
        return CLASSES[following] & DIGIT == 0
    return 1


@part(I(I, I, I))
def loose_after(base: int, end: int, kind: int) -> int:
    """Return 1 where a number may end at `end`.

    Args:
        base: address of the text.
        end: behind a group.
        kind: of the separator there.
    """
    if kind == NONE:
        return _free_after(base, end)
    return kind == SPACE or kind == OPEN or kind == SPACED
