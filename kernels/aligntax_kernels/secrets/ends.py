"""Where a secret ends, if what begins at a position is one; compiled.

Everything is bounded by the lengths that the rules have, and nothing behind `size` is read. Where the text ends too
early to tell, and more may come, the answer is `LATER`.
"""

from __future__ import annotations

from aligntax_kernels.compilation import kernel
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.beginnings import NO, row
from aligntax_kernels.secrets.judging import looks_random
from aligntax_kernels.secrets.reading import FLAG, INT, byte, is_in, is_same, is_text, length_of, number, run

LATER = -2

_BACKSLASH, _AT = 0x5C, 0x40


@kernel(INT(INT, INT, INT, INT, FLAG, INT, INT))
def token(tables: int, scratch: int, text: int, size: int, final: bool, at: int, rule: int) -> int:
    """Return where a token ends whose parts begin at `at`: all of them, or the last if that alone is the secret."""
    begin = at
    last = number(rule + layout.PARTS) - 1
    part = last if number(rule + layout.LAST_ONLY) else 0
    while True:
        record = rule + layout.FIRST_PART + layout.PART_SIZE * part
        least, most = number(record + layout.LEAST_OF), number(record + layout.MOST_OF)
        end = run(tables, scratch, text, at, min(size, at + most + 1), record)
        is_cut = part == last and number(rule + layout.END) == layout.CUT
        if end == size and not final and end - at < most + (0 if is_cut else 1):
            return LATER
        if end - at < least or (end - at > most and not is_cut):
            return NO
        if part == last:
            break
        if end == size or byte(text + end) != number(rule + layout.SEPARATOR):
            return NO
        at = end + 1
        part += 1
    end = min(end, at + most)
    ends = number(rule + layout.END)
    if ends == layout.WORD_ENDS and end < size and is_in(tables, byte(text + end), layout.IN_WORD):
        return NO
    if ends == layout.AT_FOLLOWS and (end == size or byte(text + end) != _AT):
        return NO
    return end if looks_random(tables, scratch, text, begin, end, rule) else NO


@kernel(INT(INT, INT, INT, INT, FLAG, INT, INT))
def assigned(tables: int, scratch: int, text: int, size: int, final: bool, at: int, rule: int) -> int:
    """Return where a value ends that begins at `at`, behind its quote if it has one."""
    if at >= size or is_in(tables, byte(text + at), layout.IN_NO_VALUE):
        return NO
    opening = byte(text + at - 1)
    is_quoted = is_in(tables, opening, layout.IN_QUOTE)
    part = rule + layout.FIRST_PART + (layout.PART_SIZE if is_quoted else 0)
    most = number(part + layout.MOST_OF)
    end = run(tables, scratch, text, at, min(size, at + most + 1), part)
    if end == size and not final and end - at <= most:
        return LATER
    if end - at < number(part + layout.LEAST_OF) or end - at > most:
        return NO
    if is_quoted:
        closing = end + 1 if end < size and byte(text + end) == _BACKSLASH else end
        if closing >= size:
            return NO if final else LATER
        if byte(text + closing) != opening:
            return NO
    elif end < size and is_in(tables, byte(text + end), layout.IN_NO_END):
        return NO
    return end if looks_random(tables, scratch, text, at, end, rule) else NO


@kernel(INT(INT, INT, INT, FLAG, INT, INT))
def block(tables: int, text: int, size: int, final: bool, at: int, rule: int) -> int:
    """Return where a block ends whose label begins at `at`."""
    end_marker = number(rule + layout.FIRST_STRING)
    dashes = end_marker + 1
    label = rule + layout.FIRST_PART
    least, most = number(label + layout.LEAST_OF), number(label + layout.MOST_OF)
    longest = 0
    for kind in range(dashes + 1, number(rule + layout.LAST_STRING)):
        longest = max(longest, most + length_of(tables, kind))
    behind = row(tables, text, at, size, longest + 1, number(label))
    inside = behind + length_of(tables, dashes)
    if inside > size and not final and behind - at <= longest:
        return LATER
    if not is_text(tables, dashes, text + behind, size - behind):
        return NO
    is_one = False
    for kind in range(dashes + 1, number(rule + layout.LAST_STRING)):
        rest = behind - at - length_of(tables, kind)
        if least <= rest <= most and is_text(tables, kind, text + at + rest, behind - at - rest):
            is_one = True
    if not is_one:
        return NO
    bound = inside + number(rule + layout.MOST)
    marker = length_of(tables, end_marker) + behind - at + length_of(tables, dashes)
    for end in range(inside, min(bound, size - marker) + 1):
        if is_text(tables, end_marker, text + end, marker) and is_same(
            text + at, text + end + length_of(tables, end_marker), behind - at + length_of(tables, dashes)
        ):
            return end + marker
    if not final and size < bound + marker:
        return LATER
    end = min(bound, size)
    # The bound must not cut a character in two; in what is no UTF-8 it moves by three bytes at most.
    stop = min(size, end + 3)
    while end < stop and byte(text + end) & 0xC0 == 0x80:
        end += 1
    return end
