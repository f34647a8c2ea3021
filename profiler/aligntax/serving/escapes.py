r"""Escapes in the JSON texts that tools are called with: guards read what they stand for, and not `\u0066orbidden`."""

from __future__ import annotations

import json
import re
from collections import deque

__all__ = ["Escapes"]

_HIGH, _LOW = "u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PART_OF_LOW = r"(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?"
# An escape of which the rest may still come.
_BEGUN = re.compile(rf"\\(?:u[0-9a-fA-F]{{0,3}}|{_HIGH}{_PART_OF_LOW})?\Z")
_LONGEST_BEGUN = 11
# Of those that stand for one character by its number, not half a pair, nor a quote or a backslash.
_ESCAPE = rf'\\(?:["\\/bfnrt]|{_HIGH}{_LOW}|u(?![dD][89a-fA-F]|0022|005[cC])[0-9a-fA-F]{{4}})'
# The rest of a string from an escape on. Possessive: else it would remember each of a million escapes.
_FROM_ESCAPE = re.compile(rf'{_ESCAPE}(?:[^"\\]++|{_ESCAPE})*+')
_ONE = re.compile(rf"{_ESCAPE}|[\x00-\x1f]")
_REST_OF_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_PLAIN = re.compile(r'[^"\\]+')
_CONTROL = re.compile(r"[\x00-\x1f]")
_SPELLED = {code: json.dumps(chr(code))[1:-1] for code in range(0x20)}
_string = json.JSONDecoder(strict=False).raw_decode


class Escapes:
    r"""One JSON text, in pieces or whole, as guards read it; and what they leave of it as a JSON text again.

    Guards read `{"word": "a\n\u0066orbidden one"}` with a line break and the word. An escaped quote or backslash stays
    as it is, so that what guards leave can be told to be JSON; so does half a surrogate pair, which is no character,
    and all that is outside of strings. A text that is no object, list or string stays as it is.

    Args:
        keeps_spelling: whether what goes on as it came is spelled as it came, up to the first change. All else is
            spelled as `json.dumps` does it.
    """

    __slots__ = (
        "_backslash",
        "_begun",
        "_came",
        "_in_string",
        "_is_json",
        "_pending",
        "_spellings",
        "_went",
        "_writes",
    )

    def __init__(self, *, keeps_spelling: bool = True) -> None:
        self._is_json: bool | None = None
        self._begun = ""
        # Whether a string is open: in what came, and in what went; there, also whether a backslash is.
        self._in_string = self._writes = self._backslash = False
        # How many characters guards were given, and have let go on; what lies between, unless they have changed
        # something; and which characters in there came in another spelling.
        self._came = self._went = 0
        self._pending: deque[str] | None = deque() if keeps_spelling else None
        self._spellings: deque[tuple[int, str]] = deque()

    def opened(self, piece: str) -> str:
        """Take the next piece of the text, and return what guards read of it."""
        text, self._begun = self._begun + piece, ""
        if self._is_json is None:
            first = text.lstrip(" \t\r\n")[:1]
            self._is_json = first in '{["' if first else None
        if self._is_json is False:
            return text
        plain: list[str] = []
        at = 0
        while (begin := text.find("\\", at)) >= 0:
            plain.append(self._between(text[at:begin]))
            if len(text) - begin <= _LONGEST_BEGUN and _BEGUN.match(text, begin):
                text, self._begun = text[:begin], text[begin:]
                break
            found = _FROM_ESCAPE.match(text, begin) if self._in_string else None
            if found is None:
                at = begin + (2 if text[begin + 1 : begin + 2] in ('"', "\\") else 1)
                plain.append(self._given(text[begin:at]))
            else:
                at = found.end()
                plain.append(self._unescaped(found[0]))
        else:
            plain.append(self._between(text[at:]))
        return "".join(plain)

    def rest(self) -> str:
        """Return what guards read at the end: the beginning of an escape that has no rest."""
        rest, self._begun = self._begun, ""
        return self._given(rest)

    def closed(self, plain: str) -> str:
        """Take what guards let go on next, and return it as a piece of the JSON text."""
        if self._is_json is False:
            return plain
        if self._pending is not None and not _taken(self._pending, plain):
            self._pending = None
            self._spellings.clear()
        written: list[str] = []
        at = 0
        while self._spellings and self._spellings[0][0] < self._went + len(plain):
            position, spelling = self._spellings.popleft()
            written += (self._escaped(plain[at : position - self._went]), spelling)
            at = position - self._went + 1
            self._backslash = False
        written.append(self._escaped(plain[at:]))
        self._went += len(plain)
        return "".join(written)

    def _given(self, plain: str) -> str:
        self._came += len(plain)
        if self._pending is not None and plain:
            self._pending.append(plain)
        return plain

    def _between(self, text: str) -> str:
        """Take a text without any backslash."""
        at = 0
        if self._pending is not None:
            for found in _CONTROL.finditer(text):  # which no string may have; outside they only set it out
                self._in_string ^= bool(text.count('"', at, found.start()) & 1)
                at = found.start()
                if self._in_string:
                    self._spellings.append((self._came + at, found[0]))
        self._in_string ^= bool(text.count('"', at) & 1)
        return self._given(text)

    def _unescaped(self, text: str) -> str:
        """Take a part of a string that begins with an escape, and return what guards read of it."""
        plain = _without_escapes(text)
        if self._pending is not None and plain.translate(_SPELLED) != text:
            at = taken = 0
            for found in _ONE.finditer(text):
                at += found.start() - taken
                taken = found.end()
                character = _without_escapes(found[0])
                if len(character) == 1 and character.translate(_SPELLED) != found[0]:
                    self._spellings.append((self._came + at, found[0]))
                at += len(character)
        return self._given(plain)

    def _escaped(self, plain: str) -> str:
        """Return a text as it stands in JSON: its strings have no control characters."""
        written: list[str] = []
        at = 0
        while (found := _CONTROL.search(plain, at)) is not None:
            begin = found.start()
            self._note_quotes(plain[at:begin])
            written.append(plain[at:begin])
            rest = (_REST_OF_STRING if self._writes else _PLAIN).match(plain, begin)
            at = begin + 1 if rest is None else rest.end()
            written.append(plain[begin:at].translate(_SPELLED) if self._writes else plain[begin:at])
            self._backslash = False
        self._note_quotes(plain[at:])
        written.append(plain[at:])
        return "".join(written)

    def _note_quotes(self, text: str) -> None:
        if self._backslash and text:
            self._backslash = False
            text = text[1:]
        quotes = text.count('"')
        if "\\" in text:
            text = text.replace("\\\\", "")
            quotes = text.count('"') - text.count('\\"')
            self._backslash = text.endswith("\\")
        self._writes ^= bool(quotes & 1)


def _without_escapes(text: str) -> str:
    """Return a part of a string without the escapes that it can do without."""
    plain: str = _string(f'"{text}"')[0]
    if "\\" in plain or '"' in plain:
        plain = plain.replace("\\", "\\\\").replace('"', '\\"')
    return plain


def _taken(pending: deque[str], plain: str) -> bool:
    """Return whether a text is what is pending, or the beginning of it, and take it from there."""
    at = 0
    while at < len(plain):
        if not pending:
            return False
        piece = pending.popleft()
        part = plain[at : at + len(piece)]
        if not piece.startswith(part):
            return False
        if len(part) < len(piece):
            pending.appendleft(piece[len(part) :])
        at += len(part)
    return True
