"""Payment cards and social security numbers among the rows of digit groups."""

# ruff: noqa: SIM109 (for `x in (a, b)` numba would compile a function of its own)

from __future__ import annotations

from typing import Any

import numpy as np

from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.rows import ROW, digit, loose_after, spaced_before
from aligntax_kernels.pii.compiled.text import PAIR, I, kind_before
from aligntax_kernels.pii.grammar import (
    AGAINST_PERCENT,
    CARD_BARE_PERCENT,
    CARD_GROUPED_PERCENT,
    CARD_SHORT_PERCENT,
    DASH,
    DOT,
    FOR_PERCENT,
    MOST_ANNOUNCED_PERCENT,
    SPACE,
    SSN_BARE_PERCENT,
    SSN_DASHED_PERCENT,
    SSN_SPACED_PERCENT,
    WORDS_BYTES,
)
from aligntax_kernels.pii.issuers import ISSUERS
from aligntax_kernels.pii.words import OTHER, PHONE, SSN

__all__ = ["card", "ssn"]

_ISSUERS = np.array(
    [(issuer.low, issuer.high, sum(1 << length for length in issuer.lengths)) for issuer in ISSUERS], np.int64
)


@part(I(I, I, I))
def _luhn(high: int, low: int, total: int) -> int:
    """Return 1 where the last of the digits is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    checksum = 0
    for back in range(total):
        value = digit(high, low, total - 1 - back)
        if back & 1:
            value = 2 * value - 9 * (value > 4)
        checksum += value
    return checksum % 10 == 0


@part(I(I, I, I))
def _issued(high: int, low: int, total: int) -> int:
    """Return 1 where an issuer gives out numbers with these first digits and this length."""
    prefix = 0
    for place in range(6):
        prefix = prefix * 10 + digit(high, low, place)
    for index in range(len(_ISSUERS)):
        if _ISSUERS[index, 0] <= prefix <= _ISSUERS[index, 1] and _ISSUERS[index, 2] >> total & 1:
            return 1
    return 0


@part(PAIR(I, I, ROW))
def card(base: int, first: int, read: Any) -> tuple[int, int]:
    """Match the longest payment card that begins with the row: its end or -1, and its confidence in percent."""
    groups, lengths, kinds, ends, high, low, _ = read
    total, best, percent = 0, -1, 0
    shape = 0
    for index in range(groups):
        size, kind = lengths >> (5 * index) & 31, kinds >> (4 * index) & 15
        end = first + (ends >> (8 * index) & 255)
        total += size
        shape = shape * 10 + min(size, 9)
        fits = index == 0 or shape == 465 or shape == 464 or (shape // 10 % 10 == 4 and size <= 4)
        complete = 13 <= total <= 19 and fits and loose_after(base, end, kind)
        if complete and _issued(high, low, total) and _luhn(high, low, total):
            best = end
            percent = CARD_GROUPED_PERCENT
            if index == 0:
                percent = CARD_SHORT_PERCENT if total == 13 else CARD_BARE_PERCENT
        same = kind == kinds & 15 and (kind == SPACE or kind == DASH or kind == DOT)
        if not same or shape == 464 or (size != 4 and shape != 46):
            break
    return best, percent


@part(PAIR(I, I, ROW))
def ssn(base: int, first: int, read: Any) -> tuple[int, int]:
    """Match the social security number that begins with the row: its end or -1, and its confidence in percent."""
    _, lengths, kinds, ends, high, _, _ = read
    kind = kinds & 15
    if lengths & 0x7FFF == 3 | 2 << 5 | 4 << 10:
        last = 2
        if kind != kinds >> 4 & 15 or not (kind == DASH or kind == DOT or kind == SPACE):
            return -1, 0
    elif lengths & 31 == 9:
        last = 0
    else:
        return -1, 0
    area = digit(high, 0, 0) * 100 + digit(high, 0, 1) * 10 + digit(high, 0, 2)
    group = digit(high, 0, 3) * 10 + digit(high, 0, 4)
    serial = high >> 20 & 0xFFFF
    if area == 0 or area == 666 or area >= 900 or group == 0 or serial == 0:
        return -1, 0
    end, after = first + (ends >> (8 * last) & 255), kinds >> (4 * last) & 15
    if not loose_after(base, end, after):
        return -1, 0
    if last and kind == DASH:
        percent = SSN_DASHED_PERCENT
    elif after == SPACE or spaced_before(base, first):
        return -1, 0
    else:
        percent = SSN_SPACED_PERCENT if last else SSN_BARE_PERCENT
    announced = kind_before(base, first, WORDS_BYTES)
    if announced == SSN:
        percent += FOR_PERCENT
    elif announced == PHONE or announced == OTHER:
        percent -= AGAINST_PERCENT
    return end, min(percent, MOST_ANNOUNCED_PERCENT)
