"""What counts as personal data: the rules that the reference and the compiled version share.

A text is read as bytes of UTF-8. *Letters* are ASCII letters and the letters of two bytes (Latin with marks, Greek,
Cyrillic, Hebrew, Arabic: C3 80 to DF BF). A word ends before anything else, so that a number between Chinese or
Japanese characters is found. Digits are ASCII digits; others are found after normalising, for which there is `fold`.
A *space* is one of U+0020, U+00A0, U+2009, U+202F; a *dash* one of `-`, U+2010 to U+2013.

    email  local@domain. Local: 1 to 64 bytes of letters, digits and `._%+'-`; begins with a letter, a digit or `_`; no
           two dots in a row, none at the end; not after another address's `@`. Domain: labels of 1 to 63 bytes, the
           last one of two or more letters or beginning with `xn--`. At most 254 bytes (RFC 5321, section 4.5.3.1).
    iban   two letters, two digits, then what the registry says for the country, single spaces or dashes between; the
           remainder modulo 97 is 1 (ISO 13616).
    ip     IPv4: four numbers to 255 without leading zeros, not within a longer row of dotted numbers. IPv6: every
           form of RFC 4291 with at least one digit or letter, with an IPv4 address at the end or not; zone and prefix
           length are not part of it. `x[1::2]` is a slice.
    card   13 to 19 digits, in one run or in groups of 4 (the last one of 1 to 4), 4-6-5 or 4-6-4 with the same space,
           dash or dot between; in an issuer's range, of a length the issuer uses, with Luhn's check digit.
    ssn    3-2-4 digits with the same dash, dot or space between, or nine digits after a word like `SSN`; area not 000,
           666 or 9xx, group not 00, serial not 0000.
    phone  see below.

A *number* is a row of groups of digits, at most 8 groups and 20 digits, that begins where no digit stands before. One
separator stands between two groups: a space, a dash, a dot, a slash, ` - `, ` / `, or one pair of parentheses with a
space or dash outside. A number is not looked for inside a longer run: no letter or digit may touch it; before it may
stand no digit with dash, dot, slash or colon, and no letter with dash or slash; after it no dash, dot, slash or colon
with a digit, no dash with a letter, no `%` and no degree sign. A phone number whose groups have only spaces between
must not have a further group of digits behind a space on either side, for columns of figures look like that.

    international  `+` or `00` or `011`, a country calling code, and as many digits as E.164 allows for it, where the
                   longest row of groups that fits is taken; a trunk zero in parentheses is not counted.
    NANP           [1] 3-3-4, where area and exchange begin with 2 to 9.
    trunk zero     8 to 12 digits from 0 and 1 to 9 on, in groups; not two groups with a dot between, which is a decimal
                   number; not what begins with a date; a slash only after the first group.
    trunk eight    11 digits, 8 and 3 to 9 first (Russia, Kazakhstan).
    parentheses    8 to 12 digits, the first 2 to 5 of them in parentheses, and these are not a year.
    space and dash 2 4-4 or 2 5-4 digits (Brazil).
    bare           ten or eleven digits in one run, from 0 or as NANP.
    local          7 to 12 digits in groups or one run: only after a word like `tel`.

Each form has a base confidence; a word before the number moves it: the last one that `words` knows in the sentence, at
most 40 bytes before a number, 24 before an IPv4 address. A sentence ends with `.`, `!` or `?`, a blank, and a letter.
What falls below the caller's minimum is no candidate. Of candidates that overlap, an email wins over all, else the
leftmost; at one start the order is that of `TYPES`. A phone number may have an extension: `x12`, `ext. 12`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["TYPES", "Found", "Search", "pack", "resumed", "unpack"]

TYPES = ("email", "iban", "ip", "card", "ssn", "phone")
"""The types by number; where several candidates have the same start, the first of these is taken."""

EMAIL, IBAN, IP, CARD, SSN_TYPE, PHONE_TYPE = range(6)

# An option word for one scan: a bit for each type, the least confidence in percent, and whether more text follows.
MINIMUM_SHIFT = 8
MORE = 1 << 16

# A candidate in one integer, so that a scan needs no memory for its result.
START_SHIFT, LENGTH_SHIFT, TYPE_SHIFT = 22, 10, 7
LENGTH_MASK, TYPE_MASK, PERCENT_MASK = 0xFFF, 0x7, 0x7F
NOTHING = -1
"""There is nothing more to find. Below it: the text from `HELD - result` on cannot be decided without what follows."""
HELD = -2
PAUSED = -(1 << 62)
"""Much has been read and nothing found: go on from `result - PAUSED`, which no held offset comes near."""

LOOK_BEHIND_BYTES = 80
"""No decision depends on what lies further before the place where the candidate begins."""
LOOK_AHEAD_BYTES = 512
"""No decision depends on what lies further behind the place where the candidate begins."""

MOST_LOCAL_BYTES, MOST_LABEL_BYTES, MOST_DOMAIN_BYTES, MOST_EMAIL_BYTES = 64, 63, 253, 254
MOST_GROUPS, MOST_DIGITS = 8, 20
MOST_IPV6_BYTES = 45
WORDS_BYTES, VERSION_WORDS_BYTES = 40, 24

# Kinds of separator between two groups of digits; NONE behind the last group.
NONE, SPACE, DASH, DOT, SLASH, SPACED = range(6)
OPEN, CLOSE = 8, 9
PARENTHESES = 8 * 0x11111111
"""The bit of every separator in a row that parentheses alone have."""

# Confidence in percent.
EMAIL_PERCENT, FILE_NAME_PERCENT = 95, 40
IBAN_PERCENT, IBAN_LOWER_PERCENT = 99, 90
IPV4_PERCENT, VERSION_PERCENT = 90, 30
IPV6_PERCENT, IPV6_DOUBTFUL_PERCENT = 95, 40
CARD_GROUPED_PERCENT, CARD_BARE_PERCENT, CARD_SHORT_PERCENT = 99, 95, 60
SSN_DASHED_PERCENT, SSN_SPACED_PERCENT, SSN_BARE_PERCENT = 85, 50, 30
INTERNATIONAL_PERCENT, INTERNATIONAL_BARE_PERCENT, INTERNATIONAL_SHORT_PERCENT = 95, 90, 50
EXIT_CODE_PERCENT, EXIT_CODE_BARE_PERCENT = 80, 50
NANP_PARENTHESES_PERCENT, NANP_PERCENT, NANP_SPACES_PERCENT, NANP_BARE_PERCENT = 90, 85, 70, 40
TRUNK_PERCENT, TRUNK_MIXED_PERCENT, TRUNK_SHORT_PERCENT, TRUNK_BARE_PERCENT = 75, 60, 45, 50
PARENTHESES_PERCENT, SPACE_AND_DASH_PERCENT, LOCAL_PERCENT = 70, 60, 30
FOR_PERCENT, AGAINST_PERCENT, MOST_ANNOUNCED_PERCENT = 20, 30, 95

FILE_EXTENSIONS = (
    "avif bmp cfg conf css csv gif html ico ini jpeg jpg js json jsx lock log png svg toml ts tsx txt webp xml yaml yml"
)
"""No top-level domains: `icon@2x.png` is a file."""


class Found(NamedTuple):
    """A candidate, its offsets in bytes."""

    start: int
    end: int
    type: int
    percent: int


def pack(start: int, end: int, type_number: int, percent: int) -> int:
    """Return a candidate as one integer."""
    return start << START_SHIFT | (end - start) << LENGTH_SHIFT | type_number << TYPE_SHIFT | percent


def unpack(packed: int) -> Found:
    """Return what `pack` was given."""
    start = packed >> START_SHIFT
    length = packed >> LENGTH_SHIFT & LENGTH_MASK
    return Found(start, start + length, packed >> TYPE_SHIFT & TYPE_MASK, packed & PERCENT_MASK)


Search = Callable[[bytes, int, int], int]
"""`next_hit` of a backend: data, offset and options to a packed candidate or what there is instead."""


def resumed(search: Search, data: bytes, packed: int, options: int) -> int:
    """Return what `search` finds after it has returned `packed`, if that is a pause, however many follow."""
    while packed < PAUSED >> 1:
        packed = search(data, packed - PAUSED, options)
    return packed
