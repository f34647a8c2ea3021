"""The oracle for rows of digit groups: payment cards, SSNs and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aligntax_kernels.pii import grammar
from aligntax_kernels.pii.countries import calling_codes
from aligntax_kernels.pii.grammar import Found
from aligntax_kernels.pii.issuers import ISSUERS
from aligntax_kernels.pii.words import KEY_BYTES, OTHER, PHONE, SSN, WIDE_KEY_BYTES, word_kinds

__all__ = ["DASH", "LETTER", "SPACE", "WORD_AFTER", "announced_before", "numbers"]

LETTER = rb"[\xc3-\xdf][\x80-\xbf]"
SPACE = rb"(?: |\xc2\xa0|\xe2\x80[\x89\xaf])"
DASH = rb"(?:-|\xe2\x80[\x90-\x93])"

WORD_AFTER = re.compile(rb"[0-9A-Za-z_]|" + LETTER)
_FREE_BEFORE = re.compile(
    rb"(?<![0-9A-Za-z_+])(?<![\xc3-\xdf][\x80-\xbf])(?<![0-9][.:])"
    rb"(?<![0-9A-Za-z_][-/])(?<![\xc3-\xdf][\x80-\xbf][-/])"
    rb"(?<![0-9A-Za-z_]\xe2\x80[\x90-\x93])(?<![\xc3-\xdf][\x80-\xbf]\xe2\x80[\x90-\x93])"
)
_PLUS_BEFORE = re.compile(rb"(?<![0-9A-Za-z_+])(?<![\xc3-\xdf][\x80-\xbf])")
_LETTER_BEFORE = re.compile(rb"(?:(?<=[A-Za-z_])|(?<=[\xc3-\xdf][\x80-\xbf]))")
_FREE_AFTER = re.compile(rb"(?!%|\xc2\xb0|[0-9A-Za-z_]|" + LETTER + rb"|[./:][0-9]|-[0-9A-Za-z_]|-" + LETTER + rb")")
_SPACED_BEFORE = re.compile(rb"(?:(?<=[0-9] )|(?<=[0-9]\xc2\xa0)|(?<=[0-9]\xe2\x80[\x89\xaf]))")
_EXTENSION = re.compile(SPACE + rb"?(?:#|(?i:extension|ext|x))\.?" + SPACE + rb"?[0-9]{1,6}")
_SENTENCE_END = re.compile(rb"[.!?][ \t-\r]+\Z")
_WORDS = re.compile(rb"(?<![A-Za-z\x80-\xff])[A-Za-z\x80-\xff]+")

_OPENED = re.compile(rb"[0-9]+\)(?:" + SPACE + rb"|" + DASH + rb"|[./])?[0-9]")

# Each kind of separator, and the character that stands for it where the form of a number is looked at.
_SEPARATORS = [
    (grammar.SPACE, b" ", re.compile(SPACE + rb"(?=[0-9])")),
    (grammar.SPACED, b"~", re.compile(SPACE + rb"(?:" + DASH + rb"|/)" + SPACE + rb"(?=[0-9])")),
    (grammar.DASH, b"-", re.compile(DASH + rb"(?=[0-9])")),
    (grammar.OPEN, b"(", re.compile(rb"(?:" + SPACE + rb"|" + DASH + rb")?\((?=[0-9])")),
    (grammar.DOT, b".", re.compile(rb"\.(?=[0-9])")),
    (grammar.SLASH, b"/", re.compile(rb"/" + SPACE + rb"?(?=[0-9])")),
    (grammar.CLOSE, b")", re.compile(rb"\)(?:" + SPACE + rb"|" + DASH + rb"|[./])?(?=[0-9])")),
]


@dataclass(frozen=True, slots=True)
class _Prefix:
    """The first groups of a row.

    Attributes:
        form: the groups with one character for each separator between, and `(` before them if they begin so.
        end: offset behind the last group, in bytes.
        kind: of the separator behind the last group.
    """

    form: bytes
    end: int
    kind: int

    @property
    def digits(self) -> bytes:
        """The digits alone."""
        return re.sub(rb"[^0-9]", b"", self.form)

    @property
    def groups(self) -> list[bytes]:
        """The groups of digits."""
        return re.findall(rb"[0-9]+", self.form)

    def may_end(self, data: bytes) -> bool:
        """Return whether a number may end here."""
        if self.kind == grammar.NONE:
            return _FREE_AFTER.match(data, self.end) is not None
        return self.kind in (grammar.SPACE, grammar.OPEN, grammar.SPACED)

    def only_spaces(self) -> bool:
        """Return whether spaces alone stand between the groups."""
        return re.fullmatch(rb"[0-9 ]+", self.form) is not None


def _row(data: bytes, first: int, opened: bool) -> list[_Prefix]:
    """Return every prefix of the row of groups that begins at `first`, the shortest first."""
    found: list[_Prefix] = []
    form, at, parentheses, total = b"(" * opened, first, int(opened), 0
    while True:
        group = re.compile(rb"[0-9]+").match(data, at)
        if group is None or total + len(group[0]) > grammar.MOST_DIGITS:
            return found
        form, at, total = form + group[0], group.end(), total + len(group[0])
        kind, mark, following = grammar.NONE, b"", at
        for separator, character, pattern in _SEPARATORS:
            match = pattern.match(data, at)
            allowed = {grammar.OPEN: parentheses == 0, grammar.CLOSE: parentheses == 1}.get(separator, True)
            if match and allowed:
                kind, mark, following = separator, character, match.end()
                break
        found.append(_Prefix(form, at, kind))
        if kind == grammar.NONE or len(found) == grammar.MOST_GROUPS:
            return found
        parentheses += kind in (grammar.OPEN, grammar.CLOSE)
        form, at = form + mark, following


def announced_before(data: bytes, start: int, reach: int) -> int:
    """Return what the last known word in the sentence before `start` announces, 0 for none in so many bytes."""
    begin, kind, gap = max(0, start - reach), 0, max(0, start - reach)
    for word in _WORDS.finditer(data, begin, start):
        if _SENTENCE_END.search(data[gap : word.start()]):
            kind = 0
        size = KEY_BYTES if word[0][0] < 0xE0 else WIDE_KEY_BYTES
        kind = word_kinds().get(word[0].lower()[:size], kind)
        gap = word.end()
    return kind


def numbers(data: bytes, first: int, minimum: int) -> Iterator[Found]:
    """Yield the card, the SSN and the phone number that begin with the digit at `first`."""
    plus = data[:first].endswith(b"+")
    opened = data[: first - plus].endswith(b"(") and _OPENED.match(data, first) is not None
    row = _row(data, first, opened)
    if _FREE_BEFORE.match(data, first):
        yield from _cards(first, row, data)
        yield from _ssn(first, row, data)
    start = first - plus - opened
    free = (_PLUS_BEFORE if plus else _FREE_BEFORE).match(data, start) or (opened and _LETTER_BEFORE.match(data, start))
    if free and not data[:start].endswith((b"#", b"$", b"@")):
        yield from _phone(start, first, row, data, minimum)


def _cards(first: int, row: list[_Prefix], data: bytes) -> Iterator[Found]:
    shape = re.compile(rb"[0-9]{13,19}|[0-9]{4}([ .-])(?:[0-9]{6}\1[0-9]{4,5}|(?:[0-9]{4}\1)*[0-9]{1,4})")
    for prefix in reversed(row):
        digits = prefix.digits
        if not shape.fullmatch(prefix.form) or not 13 <= len(digits) <= 19 or not prefix.may_end(data):
            continue
        issued = any(low <= int(digits[:6]) <= high and len(digits) in lengths for low, high, lengths in ISSUERS)
        if not issued or _luhn_sum(digits.decode()) % 10:
            continue
        percent = grammar.CARD_GROUPED_PERCENT
        if len(prefix.groups) == 1:
            percent = grammar.CARD_SHORT_PERCENT if len(digits) == 13 else grammar.CARD_BARE_PERCENT
        yield Found(first, prefix.end, grammar.CARD, percent)
        return


def _luhn_sum(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += sum(divmod(int(digit) * 2, 10)) if place % 2 else int(digit)
    return total


def _ssn(first: int, row: list[_Prefix], data: bytes) -> Iterator[Found]:
    form = re.compile(rb"(?!000|666|9)[0-9]{3}([ .-]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}")
    for prefix in row:
        match = form.fullmatch(prefix.form)
        if not match or not prefix.may_end(data):
            continue
        if match[1] != b"-" and (prefix.kind == grammar.SPACE or _SPACED_BEFORE.match(data, first)):
            continue
        percent = {b"-": grammar.SSN_DASHED_PERCENT, b"": grammar.SSN_BARE_PERCENT}.get(match[1])
        percent = grammar.SSN_SPACED_PERCENT if percent is None else percent
        announced = announced_before(data, first, grammar.WORDS_BYTES)
        if announced == SSN:
            percent += grammar.FOR_PERCENT
        elif announced in (PHONE, OTHER):
            percent -= grammar.AGAINST_PERCENT
        yield Found(first, prefix.end, grammar.SSN_TYPE, min(percent, grammar.MOST_ANNOUNCED_PERCENT))


def _phone(start: int, first: int, row: list[_Prefix], data: bytes, minimum: int) -> Iterator[Found]:
    plus = data[first - 1 : first] == b"+" and start < first
    # What only a word before it can make a phone number comes last: it would swallow what stands behind one.
    for form in (_by_form, _by_word):
        for prefix in reversed(row):
            extension = _EXTENSION.match(data, prefix.end) if prefix.kind == grammar.NONE else None
            if extension and WORD_AFTER.match(data, extension.end()):
                extension = None
            if prefix.form.count(b"(") != prefix.form.count(b")") or not (extension or prefix.may_end(data)):
                continue
            percent = form(prefix, plus, prefix.kind == grammar.SPACE or bool(_SPACED_BEFORE.match(data, first)))
            if percent and not plus:
                announced = announced_before(data, start, grammar.WORDS_BYTES)
                if announced == PHONE:
                    percent = min(percent + grammar.FOR_PERCENT, grammar.MOST_ANNOUNCED_PERCENT)
                elif announced:
                    percent -= grammar.AGAINST_PERCENT
            if percent and percent >= minimum:
                yield Found(start, extension.end() if extension else prefix.end, grammar.PHONE_TYPE, percent)
                return


def _by_form(prefix: _Prefix, plus: bool, more_spaced: bool) -> int:
    """Return the confidence in percent that a number is a phone number for its form, or 0."""
    percent = _international(prefix, plus)
    if percent or plus or (prefix.only_spaces() and more_spaced):
        return percent
    form, digits = prefix.form, prefix.digits
    if re.fullmatch(rb"1?[2-9][0-9]{2}[2-9][0-9]{6}", form):
        return grammar.NANP_BARE_PERCENT
    area = rb"\(?(?:1[^0-9])?[2-9][0-9]{2}"
    if re.fullmatch(area + rb"\)[2-9][0-9]{2}[^0-9]?[0-9]{4}", form):
        return grammar.NANP_PARENTHESES_PERCENT
    if re.fullmatch(area + rb"[^0-9][2-9][0-9]{2}[^0-9][0-9]{4}", form):
        return grammar.NANP_SPACES_PERCENT if prefix.only_spaces() else grammar.NANP_PERCENT
    if not _plain(prefix):
        return 0
    if len(digits) == 11 and re.fullmatch(
        rb"\(?8(?:[^0-9](?=[3-9])[0-9]{3,}[^0-9].*[^0-9].*|\([3-9][0-9]{2,}\)[0-9].*[^0-9].*)", form
    ):
        return grammar.TRUNK_PERCENT
    if re.fullmatch(rb"[1-9][0-9] [0-9]{4,5}-[0-9]{4}", form):
        return grammar.SPACE_AND_DASH_PERCENT
    return _trunk_zero(prefix) or _parentheses(prefix)


def _by_word(prefix: _Prefix, plus: bool, more_spaced: bool) -> int:
    """Return the confidence in percent that a number is a phone number if a word before it says so, or 0."""
    if plus or (prefix.only_spaces() and more_spaced):
        return 0
    fits = 7 <= len(prefix.digits) <= 12 and len(prefix.groups) <= 5 and _plain(prefix)
    return grammar.LOCAL_PERCENT if fits else 0


def _international(prefix: _Prefix, plus: bool) -> int:
    exit_code = b"" if plus else (re.match(rb"00|011(?![0-9])", prefix.form) or [b""])[0]
    if not plus and not exit_code:
        return 0
    digits = prefix.digits[len(exit_code) :]
    for size in (1, 2, 3):
        lengths = calling_codes().get(int(digits[:size] or b"0"))
        if lengths and not digits.startswith(b"0"):
            break
    else:
        return 0
    national = len(digits) - size
    if re.match(rb"\(?" + exit_code + rb"[^0-9]?" + digits[:size] + rb"\(0[0-9]*\)[0-9]", prefix.form):
        national -= 1
    if national not in lengths or (exit_code and national < 7):
        return 0
    several = len(prefix.groups) > 1
    if exit_code:
        return grammar.EXIT_CODE_PERCENT if several else grammar.EXIT_CODE_BARE_PERCENT
    if national < 7:
        return grammar.INTERNATIONAL_SHORT_PERCENT
    return grammar.INTERNATIONAL_PERCENT if several else grammar.INTERNATIONAL_BARE_PERCENT


def _trunk_zero(prefix: _Prefix) -> int:
    form, total, several = prefix.form, len(prefix.digits), len(prefix.groups)
    if not re.match(rb"\(?0(?:[1-9]|[ ()][1-9][0-9]*[^0-9])", form) or not 8 <= total <= 12:
        return 0
    if several == 1:
        return grammar.TRUNK_BARE_PERCENT if total in (10, 11) else 0
    if len(prefix.groups[0]) > 6 or re.fullmatch(rb"\(?[0-9]{3}\.[0-9]{3}[^0-9][0-9]{3}[^0-9][0-9]{2}", form):
        return 0
    if total == 8:
        mixed = re.match(rb"[^0-9]?[0-9]+([^0-9])[0-9]+(?!\1|[0-9])", form)
        return (grammar.TRUNK_MIXED_PERCENT if mixed else grammar.TRUNK_SHORT_PERCENT) if several > 2 else 0
    return grammar.TRUNK_PERCENT + 10 * form.startswith(b"(")


def _parentheses(prefix: _Prefix) -> int:
    fits = re.match(rb"\((?!(?:19|20)[0-9]{2}\))[0-9]{2,5}\)", prefix.form) and 8 <= len(prefix.digits) <= 12
    return grammar.PARENTHESES_PERCENT if fits else 0


def _plain(prefix: _Prefix) -> bool:
    """Return whether the groups could be those of a national number: no date, no decimal number, no path."""
    form = prefix.form.lstrip(b"(")
    if len(prefix.groups) == 1:
        return True
    if re.fullmatch(rb"[0-9]+\.[0-9]+|.*[^0-9][0-9]", form) or re.match(rb"[0-9]+[^0-9][0-9]+.*/", form):
        return False
    date = re.match(rb"([0-9]+)([-./])([0-9]+)\2([0-9]+)(?!\2|[0-9])", form)
    return not (date and _is_date(date[1], date[3], date[4]))


def _is_date(one: bytes, two: bytes, three: bytes) -> bool:
    sizes = len(one), len(two), len(three)
    if sizes[0] == 4 and max(sizes[1:]) <= 2:
        return int(two) <= 12 and int(three) <= 31
    small = sorted((int(one), int(two)))
    return max(sizes[:2]) <= 2 and sizes[2] in (2, 4) and small[0] <= 12 and small[1] <= 31
