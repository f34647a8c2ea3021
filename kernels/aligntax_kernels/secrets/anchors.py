"""How the beginning of a secret is noticed by a scan that looks at four bytes at every other position.

The **window** of a prefix is five bytes in a row, of the prefix or next to it. A scan that looks at even positions, or
at odd ones, meets either the first four of them or the last four: the two **grams** of the window. Where alphabets are
in a window its grams are many. So of the windows that a prefix has, that one is taken whose grams are met least in text
and take least room among all groups of four bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aligntax_kernels.secrets.shapes import (
    BLANK,
    BLANKS_MOST,
    ESCAPES,
    QUOTE,
    SIGN,
    SIGNS_MOST,
    SUFFIX_BEGIN,
    SUFFIX_MOST,
    TOUCHING,
    Assignment,
    Block,
    Rule,
    Token,
)

__all__ = ["Bytes", "Gram", "Prefix", "longest", "look_ahead", "look_behind", "members", "prefixes"]

Bytes = frozenset[int]
Gram = tuple[Bytes, Bytes, Bytes, Bytes]

EVERY_BYTE: Bytes = frozenset(range(256))
WINDOW = 5

# How often a byte is met in prose and programs: a space, letters from the most frequent to the least, the rest.
SPACE_SHARE = 0.15
LETTER_SHARES = {"etaoin": 0.065, "shrdlu": 0.04, "cmfwgypbvkxjqz": 0.015}
DIGIT_SHARE, CAPITAL_SHARE, SIGN_SHARE, OTHER_SHARE = 0.004, 0.0015, 0.002, 0.0005
GRAM_SHARE = 1e-6
"""What each gram adds to the positions at which the sieve stops for nothing."""


class Prefix(NamedTuple):
    """A prefix of a rule, or a word of an assignment's name, and how it is noticed.

    Attributes:
        elements: which bytes may stand at each of its positions.
        window: where the window begins in it; -1 is the byte before.
        grams: which bytes may stand where in the first four bytes of the window, and in the last four.
    """

    elements: tuple[Bytes, ...]
    window: int
    grams: tuple[Gram, Gram]

    @property
    def reach(self) -> int:
        """How many bytes from its beginning must be there before a scan is sure to notice it."""
        return max(len(self.elements), self.window + WINDOW)


@cache
def members(alphabet: str) -> Bytes:
    """Return the bytes of an alphabet."""
    expression = re.compile(alphabet.encode("latin-1"))
    return frozenset(byte for byte in range(256) if expression.fullmatch(bytes([byte])))


@cache
def prefixes(rule: Rule) -> tuple[Prefix, ...]:
    """Return the prefixes of a rule, each with its window."""
    return tuple(_prefix(elements, *_around(rule)) for elements in _elements(rule))


def look_behind(rule: Rule) -> int:
    """Return how far before the beginning of a secret the scan must begin in order to find it."""
    longest = max(len(prefix.elements) for prefix in prefixes(rule))
    if isinstance(rule, Assignment):
        marks = len("\\'") + len("]") + SIGNS_MOST + len("b\\'")
        return longest + SUFFIX_MOST + 2 * BLANKS_MOST + marks
    if isinstance(rule, Token) and rule.last_only:
        return longest + sum(part.most + len(rule.separator) for part in rule.parts[:-1])
    return max(map(len, ESCAPES)) + 1


def look_ahead(rule: Rule) -> int:
    """Return how far behind the beginning of a secret its prefix may be noticed, at the second gram at the latest."""
    if isinstance(rule, Assignment) or (isinstance(rule, Token) and rule.last_only):
        return 0
    lead = rule.lead.most if isinstance(rule, Token) and rule.lead else 0
    return lead + max(prefix.window for prefix in prefixes(rule)) + 1


def longest(rule: Rule) -> int:
    """Return how many bytes from the beginning of a secret on may have to be seen before it is decided."""
    if isinstance(rule, Assignment):
        return max(rule.plain.most, rule.quoted.most) + len("\\'")
    if isinstance(rule, Block):
        label = rule.label.most + max(map(len, rule.kinds)) + len(rule.dashes)
        return len(rule.begin) + label + rule.most + len(rule.end) + label
    parts = rule.parts[-1:] if rule.last_only else (*rule.parts, *([rule.lead] if rule.lead else []))
    prefix = 0 if rule.last_only else max(len(prefix.elements) for prefix in prefixes(rule))
    return prefix + sum(part.most + 1 for part in parts)


def _elements(rule: Rule) -> Iterator[tuple[Bytes, ...]]:
    if isinstance(rule, Token):
        yield from map(_literal, rule.prefixes)
    elif isinstance(rule, Block):
        yield _literal(rule.begin)
    else:
        for word in rule.words:
            yield _caseless(word) if word.islower() else _literal(word)


def _literal(prefix: str) -> tuple[Bytes, ...]:
    elements = re.findall(r"\[[^]]*]|.", prefix)
    return tuple(members(element if len(element) > 1 else re.escape(element)) for element in elements)


def _caseless(word: str) -> tuple[Bytes, ...]:
    return tuple(frozenset((letter + letter.upper()).encode()) for letter in word)


def _around(rule: Rule) -> tuple[Bytes, tuple[Bytes, ...]]:
    """Return which bytes may stand before a prefix of the rule, and behind it: as many of these as are certain."""
    if isinstance(rule, Assignment):
        behind = (members(sign) for sign in (SUFFIX_BEGIN, r"\\", QUOTE, "]", BLANK, SIGN))
        return EVERY_BYTE, (frozenset().union(*behind),)
    if isinstance(rule, Block):
        return EVERY_BYTE, (members(rule.label.alphabet),)
    first = rule.parts[0]
    behind_it = members(first.alphabet)
    if not first.least:
        behind_it |= members(re.escape(rule.separator))
    if rule.lead:
        return members(rule.lead.alphabet), (behind_it,)
    before = EVERY_BYTE
    if rule.boundary:
        before = (EVERY_BYTE - members(TOUCHING)).union(*(members(escape[-1]) for escape in ESCAPES))
    return before, (behind_it, behind_it) if first.least > 1 else (behind_it,)


def _prefix(elements: tuple[Bytes, ...], before: Bytes, behind: tuple[Bytes, ...]) -> Prefix:
    around = (before, *elements, *behind)
    windows = [around[at : at + WINDOW] for at in range(len(around) - WINDOW + 1)]
    best = min(range(len(windows)), key=lambda at: _cost(windows[at]))
    first, *middle, last = windows[best]
    return Prefix(elements, best - 1, ((first, *middle), (*middle, last)))  # type: ignore[arg-type]


def _cost(window: tuple[Bytes, ...]) -> float:
    def cost(gram: tuple[Bytes, ...]) -> float:
        share = math.prod(sum(map(_share, element)) for element in gram)
        return share + GRAM_SHARE * math.prod(map(len, gram))

    return cost(window[:-1]) + cost(window[1:])


@cache
def _share(byte: int) -> float:
    character = chr(byte)
    shares = (share for letters, share in LETTER_SHARES.items() if character in letters)
    if character == " ":
        return SPACE_SHARE
    if not character.isascii() or not character.isprintable():
        return OTHER_SHARE
    if character.isdigit():
        return DIGIT_SHARE
    return next(shares, CAPITAL_SHARE if character.isupper() else SIGN_SHARE)
