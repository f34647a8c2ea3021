"""Which characters compose with which (primary composites, Unicode definition D114), read out of `unicodedata`."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from unicodedata import combining, decomposition, normalize

__all__ = ["can_follow", "can_lead", "can_meet", "leaders", "pairs"]

# All composites lie in the first two planes. Above them, canonical decompositions are of one ideograph into another.
_PLANES = range(0x20000)

_LEADING = range(0x1100, 0x1113)
_VOWELS = range(0x1161, 0x1176)
_TRAILING = range(0x11A8, 0x11C3)


@cache
def pairs() -> dict[tuple[str, str], str]:
    """Return the pairs of characters that compose, with what they compose to; Hangul, which is computed, left out.

    Pairs of starters that stand next to each other in what a composite decomposes to, without composing themselves,
    are there too, with "".
    """
    found: dict[tuple[str, str], str] = {}
    adjacent: dict[tuple[str, str], str] = {}
    for code in _PLANES:
        character = chr(code)
        parts = decomposition(character).split()
        if len(parts) != 2 or parts[0].startswith("<") or normalize("NFC", character) != character:
            continue
        found[chr(int(parts[0], 16)), chr(int(parts[1], 16))] = character
        full = normalize("NFD", character)
        for pair in pairwise(full):
            if not combining(pair[1]):
                adjacent[pair] = ""
    return adjacent | found


@cache
def leaders() -> frozenset[str]:
    """Return the decomposed starters that a composite can have before its end."""
    first = {first for pair in pairs() for first in normalize("NFD", pair[0]) if not combining(first)}
    return frozenset(first | {chr(code) for code in (*_LEADING, *_VOWELS)})


@cache
def _followers() -> frozenset[str]:
    second = {second for _, second in pairs() if not combining(second)}
    return frozenset(second | {chr(code) for code in (*_VOWELS, *_TRAILING)})


def can_lead(character: str) -> bool:
    """Tell whether what follows can change a decomposed character's form or place, alone or with more before it."""
    return combining(character) != 0 or character in leaders()


def can_follow(character: str) -> bool:
    """Tell whether a decomposed character can change the form or place of what stands before it."""
    return combining(character) != 0 or character in _followers()


def can_meet(first: str, second: str) -> bool:
    """Tell whether a composite can have these two decomposed starters in it, one right after the other."""
    hangul = (ord(first) in _LEADING and ord(second) in _VOWELS) or (ord(first) in _VOWELS and ord(second) in _TRAILING)
    return hangul or (first, second) in pairs()
