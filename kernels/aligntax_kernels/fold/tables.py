"""The chain as tables for the compiled kernel, built from `unicodedata` when a combination of steps is first used.

One array holds everything, because each argument of a call costs time:

    header      uint64: the offsets of the sections in their order here; then what COMBINING GREEK YPOGEGRAMMENI
                becomes, what to do with ASCII, whether anything is composed, and whether the case is folded
    pages       uint16 for every 64 code points: which block of the two next sections they have
    actions     uint32: what becomes of a character that stands alone (ACTION_...)
    items       uint32: what it is while it is put in order with its neighbours
    lists       uint32: a count and then so many items, for characters that become several
    long        a length, uint8, and so many bytes of UTF-8
    composites  uint64: open addressing; first << 42 | second << 21 | composite;
                the composite is 0 where two characters only meet in one, the second where a character leads
    ascii       uint8: what becomes of each ASCII character

An item is a code point and its combining class << 21. An item of 0 stands for the character itself, a starter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from unicodedata import combining, decomposition

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.fold.chain import IOTA_MARK, expansion, iota, together
from aligntax_kernels.fold.composition import can_follow, leaders, pairs
from aligntax_kernels.fold.confusables import CONFUSABLES
from aligntax_kernels.fold.invisible import INVISIBLE
from aligntax_kernels.fold.leet import LEET
from aligntax_kernels.fold.records import Folding

__all__ = ["Tables", "tables"]

# An action is a kind in the top byte and 24 bits of detail. An action of 0 is to copy the character, which is all that
# it decomposes to; kinds 1 to 3 are so many bytes, which are the detail.
ACTION_REMOVE = 4
ACTION_LONG = 5  # the detail is an offset into the section
ACTION_FOLLOW = 6  # the detail is the combining class, and:
ACTION_SURROGATE = 7  # not a character
FOLLOW_COMPOSES = 1 << 8  # it is the second of some pair that composes
FOLLOW_SIMPLE = 1 << 9  # it stays the character that it is, unless it composes

ASCII_KEPT, ASCII_LOWERED, ASCII_MAPPED = 0, 1, 2

HEADER_WORDS = 16
COMPOSITE_SLOTS = 2048
COMPOSITE_HASH = 0x9E3779B97F4A7C15

# Whether a list of items is meant, and not one.
SEVERAL = 1 << 31

_PAGE = 64
_PAGES = 0x110000 // _PAGE

# The planes that have characters which change, and the tags. A test looks through all the others.
_PLANES = (range(0x30000), range(0xE0000, 0xE1000))


class Tables(NamedTuple):
    """The packed tables of one combination of steps.

    Attributes:
        packed: all sections, uint8.
        address: of `packed`.
        ascii: what becomes of each byte of an ASCII text; for `bytes.translate`.
    """

    packed: NDArray[np.uint8]
    address: int
    ascii: bytes


@lru_cache(maxsize=64)
def tables(folding: Folding) -> Tables:
    """Return the tables for one combination of steps; all 32 combinations together would take about 8 MB."""
    actions: dict[int, list[int]] = {}
    items: dict[int, list[int]] = {}
    lists: list[int] = [0]
    long = bytearray(1)
    for code in _changing():
        character = chr(code)
        expanded = expansion(character, folding)
        action = _action(character, expanded, folding, long)
        item = _item(character, expanded, lists) if folding.compatibility else 0
        if action or item:
            page = code // _PAGE
            actions.setdefault(page, [0] * _PAGE)[code % _PAGE] = action
            items.setdefault(page, [0] * _PAGE)[code % _PAGE] = item
    letters = bytes(ord(together(expansion(chr(code), folding), folding)) for code in range(128))
    ascii_map = letters + bytes(range(128, 256))
    blocks = sorted(actions)
    pages = np.zeros(_PAGES, np.uint16)
    pages[blocks] = np.arange(1, len(blocks) + 1)
    pages[0xD800 // _PAGE : 0xE000 // _PAGE] = len(blocks) + 1
    nothing, nobody = [0] * _PAGE, [ACTION_SURROGATE << 24] * _PAGE
    sections = (
        pages,
        np.array([nothing, *(actions[page] for page in blocks), nobody], np.uint32),
        np.array([nothing, *(items[page] for page in blocks), nothing], np.uint32),
        np.array(lists, np.uint32),
        np.frombuffer(bytes(long) + bytes(8), np.uint8),  # read 8 bytes at a time
        _composites(),
        np.frombuffer(ascii_map, np.uint8),
    )
    mode = ASCII_MAPPED if folding.leet else ASCII_LOWERED if folding.case else ASCII_KEPT
    packed = _packed(sections, (ord(iota(folding)), mode, folding.compatibility, folding.case))
    return Tables(packed, packed.ctypes.data, ascii_map)


@lru_cache(maxsize=1)
def _changing() -> list[int]:
    """Return the code points that some combination of steps may treat in a special way."""
    ours = {*CONFUSABLES, *LEET, *map(ord, INVISIBLE)}
    found = []
    for plane in _PLANES:
        for code in plane:
            character = chr(code)
            if 0xAC00 <= code < 0xD7A4:  # Hangul syllables are computed
                continue
            if code in ours or decomposition(character) or character.casefold() != character or can_follow(character):
                found.append(code)
    return found


@lru_cache(maxsize=1)
def _seconds() -> frozenset[str]:
    return frozenset(second for _, second in pairs())


def _action(character: str, expanded: str, folding: Folding, long: bytearray) -> int:
    if not expanded:
        return ACTION_REMOVE << 24
    if folding.compatibility and can_follow(expanded[0]):
        follows = combining(character)
        if not follows or character in _seconds():
            follows |= FOLLOW_COMPOSES
        if expanded == character and not (character == IOTA_MARK and folding.case):
            follows |= FOLLOW_SIMPLE
        return ACTION_FOLLOW << 24 | follows
    alone = together(expanded, folding)
    # One that decomposes is not just copied, by which the kernel's loop over short characters knows it.
    if alone == character and (len(expanded) == 1 or len(alone.encode()) > 3):
        return 0
    encoded = alone.encode()
    if len(encoded) <= 3:
        return len(encoded) << 24 | int.from_bytes(encoded, "little")
    at = len(long)
    long += bytes([len(encoded)]) + encoded
    return ACTION_LONG << 24 | at


def _item(character: str, expanded: str, lists: list[int]) -> int:
    found = [combining(one) << 21 | ord(one) for one in expanded]
    if len(found) == 1:
        return 0 if found[0] == ord(character) else found[0]
    if not found:
        return 0
    at = len(lists)
    lists += [len(found), *found]
    return SEVERAL | at


def _composites() -> NDArray[np.uint64]:
    slots = [0] * COMPOSITE_SLOTS
    shift = 64 - (COMPOSITE_SLOTS.bit_length() - 1)
    for (first, second), both in (pairs() | {(leader, "\0"): "" for leader in leaders()}).items():
        key = ord(first) << 21 | ord(second)
        slot = (key * COMPOSITE_HASH & (1 << 64) - 1) >> shift
        while slots[slot]:
            slot = (slot + 1) % COMPOSITE_SLOTS
        slots[slot] = key << 21 | (ord(both) if both else 0)
    return np.array(slots, np.uint64)


def _packed(sections: tuple[NDArray[np.generic], ...], settings: tuple[int, ...]) -> NDArray[np.uint8]:
    header = []
    at = HEADER_WORDS * 8
    for section in sections:
        header.append(at)
        at += -(-section.nbytes // 8) * 8
    packed = np.zeros(at, np.uint8)
    words = [*header, *settings]
    packed.view(np.uint64)[: len(words)] = words
    for start, section in zip(header, sections, strict=True):
        packed[start : start + section.nbytes] = np.ascontiguousarray(section).reshape(-1).view(np.uint8)
    return packed
