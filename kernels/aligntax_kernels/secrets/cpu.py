"""The search for secrets on the CPU, compiled when this module is imported.

for every other position:
    if the hash of four bytes there is in the sieve:
        for each prefix of which these four bytes may be part:
            match its rule there
the least match is the first secret: the leftmost, of those the longest, of those the one whose rule comes first
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.intrinsics import address_of, scratch
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.beginnings import NO, is_apart, lead
from aligntax_kernels.secrets.candidates import (
    beginning,
    candidate,
    is_prefix,
    numbers_of,
    place_of,
    prefix_of,
    selector_at,
)
from aligntax_kernels.secrets.ends import LATER, assigned, block, token
from aligntax_kernels.secrets.packing import Packed, packed
from aligntax_kernels.secrets.reading import FLAG, INT, byte, number
from aligntax_kernels.secrets.rules import ALL_RULES
from aligntax_kernels.secrets.shapes import LONGEST, SHORTNESS_SHIFT, START_SHIFT

_NONE = 2**63 - 1


@kernel(INT(INT, INT, INT, INT, FLAG, INT, INT, INT))
def _match(tables: int, memory: int, text: int, size: int, final: bool, start: int, behind: int, rule: int) -> int:
    """Return the match of a rule that begins at `start`, packed, or `_NONE`; undecided, it counts as the longest.

    `behind` is where its prefix ends.
    """
    kind = number(rule + layout.KIND)
    if kind == layout.ASSIGNMENT:
        end = assigned(tables, memory, text, size, final, start, rule)
    elif kind == layout.BLOCK:
        end = block(tables, text, size, final, behind, rule)
    else:
        first = start if number(rule + layout.LAST_ONLY) else behind
        end = token(tables, memory, text, size, final, first, rule)
    if end == NO:
        return _NONE
    shortness = 0 if end == LATER else LONGEST - (end - start)
    return start << START_SHIFT | shortness << SHORTNESS_SHIFT | number(rule + layout.INDEX)


@kernel(INT(INT, INT, INT, FLAG, INT, INT, INT))
def _least(tables: int, text: int, size: int, final: bool, position: int, stop: int, at: int) -> int:
    """Return the least match that begins at `at` or behind, of those whose prefixes are noticed from `position` on."""
    memory = INT(scratch())  # zeros, as all memory that numba takes from the stack
    best = _NONE
    while True:
        position = candidate(tables, text, size, position, stop)
        if position >= stop:
            return best
        numbers = numbers_of(tables, text + position)
        for place in range(number(numbers), number(numbers + 4)):
            selector = selector_at(tables, place)
            start = beginning(tables, text, size, position, selector)
            if start < at or start > best >> START_SHIFT:
                continue
            prefix = prefix_of(tables, selector)
            behind = place_of(position, selector) + number(prefix + layout.LENGTH)
            rule = tables + number(tables + layout.RULES) + layout.RULE_SIZE * number(prefix + layout.RULE)
            best = min(best, _match(tables, memory, text, size, final, start, behind, rule))
        if best != _NONE:
            # Prefixes that are noticed behind this belong to secrets that begin behind this one's beginning.
            stop = min(stop, (best >> START_SHIFT) + number(tables + layout.LOOK_AHEAD) + 1)
        position += 2


@kernel(INT(INT, INT, INT, INT))
def _tail(tables: int, text: int, size: int, least: int) -> int:
    """Return where from `least` on a secret may begin whose prefix the end of the text cuts off; `size` if nowhere."""
    held = tables + number(tables + layout.HELD)
    earliest = size
    for at in range(max(least, size - number(tables + layout.TAIL) + 1), size + 1):
        numbers = held + 4 * (byte(text + at) if at < size else layout.NOTHING_YET)
        for place in range(number(numbers), number(numbers + 4)):
            prefix = tables + number(tables + layout.PREFIXES) + layout.PREFIX_SIZE * number(held + 4 * place)
            there = size - at
            if there >= number(prefix + layout.REACH):
                break  # those that follow reach less far
            rule = tables + number(tables + layout.RULES) + layout.RULE_SIZE * number(prefix + layout.RULE)
            if not is_prefix(tables, text + at, prefix, min(there, number(prefix + layout.LENGTH))):
                continue
            begin = at
            if number(rule + layout.LEAD):
                begin = lead(tables, text, at, there == 0, rule)
            elif number(rule + layout.BOUNDARY) and not is_apart(tables, text, at):
                begin = NO
            if begin >= least:
                earliest = min(earliest, begin)
    return earliest


@kernel(INT(INT, TEXT, INT, FLAG))
def _next(tables: int, data: bytes, at: int, final: bool) -> int:
    text, size = INT(address_of(data)), len(data)
    stop = size - 3
    # Apart from the rest, so that a text without any prefix needs no memory.
    position = candidate(tables, text, size, max(0, at - number(tables + layout.LOOK_BEHIND)), stop)
    best = _NONE if position >= stop else _least(tables, text, size, final, position, stop, at)
    if not final:
        tail = _tail(tables, text, size, at)
        if best >> START_SHIFT >= tail:
            return -1 - tail
        if (best >> SHORTNESS_SHIFT) & LONGEST == 0:
            return -1 - (best >> START_SHIFT)
    return -1 - size if best == _NONE else best


@kernel(INT(INT, TEXT, INT, FLAG), nogil=True)
def _next_without_gil(tables: int, data: bytes, at: int, final: bool) -> int:
    return _next(tables, data, at, final)


class _Search(partial[int]):
    """A search with the address of its tables bound: a Python function in between would take as long as 200 bytes."""

    tables: Packed


def searcher(rules: int, *, is_long: bool = False) -> Callable[[bytes, int, bool], int]:
    """Return the search for the first secret from a position on, as `reference.searcher` does.

    Args:
        rules: a bit for each rule that applies.
        is_long: whether to let other threads run meanwhile, which is worth while from a megabyte on.
    """
    tables = packed(rules)
    search = _Search(direct(_next_without_gil if is_long else _next), tables.address)
    search.tables = tables  # keeps them where they are
    return search


def warm() -> None:
    """Call every compiled version once."""
    for is_long in (False, True):
        searcher(ALL_RULES, is_long=is_long)(b"", 0, True)
