"""The search for personal data, compiled when this module is imported."""

from __future__ import annotations

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.intrinsics import address_of, load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.cards import card, ssn
from aligntax_kernels.pii.compiled.email import email, local_start, row_end
from aligntax_kernels.pii.compiled.iban import iban
from aligntax_kernels.pii.compiled.ip import ipv4, ipv6
from aligntax_kernels.pii.compiled.phone import phone
from aligntax_kernels.pii.compiled.rows import free_before, row
from aligntax_kernels.pii.compiled.text import (
    CLASSES,
    DIGIT,
    INSIDE,
    LETTER,
    LOCAL,
    SEPARATOR,
    I,
    next_trigger,
    space_length,
)
from aligntax_kernels.pii.grammar import (
    CARD,
    CLOSE,
    DOT,
    EMAIL,
    HELD,
    IBAN,
    IP,
    LENGTH_SHIFT,
    MINIMUM_SHIFT,
    MORE,
    MOST_DIGITS,
    MOST_LOCAL_BYTES,
    NONE,
    NOTHING,
    PARENTHESES,
    PAUSED,
    PERCENT_MASK,
    PHONE_TYPE,
    SSN_TYPE,
    START_SHIFT,
    TYPE_SHIFT,
)

__all__ = ["next_hit", "warm"]

# A slice takes from 10 microseconds to 20 milliseconds, by what it holds.
_SLICE_BYTES = 1 << 17

_PLUS, _OPENING, _CLOSING, _COLON, _AT = 0x2B, 0x28, 0x29, 0x3A, 0x40
_LEAST_DIGITS = 7
_AHEAD_BYTES, _EXTENSION_BYTES = 12, 28
_PREFIX_BYTES = 8
_DOTTED_KINDS = DOT | DOT << 4 | DOT << 8


@part(I(I, I, I))
def _open_ended(base: int, end: int, length: int) -> int:
    """Return 1 where what follows the text could be more of the row of groups that ends at `end`."""
    at = end + space_length(base, end)
    byte = load_u8(base + at) | 0x20
    is_extension = byte == 0x65 or byte == 0x78 or load_u8(base + at) == 0x23
    limit = end + (_EXTENSION_BYTES if is_extension else _AHEAD_BYTES)
    at = end
    while at < limit:
        if at == length:
            return 1
        classes = CLASSES[load_u8(base + at)]
        if classes & INSIDE == 0 and not (is_extension and classes & LETTER):
            return 0
        at += 1
    return 0


@part(I(I, I, I, I, I))
def _around(base: int, start: int, end: int, length: int, options: int) -> int:
    """Return what an email address that a candidate is part of does to it.

    Returns:
        0: there is none; 1: there is one, which wins; `HELD` and below: only the text to come can say, and is needed
        from there on.
    """
    if options >> EMAIL & 1 == 0:
        return 0
    at = row_end(base, end, LOCAL, MOST_LOCAL_BYTES)
    if at - end > MOST_LOCAL_BYTES:
        return 0
    if at == length and options & MORE:
        return HELD - start
    if load_u8(base + at) != _AT:
        return 0
    first, last, percent, touched = email(base, at, length)
    if first < 0 or first >= end:
        return 0
    if touched and options & MORE:
        return HELD - min(start, first)
    return last >= 0 and percent >= options >> MINIMUM_SHIFT & PERCENT_MASK


@part(I(I, I))
def _could_begin(base: int, at: int) -> int:
    """Return from where on the bytes before `at` could be the beginning of a candidate that goes on at `at`."""
    start = local_start(base, at)
    if start < 0:  # too long for an address, but an IBAN or an IPv6 address may begin near the end
        start = at - _PREFIX_BYTES
        while 0x80 <= load_u8(base + start) < 0xC0:
            start -= 1
    return start - (start > 0 and load_u8(base + start - 1) == _OPENING)


@part(I(I, I, I))
def _group_end(base: int, first: int, length: int) -> int:
    """Return where the digits at `first` end, less one and negated where they cannot begin a candidate."""
    end = first
    while CLASSES[load_u8(base + end)] & DIGIT and end - first <= MOST_DIGITS:
        end += 1
    before = CLASSES[load_u8(base + first - 1)] if first else 0
    if before & DIGIT:
        return ~end
    if before & LETTER or end - first >= _LEAST_DIGITS - 1 or end + _EXTENSION_BYTES >= length:
        return end
    # Few digits with no letter before them, as most numbers in prose are: with no separator and digits behind them,
    # that is all there is.
    byte = load_u8(base + end)
    if byte == 0x20 or byte == 0x2E:
        return end if CLASSES[load_u8(base + end + 1)] & (SEPARATOR | DIGIT) else ~end
    return end if CLASSES[byte] & SEPARATOR else ~end


# One long function: what it calls is compiled again with each level above it, and one more level took 0.6 s.
@kernel(I(TEXT, I, I))
def _next_hit(text: bytes, at: int, options: int) -> int:
    base, length = I(address_of(text)), len(text)
    minimum = options >> MINIMUM_SHIFT & PERCENT_MASK
    more = options & MORE
    held = max(_could_begin(base, length), at) if more else length
    # A stream is fed little at once, and what it must hold could begin before a pause.
    stop = length if more else min(length, at + _SLICE_BYTES)
    position = next_trigger(base, at, stop)
    while position < stop:
        byte = load_u8(base + position)
        start, end, number, percent, touched, following = position, -1, EMAIL, 0, 0, position + 1
        if byte > _COLON:
            if options >> EMAIL & 1:
                start, end, percent, touched = email(base, position, length)
        elif byte == _COLON:
            if options >> IP & 1:
                number = IP
                start, end, percent, touched = ipv6(base, position, length)
        else:
            following = _group_end(base, position, length)
            if following < 0:
                position = next_trigger(base, ~following, stop)
                continue
            if options >> IBAN & 1:
                number, start = IBAN, position - 2
                end, percent, touched = iban(base, position, length)
            if not touched and (end < 0 or percent < minimum):
                start, end, opened = position, -1, 0
                if position and load_u8(base + position - 1) == _PLUS:
                    start -= 1
                if start and load_u8(base + start - 1) == _OPENING and load_u8(base + following) == _CLOSING:
                    start, opened = start - 1, 1
                read = row(base, position, opened)
                if opened and read[2] & 15 != CLOSE:  # `(030 123456)` begins behind the parenthesis
                    start, opened = start + 1, 0
                groups, kinds, total = read[0], read[2], read[6] + (start < position)
                if groups == 0:
                    position = next_trigger(base, following, stop)
                    continue
                last = position + (read[3] >> 8 * (groups - 1) & 255)
                if more and kinds >> 4 * (groups - 1) & 15 == NONE and _open_ended(base, last, length):
                    touched = 1
                elif total < _LEAST_DIGITS and groups < 4 and opened == 0 and kinds & PARENTHESES == 0:
                    # What begins further inside has no more digits. (With other parentheses it could have.)
                    following = last
                if not touched and kinds & 0xFFF == _DOTTED_KINDS and options >> IP & 1:
                    number = IP
                    end, percent = ipv4(base, position)
                # A plus sign counts as a digit: `+98 9601` is a number, and 98 9601 is none.
                if not touched and total >= _LEAST_DIGITS and (end < 0 or percent < minimum):
                    free = free_before(base, position)
                    if free and options >> CARD & 1:
                        number = CARD
                        end, percent = card(base, position, read)
                    if free and options >> SSN_TYPE & 1 and (end < 0 or percent < minimum):
                        number = SSN_TYPE
                        end, percent = ssn(base, position, read)
                    if options >> PHONE_TYPE & 1 and (end < 0 or percent < minimum):
                        number = PHONE_TYPE
                        end, percent = phone(base, start, position, opened, minimum, read)
                if number != PHONE_TYPE and not touched:
                    start = position
        if touched and more and start >= 0:
            return HELD - max(min(start, _could_begin(base, position), held), at)
        if end >= 0 and percent >= minimum:
            around = _around(base, start, end, length, options) if number != EMAIL else 0
            if around < 0:
                return HELD - max(min(HELD - around, held), at)
            if around == 0:
                return start << START_SHIFT | (end - start) << LENGTH_SHIFT | number << TYPE_SHIFT | percent
        position = next_trigger(base, following, stop)
    if stop < length:
        return PAUSED + stop
    return HELD - held if more else NOTHING


next_hit = direct(_next_hit)
"""Return the first candidate from an offset on, as `next_hit` of `reference` does, or `PAUSED` and where to go on.

The pause lets other threads run. A second version that releases the GIL was tried: compiling it takes 0.7 s, a tenth of
what all matchers take.
"""


def warm() -> None:
    """Call the compiled version once, since a first call also resolves the types of its arguments."""
    next_hit(b"", 0, 0)
