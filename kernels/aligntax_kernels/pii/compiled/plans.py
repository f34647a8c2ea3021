"""Which digits and groups are a phone number of which numbering plan."""

# ruff: noqa: SIM109 (for `x in (a, b)` numba would compile a function of its own)

from __future__ import annotations

from typing import Any

import numpy as np

from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.rows import digit
from aligntax_kernels.pii.compiled.text import I
from aligntax_kernels.pii.countries import calling_codes
from aligntax_kernels.pii.grammar import (
    CLOSE,
    DASH,
    DOT,
    EXIT_CODE_BARE_PERCENT,
    EXIT_CODE_PERCENT,
    INTERNATIONAL_BARE_PERCENT,
    INTERNATIONAL_PERCENT,
    INTERNATIONAL_SHORT_PERCENT,
    NANP_BARE_PERCENT,
    NANP_PARENTHESES_PERCENT,
    NANP_PERCENT,
    NANP_SPACES_PERCENT,
    OPEN,
    PARENTHESES_PERCENT,
    SLASH,
    SPACE,
    SPACE_AND_DASH_PERCENT,
    TRUNK_BARE_PERCENT,
    TRUNK_MIXED_PERCENT,
    TRUNK_PERCENT,
    TRUNK_SHORT_PERCENT,
)

__all__ = ["exit_code", "international", "national", "plain"]

_BRAZILIAN, _BRAZILIAN_MOBILE = 2 | 4 << 5 | 4 << 10, 2 | 5 << 5 | 4 << 10


def _national_lengths() -> Any:
    """Return, by calling code, a bit for each number of digits that may follow."""
    table = np.zeros(1000, np.int32)
    for code, lengths in calling_codes().items():
        table[code] = sum(1 << length for length in lengths)
    return table


_LENGTHS = _national_lengths()


@part(I(I, I, I))
def _value(high: int, place: int, size: int) -> int:
    """Return the number that some of the first 16 digits make."""
    value = 0
    for index in range(place, place + size):
        value = value * 10 + digit(high, 0, index)
    return value


@part(I(I, I, I, I))
def _begins_with_date(groups: int, lengths: int, kinds: int, high: int) -> int:
    """Return 1 for year, month, day or the like, and for more behind another separator."""
    kind = kinds & 15
    if groups < 3 or kind != kinds >> 4 & 15 or not (kind == DASH or kind == DOT or kind == SLASH):
        return 0
    if groups > 3 and kinds >> 8 & 15 == kind:
        return 0
    first, second, third = lengths & 31, lengths >> 5 & 31, lengths >> 10 & 31
    if first == 4 and second <= 2 and third <= 2:
        return _value(high, 4, second) <= 12 and _value(high, 4 + second, third) <= 31
    if first > 2 or second > 2 or not (third == 2 or third == 4):
        return 0
    one, two = _value(high, 0, first), _value(high, first, second)
    return min(one, two) <= 12 and max(one, two) <= 31


@part(I(I, I, I, I, I, I, I))
def international(skipped: int, groups: int, lengths: int, kinds: int, high: int, low: int, total: int) -> int:
    """Return the confidence in percent that digits are a calling code and a number of its country, or 0.

    Args:
        skipped: digits of an exit code before the calling code; 0 after a plus sign.
        groups: as in a row, like all that follow.
        lengths: of the groups.
        kinds: of the separators.
        high: the first digits.
        low: further digits.
        total: number of digits.
    """
    code, size = digit(high, low, skipped), 1
    if code == 0:
        return 0
    while _LENGTHS[code] == 0:
        if size == 3:
            return 0
        code = code * 10 + digit(high, low, skipped + size)
        size += 1
    national = total - skipped - size
    if groups > 2 and lengths & 31 == skipped + size and kinds & 255 == OPEN | CLOSE << 4:
        national -= digit(high, low, skipped + size) == 0
    if national < 0 or _LENGTHS[code] >> national & 1 == 0:
        return 0
    if skipped:
        if national < 7:
            return 0
        return EXIT_CODE_PERCENT if groups > 1 else EXIT_CODE_BARE_PERCENT
    if national < 7:
        return INTERNATIONAL_SHORT_PERCENT
    return INTERNATIONAL_PERCENT if groups > 1 else INTERNATIONAL_BARE_PERCENT


@part(I(I, I, I, I, I, I))
def _nanp(groups: int, lengths: int, kinds: int, high: int, total: int, spaces: int) -> int:
    """Return the confidence in percent that a number is one of the North American plan, or 0."""
    ones = total == 11 and digit(high, 0, 0) == 1
    if total - ones != 10 or digit(high, 0, ones) < 2 or digit(high, 0, ones + 3) < 2:
        return 0
    if groups == 1:
        return NANP_BARE_PERCENT
    if ones:
        if lengths & 31 != 1:
            return 0
        groups, lengths, kinds = groups - 1, lengths >> 5, kinds >> 4
    if lengths & 31 != 3:
        return 0
    if kinds & 15 == CLOSE:
        return NANP_PARENTHESES_PERCENT if groups == 2 or (lengths >> 5 & 31 == 3 and groups == 3) else 0
    if groups != 3 or lengths >> 5 & 31 != 3:
        return 0
    return NANP_SPACES_PERCENT if spaces else NANP_PERCENT


@part(I(I, I, I, I, I, I))
def _trunk(opened: int, groups: int, lengths: int, kinds: int, high: int, total: int) -> int:
    """Return the confidence in percent that a number begins with the trunk prefix 0 or 8, or 0."""
    zero, second, first = digit(high, 0, 0), digit(high, 0, 1), lengths & 31
    if zero == 8 and first == 1 and total == 11 and second >= 3 and lengths >> 5 & 31 >= 3:
        return TRUNK_PERCENT if groups > 3 or (groups == 3 and kinds & 15 == OPEN) else 0
    if zero or second == 0 or not 8 <= total <= 12:
        return 0
    if groups == 1:
        return TRUNK_BARE_PERCENT if total == 10 or total == 11 else 0
    kind = kinds & 15
    if first == 1:
        if groups < 3 or not (kind == SPACE or kind == OPEN or kind == CLOSE):
            return 0
    elif first > 6:
        return 0
    # Three, three, three and two digits with a dash at the end is a Brazilian taxpayer.
    if groups == 4 and kind == DOT and lengths == 3 | 3 << 5 | 3 << 10 | 2 << 15:
        return 0
    if total == 8:
        # A dash after the area and spaces behind it are no date, and no row of figures either.
        mixed = kind != kinds >> 4 & 15
        return (TRUNK_MIXED_PERCENT if mixed else TRUNK_SHORT_PERCENT) if groups > 2 else 0
    return TRUNK_PERCENT + 10 * opened


@part(I(I, I, I, I))
def plain(groups: int, lengths: int, kinds: int, high: int) -> int:
    """Return 1 where the groups could be those of a national number: no date, no decimal number, no path."""
    if groups == 1:
        return 1
    if groups == 2 and kinds & 15 == DOT:
        return 0
    for index in range(1, groups - 1):
        if kinds >> (4 * index) & 15 == SLASH:
            return 0
    return lengths >> (5 * (groups - 1)) & 31 >= 2 and not _begins_with_date(groups, lengths, kinds, high)


@part(I(I, I, I, I, I, I, I))
def national(opened: int, groups: int, lengths: int, kinds: int, high: int, total: int, spaces: int) -> int:
    """Return the confidence in percent that a number is a national one that its form alone gives away, or 0."""
    percent = _nanp(groups, lengths, kinds, high, total, spaces)
    if percent or not plain(groups, lengths, kinds, high):
        return percent
    percent = _trunk(opened, groups, lengths, kinds, high, total)
    if percent:
        return percent
    if (
        groups == 3
        and high & 15
        and kinds == SPACE | DASH << 4
        and (lengths == _BRAZILIAN or lengths == _BRAZILIAN_MOBILE)
    ):
        return SPACE_AND_DASH_PERCENT
    if not opened:
        return 0
    first = lengths & 31
    year = first == 4 and (_value(high, 0, 2) == 19 or _value(high, 0, 2) == 20)
    return PARENTHESES_PERCENT if 2 <= first <= 5 and 8 <= total <= 12 and not year else 0


@part(I(I, I))
def exit_code(lengths: int, high: int) -> int:
    """Return how many digits the exit code at the beginning has, 00 or 011; 0 where there is none."""
    if lengths & 31 > 1 and high & 0xFF == 0:
        return 2
    return 3 if lengths & 31 == 3 and high & 0xFFF == 0x110 else 0
