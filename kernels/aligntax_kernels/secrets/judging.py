"""Whether a value looks random enough to be a secret; compiled."""

from __future__ import annotations

from aligntax_kernels.compilation import kernel
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.reading import COUNTS, FLAG, INT, alphabets, byte, is_text, number, put, word
from aligntax_kernels.secrets.shapes import SAMPLE


@kernel(INT(INT, INT, INT, INT, INT))
def _entropy(tables: int, scratch: int, text: int, begin: int, stop: int) -> int:
    """Return `information.total` of a part of the text; the counts are zero before and after."""
    terms = tables + number(tables + layout.TERMS)
    for at in range(begin, stop):
        count = scratch + COUNTS + 8 * byte(text + at)
        put(count, word(count) + 1)
    total = number(terms + 4 * (stop - begin))
    for at in range(begin, stop):
        count = scratch + COUNTS + 8 * byte(text + at)
        total -= number(terms + 4 * word(count))
        put(count, 0)
    return total


@kernel(FLAG(INT, INT, INT, INT, INT, INT))
def looks_random(tables: int, scratch: int, text: int, begin: int, end: int, rule: int) -> bool:
    """Return whether a value has what its rule needs, no placeholder, and enough entropy in its first characters.

    The value is not empty; `tables`, `scratch`, `text` and `rule` are addresses.
    """
    stop = min(end, begin + SAMPLE)
    some, every = 0, -1
    for at in range(begin, stop):
        bits = alphabets(tables, byte(text + at))
        some |= bits
        every &= bits
    needs = word(rule + layout.NEEDS)
    if some & needs != needs:
        return False
    for string in range(number(rule + layout.FIRST_STRING), number(rule + layout.LAST_STRING)):
        for at in range(begin, end):
            if is_text(tables, string, text + at, end - at):
                return False
    floor = number(rule + (layout.HEX_FLOOR if (every >> layout.IN_HEX) & 1 else layout.FLOOR))
    length = stop - begin
    needed = number(tables + number(tables + layout.FLOORS) + 4 * ((SAMPLE + 1) * floor + length))
    return needed == 0 or _entropy(tables, scratch, text, begin, stop) >= needed
