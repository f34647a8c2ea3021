"""Whether a secret may begin where the sieve stops: its prefix, and what stands before that and behind; compiled."""

from __future__ import annotations

from aligntax_kernels.compilation import kernel
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.beginnings import NO, is_apart, is_too_short, last_part, lead, value
from aligntax_kernels.secrets.reading import FLAG, INT, byte, is_in, number, word
from aligntax_kernels.secrets.sieve import sieved, word_of


@kernel(FLAG(INT, INT, INT, INT))
def is_prefix(tables: int, address: int, prefix: int, length: int) -> bool:
    """Return whether the first `length` elements of a prefix stand at an address."""
    elements = tables + number(tables + layout.ELEMENTS) + 4 * number(prefix + layout.FIRST)
    for at in range(length):
        element = number(elements + 4 * at)
        character = byte(address + at)
        if element >= layout.ALPHABET:
            if not is_in(tables, character, element - layout.ALPHABET):
                return False
        elif element >= layout.FOLDED:
            if character | 0x20 != element - layout.FOLDED:
                return False
        elif character != element:
            return False
    return True


@kernel(INT(INT, INT))
def numbers_of(tables: int, address: int) -> int:
    """Return the address of two places among the numbers of selectors: the first for four bytes, and the last's end."""
    return tables + layout.INDEX_OF_WORDS + 4 * word_of(address)


@kernel(INT(INT, INT))
def selector_at(tables: int, place: int) -> int:
    """Return the address of the selector whose number is at a place."""
    numbered = number(tables + number(tables + layout.NUMBERS) + 4 * place)
    return tables + number(tables + layout.SELECTORS) + layout.SELECTOR_SIZE * numbered


@kernel(INT(INT, INT))
def prefix_of(tables: int, selector: int) -> int:
    """Return the address of the prefix that a selector stands for."""
    return tables + number(tables + layout.PREFIXES) + layout.PREFIX_SIZE * number(selector + layout.PREFIX)


@kernel(INT(INT, INT))
def place_of(position: int, selector: int) -> int:
    """Return where the prefix begins that a selector stands for, if its four bytes are at `position`."""
    return position + 1 - number(selector + layout.DELTA)


@kernel(INT(INT, INT, INT, INT, INT))
def beginning(tables: int, text: int, size: int, position: int, selector: int) -> int:
    """Return where the secret begins whose prefix a selector notices at `position`, or NO."""
    at = place_of(position, selector)
    is_compared = 0 <= at <= size - layout.COMPARED
    if is_compared and word(text + at) & word(selector + layout.MASK) != word(selector + layout.VALUE):
        return NO
    prefix = prefix_of(tables, selector)
    behind = at + number(prefix + layout.LENGTH)
    is_certain = is_compared and number(selector + layout.IS_ALL) != 0
    if not is_certain and (at < 0 or behind > size or not is_prefix(tables, text + at, prefix, behind - at)):
        return NO
    rule = tables + number(tables + layout.RULES) + layout.RULE_SIZE * number(prefix + layout.RULE)
    if number(rule + layout.KIND) == layout.ASSIGNMENT:
        start = value(tables, text, size, behind)
        return NO if start == NO or is_too_short(tables, text, size, start, rule) else start
    if number(rule + layout.BOUNDARY) and not is_apart(tables, text, at):
        return NO
    if number(rule + layout.LAST_ONLY):
        return last_part(tables, text, size, behind, rule)
    if number(rule + layout.LEAD):
        return lead(tables, text, at, False, rule)
    return at


@kernel(INT(INT, INT, INT, INT, INT))
def candidate(tables: int, text: int, size: int, position: int, stop: int) -> int:
    """Return the first of every other position from `position` on where some secret may be noticed, or `stop`."""
    while True:
        position = sieved(tables, text + position, text + stop) - text
        if position >= stop:
            return stop
        numbers = numbers_of(tables, text + position)
        for place in range(number(numbers), number(numbers + 4)):
            if beginning(tables, text, size, position, selector_at(tables, place)) != NO:
                return position
        position += 2
