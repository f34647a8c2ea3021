"""Where a secret begins, given where its prefix or the word in its name stands; compiled.

What stands before the prefix or between the name and the value is short, so that all of this is, too.
"""

from __future__ import annotations

from aligntax_kernels.compilation import kernel
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.reading import FLAG, INT, byte, is_in, number
from aligntax_kernels.secrets.shapes import BLANKS_MOST, SIGNS_MOST, SUFFIX_MOST

NO = -1

_BACKSLASH, _BRACKET, _PERCENT = 0x5C, 0x5D, 0x25


@kernel(FLAG(INT, INT, INT))
def is_apart(tables: int, text: int, at: int) -> bool:
    """Return whether a prefix at `at` does not go on a word; behind an escape it does not."""
    if at == 0 or not is_in(tables, byte(text + at - 1), layout.IN_TOUCHING):
        return True
    last = byte(text + at - 1)
    if at >= 2 and byte(text + at - 2) == _BACKSLASH and is_in(tables, last, layout.IN_ESCAPE):
        return True
    return (
        at >= 3
        and byte(text + at - 3) == _PERCENT
        and is_in(tables, byte(text + at - 2), layout.IN_HEX)
        and is_in(tables, last, layout.IN_HEX)
    )


@kernel(INT(INT, INT, INT, FLAG, INT))
def lead(tables: int, text: int, at: int, grows: bool, rule: int) -> int:
    """Return where the run before a prefix at `at` begins, or NO if its length does not fit, nor will if it `grows`."""
    part = rule + layout.FIRST_PART + layout.PART_SIZE * number(rule + layout.PARTS)
    least, most = number(part + layout.LEAST_OF), number(part + layout.MOST_OF)
    begin = at
    while begin > 0 and at - begin <= most and is_in(tables, byte(text + begin - 1), number(part)):
        begin -= 1
    return begin if (0 if grows else least) <= at - begin <= most else NO


@kernel(INT(INT, INT, INT, INT, INT, INT))
def row(tables: int, text: int, at: int, size: int, most: int, alphabet: int) -> int:
    """Return where a row of at most `most` bytes of an alphabet ends."""
    stop = min(size, at + most)
    while at < stop and is_in(tables, byte(text + at), alphabet):
        at += 1
    return at


@kernel(INT(INT, INT, INT, INT, INT))
def last_part(tables: int, text: int, size: int, at: int, rule: int) -> int:
    """Return where the last part of a token begins whose first begins at `at`, or NO."""
    for part in range(number(rule + layout.PARTS) - 1):
        record = rule + layout.FIRST_PART + layout.PART_SIZE * part
        most = number(record + layout.MOST_OF)
        end = row(tables, text, at, size, most + 1, number(record))
        if end - at < number(record + layout.LEAST_OF) or end - at > most:
            return NO
        if end == size or byte(text + end) != number(rule + layout.SEPARATOR):
            return NO
        at = end + 1
    return at


@kernel(INT(INT, INT, INT, INT))
def _quote(tables: int, text: int, size: int, at: int) -> int:
    """Return the position behind a quote at `at`, perhaps with a backslash before it; `at` if there is none."""
    quote = at + 1 if at < size and byte(text + at) == _BACKSLASH else at
    return quote + 1 if quote < size and is_in(tables, byte(text + quote), layout.IN_QUOTE) else at


@kernel(INT(INT, INT, INT, INT))
def value(tables: int, text: int, size: int, at: int) -> int:
    """Return where the value begins that is given to a name, `at` being behind the word in it, or NO."""
    begin = at
    if at < size and is_in(tables, byte(text + at), layout.IN_SUFFIX):
        at = row(tables, text, at, size, SUFFIX_MOST + 1, layout.IN_NAME)
    if at - begin > SUFFIX_MOST or (at < size and is_in(tables, byte(text + at), layout.IN_NAME)):
        return NO
    at = _quote(tables, text, size, at)
    if at < size and byte(text + at) == _BRACKET:
        at += 1
    at = row(tables, text, at, size, BLANKS_MOST, layout.IN_BLANK)
    signs = at
    at = row(tables, text, at, size, SIGNS_MOST, layout.IN_SIGN)
    if at == signs:
        return NO
    at = row(tables, text, at, size, BLANKS_MOST, layout.IN_BLANK)
    prefixed = row(tables, text, at, size, 1, layout.IN_QUOTE_PREFIX)
    quoted = _quote(tables, text, size, prefixed)
    return at if quoted == prefixed else quoted


@kernel(FLAG(INT, INT, INT, INT, INT))
def is_too_short(tables: int, text: int, size: int, at: int, rule: int) -> bool:
    """Return whether what a name is given is shorter than a value must be; where the text ends within it, it is not."""
    if at >= size:
        return True  # there is nothing yet that could be hidden
    part = rule + layout.FIRST_PART + (layout.PART_SIZE if is_in(tables, byte(text + at - 1), layout.IN_QUOTE) else 0)
    least = number(part + layout.LEAST_OF)
    end = row(tables, text, at, size, least, number(part))
    return end - at < least and end < size
