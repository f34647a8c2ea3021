"""The three shapes that a rule can have, and the alphabets that secrets are written in.

Prefixes and alphabets are written as in `re`, with nothing but literal characters and classes in brackets, all ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Assignment", "Block", "Floor", "Found", "Part", "Rule", "Token", "pack", "unpack"]

DIGIT = "[0-9]"
HEX = "[0-9a-f]"
ANY_HEX = "[0-9A-Fa-f]"
LETTER = "[A-Za-z]"
UPPER = "[A-Z0-9]"
ALNUM = "[A-Za-z0-9]"
WORD = "[A-Za-z0-9_]"
NAME = "[A-Za-z0-9_-]"
"""Also the alphabet of base64url, RFC 4648, section 5."""
DASHED = "[A-Za-z0-9-]"
BASE64 = "[A-Za-z0-9+/]"
PADDED = "[A-Za-z0-9+/=]"
TOKEN68 = "[A-Za-z0-9._~+/=-]"
"""RFC 9110, section 11.2: what follows `Bearer`."""
USER = "[A-Za-z0-9._~%!$&*+,;=-]"
"""RFC 3986, section 3.2.1, without quotes and parentheses, which more often surround an URL than belong to it."""
USERINFO = "[A-Za-z0-9._~%!$&*+,;=:^#-]"
PLAIN = "[A-Za-z0-9._~%!$*+=:^#@/?-]"
"""A value without quotes; ends where a line of a program, a query or a list goes on."""
QUOTED = r"[!#-&(-\[\]-_a-~]"
"""Printable ASCII without the space, the three quotes and the backslash."""

TOUCHING = "[A-Za-z0-9_\xc0-\xff]"
"""What must not stand before a prefix that occurs within words. Bytes from C0 on are letters in most encodings of eight
bits. In UTF-8 none of them stands before ASCII; the last byte of a character does, and that is none of these, so that a
secret is found behind Chinese or Japanese text."""
ESCAPES = ((r"\\", "[nrt]"), ("%", ANY_HEX, ANY_HEX))
"""What may stand there although it ends in one: escapes, as in JSON and in URLs."""

SUFFIX_BEGIN = "[A-Z0-9_-]"
SUFFIX_MOST = 20
"""How a name goes on behind the word that gives it away: secretKey and token_2, but not secretary."""

BLANK = "[ \t]"
BLANKS_MOST = 16
SIGN = "[=:>]"
SIGNS_MOST = 3
QUOTE = "[\"'`]"
"""Between a name and its value: a quote and a bracket that close the name, blanks, signs, blanks, a quote."""

QUOTE_PREFIX = "[bBfFrRuU]"
"""A letter before a quote is Python's, as in b"..."."""

NO_VALUE = "[$%*<{]"
"""A value that begins so is a variable, or a place to fill in."""

NO_END = r"[(\[{]"
"""A value without quotes that is followed by one of these is an expression."""

SAMPLE = 64
"""How many characters of a value are judged: a flood of near misses must not cost more than a scan."""


class Found(NamedTuple):
    """A secret in a text: byte offsets, and the index of its rule."""

    start: int
    end: int
    rule: int


# A secret in one integer, so that a search needs no memory for its result; the least of several is the leftmost, of
# those the longest, of those the one whose rule comes first.
START_SHIFT, SHORTNESS_SHIFT = 24, 8
LONGEST = 0xFFFF
RULE_MASK = 0xFF


def pack(found: Found) -> int:
    """Return a secret in one integer."""
    return found.start << START_SHIFT | LONGEST - (found.end - found.start) << SHORTNESS_SHIFT | found.rule


def unpack(match: int) -> Found:
    """Return the secret that `pack` made an integer of."""
    start = match >> START_SHIFT
    return Found(start, start + LONGEST - (match >> SHORTNESS_SHIFT & LONGEST), match & RULE_MASK)


class Part(NamedTuple):
    """A run of characters: at least `least`, at most `most` of one alphabet."""

    alphabet: str
    least: int
    most: int


class Floor(NamedTuple):
    """How random a value must look: its Shannon entropy in bits a character.

    Attributes:
        bits: asked of a value with `length` characters or more.
        length: a shorter value of n characters is asked for bits * log2(n) / log2(length), since log2(n) is the most
            that it can have: a flat floor of 4.5 would be out of reach of every value below 23 characters.
    """

    bits: float
    length: int = 2


NO_FLOOR = Floor(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that shows by its prefix.

    Attributes:
        type: as in a hit; several rules may share one.
        prefixes: alternatives.
        parts: what follows the prefix, one `separator` between each two.
        lead: a run before the prefix that belongs to the secret; the character before it must not.
        boundary: whether the character before the prefix must not be a letter, a digit or an underscore, `ESCAPES`
            excepted; for prefixes that occur within words.
        end: "cut": a run longer than the last part's `most` ends there, so that a longer one hides nothing; "run": such
            a run is no secret, because its length is what gives it away; "word": nor may a character of a word follow;
            "at": a run that is too long is no secret, and `@` must follow.
        last_only: whether the last part alone is the secret, and what comes before it may be shown.
        floor: for the parts together.
        needs: alphabets of which the value must have a character each.
        placeholders: a value that contains one of these is from a manual.
        confidence: between 0 and 1: orders the rules; it is judgement, not a measured precision.
    """

    type: str
    prefixes: tuple[str, ...]
    parts: tuple[Part, ...]
    separator: str = ""
    lead: Part | None = None
    boundary: bool = False
    end: Literal["cut", "run", "word", "at"] = "cut"
    last_only: bool = False
    floor: Floor = NO_FLOOR
    needs: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    confidence: float = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A value that is given to a name, as in `db_password = "..."`, `"apiKey": "..."`, `<token>...</token>`, `pwd=...`.

    Attributes:
        type, floor, needs, placeholders, confidence: as in `Token`.
        words: one of which must occur in the name; in either case, unless it has capitals or classes itself.
        plain: the value where no quote opens it; a bracket after it would make it an expression.
        quoted: the value between equal quotes, each perhaps after a backslash.
        hex_floor: in place of `floor` for a value that has only hexadecimal digits.
    """

    type: str
    words: tuple[str, ...]
    plain: Part
    quoted: Part
    floor: Floor
    hex_floor: Floor
    needs: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines between a marker that says what they are and the marker that ends them.

    Attributes:
        type, confidence: as in `Token`.
        begin, end, dashes: a block begins with `begin label dashes` and ends with `end label dashes`, the same label.
        label: what may come before one of `kinds` in the label.
        kinds: what a label ends in.
        most: bytes between the markers; without a second marker the block ends after so many, or with the text.
    """

    type: str
    begin: str
    end: str
    dashes: str
    label: Part
    kinds: tuple[str, ...]
    most: int
    confidence: float = 0.99


Rule = Token | Assignment | Block
