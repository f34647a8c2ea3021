"""IP addresses: IPv4 from its first digit on, IPv6 from its first colon on."""

# ruff: noqa: SIM109 (for `x in (a, b)` numba would compile a function of its own)

from __future__ import annotations

from aligntax_kernels.intrinsics import load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.text import CLASSES, DIGIT, FOUR, HEX, PAIR, I, kind_before, word_after, word_before
from aligntax_kernels.pii.grammar import (
    IPV4_PERCENT,
    IPV6_DOUBTFUL_PERCENT,
    IPV6_PERCENT,
    MOST_IPV6_BYTES,
    VERSION_PERCENT,
    VERSION_WORDS_BYTES,
)
from aligntax_kernels.pii.words import VERSION

__all__ = ["ipv4", "ipv6"]

_PLUS, _DOT, _SLASH, _COLON, _BRACKET = 0x2B, 0x2E, 0x2F, 0x3A, 0x5B
_PARTS, _PART_DIGITS = 8, 4
_DOTTED_BYTES = 16


@part(I(I, I))
def _dotted_end(base: int, start: int) -> int:
    """Return where the four numbers to 255 that begin at `start` end, or -1 where they or their end do not fit."""
    at = start
    for number in range(4):
        if number:
            if load_u8(base + at) != _DOT:
                return -1
            at += 1
        first, value = at, 0
        while CLASSES[load_u8(base + at)] & DIGIT and at - first < 4:
            value = value * 10 + load_u8(base + at) - 0x30
            at += 1
        if at == first or value > 255 or (at - first > 1 and load_u8(base + first) == 0x30):
            return -1
    if word_after(base, at) or (load_u8(base + at) == _DOT and CLASSES[load_u8(base + at + 1)] & DIGIT):
        return -1
    return at


@part(PAIR(I, I))
def ipv4(base: int, first: int) -> tuple[int, int]:
    """Match the address that begins with the digit at `first`: its end or -1, and its confidence in percent."""
    before = load_u8(base + first - 1) if first else 0
    if word_before(base, first) or before == _PLUS or (before == _DOT and word_before(base, first - 1)):
        return -1, 0
    end = _dotted_end(base, first)
    if end < 0:
        return -1, 0
    product = before == _SLASH and word_before(base, first - 1)
    return end, VERSION_PERCENT if product or kind_before(base, first, VERSION_WORDS_BYTES) == VERSION else IPV4_PERCENT


@part(I(I, I, I, I))
def _is_address(base: int, start: int, end: int, dotted: int) -> int:
    """Return 1 where the parts from `start` to `end`, with the two of a dotted tail behind them, make an address."""
    parts, size, gaps, at = 2 * dotted, 0, 0, start
    while at < end:
        if load_u8(base + at) != _COLON:
            size += 1
            at += 1
            if size > _PART_DIGITS:
                return 0
            continue
        if at + 1 < end and load_u8(base + at + 1) == _COLON:
            gaps += 1
            at += 1
        elif size == 0:
            return 0
        at += 1
        parts += size > 0
        size = 0
    parts += size > 0
    if gaps == 0:
        return parts == _PARTS
    return gaps == 1 and 0 < parts < _PARTS


@part(I(I, I, I))
def _doubtful(base: int, start: int, end: int) -> int:
    """Return 1 for what has no digit, as in `dead::beef`, and for eight pairs, as a hardware address has."""
    digits = 0
    for at in range(start, end):
        digits += CLASSES[load_u8(base + at)] & DIGIT
    if digits == 0:
        return 1
    if end - start != 3 * _PARTS - 1:
        return 0
    for at in range(start + 2, end, 3):
        if load_u8(base + at) != _COLON:
            return 0
    return load_u8(base + start + 1) != _COLON


@part(FOUR(I, I, I))
def ipv6(base: int, colon: int, length: int) -> tuple[int, int, int, int]:
    """Match the address whose first colon is at `colon`.

    Returns:
        Start, or -1 where no address can be here whatever follows; end, or -1 where there is none as the text stands;
        confidence in percent; 1 where what follows the text could change that.
    """
    start = colon
    while start > 0 and colon - start <= _PART_DIGITS and CLASSES[load_u8(base + start - 1)] & HEX:
        start -= 1
    if colon - start > _PART_DIGITS or word_before(base, start):
        return -1, -1, 0, 0
    if start > 0:
        before = load_u8(base + start - 1)
        # A word before the bracket or the dot: an index expression, a longer run.
        if before == _COLON or ((before == _BRACKET or before == _DOT) and word_before(base, start - 1)):
            return -1, -1, 0, 0
    run, part = colon, start
    while True:
        byte = load_u8(base + run)
        if byte == _COLON:
            part = run + 1
        elif CLASSES[byte] & HEX == 0:
            break
        run += 1
        if run - start > MOST_IPV6_BYTES:
            return -1, -1, 0, 0
    dotted = load_u8(base + run) == _DOT and CLASSES[load_u8(base + run + 1)] & DIGIT != 0
    stop = run
    while stop - run < _DOTTED_BYTES and (load_u8(base + stop) == _DOT or CLASSES[load_u8(base + stop)] & DIGIT):
        stop += 1
    touched = stop == length
    end = run
    if dotted:
        end = _dotted_end(base, part)
        if end < 0 or not _is_address(base, start, part, 1):
            return start, -1, 0, touched
    else:
        if load_u8(base + run - 1) == _COLON and (run - start < 2 or load_u8(base + run - 2) != _COLON):
            end -= 1
        if word_after(base, run) or not _is_address(base, start, end, 0):
            return start, -1, 0, touched
    return start, end, IPV6_DOUBTFUL_PERCENT if _doubtful(base, start, end) else IPV6_PERCENT, touched
