"""Phone numbers among the rows of digit groups."""

# ruff: noqa: SIM109 (for `x in (a, b)` numba would compile a function of its own)

from __future__ import annotations

from typing import Any

import numpy as np

from aligntax_kernels.intrinsics import load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.plans import exit_code, international, national, plain
from aligntax_kernels.pii.compiled.rows import ROW, free_before, loose_after, spaced_before
from aligntax_kernels.pii.compiled.text import (
    CLASSES,
    DIGIT,
    PAIR,
    I,
    kind_before,
    space_length,
    word_after,
    word_before,
)
from aligntax_kernels.pii.grammar import (
    AGAINST_PERCENT,
    CLOSE,
    FOR_PERCENT,
    LOCAL_PERCENT,
    MOST_ANNOUNCED_PERCENT,
    NONE,
    OPEN,
    SPACE,
    WORDS_BYTES,
)
from aligntax_kernels.pii.words import PHONE

__all__ = ["phone"]

_PLUS, _HASH, _DOLLAR, _AT, _PERIOD = 0x2B, 0x23, 0x24, 0x40, 0x2E
_EXTENSION = np.frombuffer(b"extension", np.uint8)
_EXTENSION_DIGITS = 6


@part(I(I, I))
def _extension_end(base: int, at: int) -> int:
    """Return where the extension behind a number that ends at `at` ends, or `at` where there is none."""
    start = at + space_length(base, at)
    byte = load_u8(base + start)
    if byte == _HASH or byte | 0x20 == 0x78:
        start += 1
    else:
        size = 0
        while size < len(_EXTENSION) and load_u8(base + start + size) | 0x20 == _EXTENSION[size]:
            size += 1
        if size != 3 and size != len(_EXTENSION):
            return at
        start += size
    if load_u8(base + start) == _PERIOD:
        start += 1
    start += space_length(base, start)
    end = start
    while CLASSES[load_u8(base + end)] & DIGIT and end - start < _EXTENSION_DIGITS:
        end += 1
    return at if end == start or word_after(base, end) else end


@part(I(I, I))
def _announced_percent(percent: int, announced: int) -> int:
    """Return a confidence in percent in the light of the word before the number."""
    if announced == PHONE:
        return min(percent + FOR_PERCENT, MOST_ANNOUNCED_PERCENT)
    return percent - AGAINST_PERCENT * (announced != 0)


@part(I(I, I, I, I))
def _may_begin(base: int, start: int, first: int, opened: int) -> int:
    """Return 1 where nothing before `start` speaks against a phone number; arguments as for `phone`."""
    before = load_u8(base + start - 1) if start else 0
    if before == _HASH or before == _DOLLAR or before == _AT:
        return 0
    if opened and word_before(base, start):
        return CLASSES[before] & DIGIT == 0
    if start < first and load_u8(base + first - 1) == _PLUS:
        return before != _PLUS and not word_before(base, start)
    return free_before(base, start)


@part(PAIR(I, I, I, I, I, ROW))
def phone(base: int, start: int, first: int, opened: int, minimum: int, read: Any) -> tuple[int, int]:
    """Match the phone number that begins with the row: its end or -1, and its confidence in percent.

    Args:
        base: address of the text.
        start: where the number begins, with its plus sign or parenthesis.
        first: where its first digit stands.
        opened: 1 where the first group stands in parentheses of its own.
        minimum: confidence in percent that a number must have.
        read: the `row` at `first`.
    """
    if not _may_begin(base, start, first, opened):
        return -1, 0
    groups, all_lengths, all_kinds, ends, high, low, digits = read
    plus = start < first and load_u8(base + first - 1) == _PLUS
    skipped = exit_code(all_lengths, high) if not plus and not opened else 0
    leading = high & 15
    by_form = digits >= 10 or leading == 0 or leading == 8 or start < first
    announced = -1
    # What only a word before it can make a phone number comes last: it would swallow what stands behind one.
    for local in range(not by_form, 2 - plus):
        lengths, kinds, total = all_lengths, all_kinds, digits
        for count in range(groups, 0, -1):
            place = 4 * (count - 1)
            kind, end = kinds >> place & 15, first + (ends >> 2 * place & 255)
            taken, total = total, total - (lengths >> 5 * (count - 1) & 31)
            lengths &= (1 << 5 * count) - 1
            kinds &= (1 << place) - 1
            spaces, parentheses = not opened, opened
            for index in range(count - 1):
                between = kinds >> 4 * index & 15
                spaces = spaces and between == SPACE
                parentheses += (between == OPEN) - (between == CLOSE)
            stop = _extension_end(base, end) if kind == NONE else end
            if parentheses or (stop == end and not loose_after(base, end, kind)):
                continue
            percent = 0
            if not local and (plus or skipped):
                percent = international(skipped, count, lengths, kinds, high, low, taken)
            if percent == 0:
                if plus or (spaces and (kind == SPACE or spaced_before(base, first))):
                    continue
                if not local:
                    percent = national(opened, count, lengths, kinds, high, taken, spaces)
                elif 7 <= taken <= 12 and count <= 5 and plain(count, lengths, kinds, high):
                    percent = LOCAL_PERCENT
                if percent == 0:
                    continue
            if not plus:
                if announced < 0:
                    announced = kind_before(base, start, WORDS_BYTES)
                percent = _announced_percent(percent, announced)
            if percent >= minimum:
                return stop, percent
    return -1, 0
