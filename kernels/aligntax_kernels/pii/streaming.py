"""Redaction of a text that arrives in chunks: what comes out is what `redact` makes of the whole."""

from __future__ import annotations

from collections.abc import Callable

from aligntax_kernels.pii.grammar import (
    HELD,
    LOOK_AHEAD_BYTES,
    LOOK_BEHIND_BYTES,
    MORE,
    TYPES,
    Search,
    resumed,
    unpack,
)
from aligntax_kernels.text import Text, decoded, encoded

__all__ = ["Stream"]

# How many bytes a character has, by the upper five bits of its first one; 1 for all that are not here.
_SIZES = {**dict.fromkeys(range(0b11000, 0b11100), 2), 0b11100: 3, 0b11101: 3, 0b11110: 4}


class Stream:
    """Redacts one text that arrives in chunks; for one thread at a time.

    The outputs joined are `redact` of the chunks joined, wherever the text is cut. Held back is only what the text to
    come could make part of a hit, as a rule the last word or the last row of digits: never more than `most_held` bytes,
    since no hit, and nothing that decides on one, is longer. A chunk costs time for itself and for what is held.

    Args:
        search: `next_hit` of a backend.
        options: types and least confidence, packed.
        replace: type and value to what stands in the place of a hit.

    Attributes:
        most_held: 512.
        hits: how many have been replaced so far.
    """

    __slots__ = ("_at", "_ended", "_incomplete", "_is_text", "_options", "_replace", "_search", "_text", "hits")

    most_held = LOOK_AHEAD_BYTES

    def __init__(self, search: Search, options: int, replace: Callable[[str, str], str]) -> None:
        self._search = search
        self._options = options
        self._replace = replace
        self._text = b""
        """What has been released last and still decides on what follows, then what is held, from `_at` on."""
        self._at = 0
        self._incomplete = b""
        self._is_text: bool | None = None
        self._ended = False
        self.hits = 0

    def feed(self, chunk: Text) -> Text:
        """Take the next chunk and return what may be released, hits replaced; often empty.

        Raises:
            TypeError: if the chunk is neither str nor bytes, or of another kind than the first.
            RuntimeError: after `finish`.
        """
        if self._ended:
            raise RuntimeError("this stream has ended; make another one for another text")
        if isinstance(chunk, str):
            if self._is_text is False:
                raise TypeError("chunk: got a str; pass bytes as before")
            self._is_text = True
            return decoded(self._advance(encoded(chunk), self._options | MORE))
        if not isinstance(chunk, bytes):
            raise TypeError(f"chunk: got a {type(chunk).__name__}; pass str or bytes")
        if self._is_text:
            raise TypeError("chunk: got bytes; pass a str as before")
        self._is_text = False
        data = self._incomplete + chunk
        complete = len(data) - _incomplete_bytes(data)
        self._incomplete = data[complete:]
        return self._advance(data[:complete], self._options | MORE)

    def finish(self) -> str | bytes:
        """End the text and return the rest of it, hits replaced: str if chunks were str or there were none.

        Raises:
            RuntimeError: if it has ended already.
        """
        if self._ended:
            raise RuntimeError("this stream has ended; make another one for another text")
        self._ended = True
        rest = self._advance(self._incomplete, self._options)
        return rest if self._is_text is False else decoded(rest)

    def _advance(self, more: bytes, options: int) -> bytes:
        """Return what may be released when `more` has come."""
        text = self._text + more if self._text else more
        at = self._at
        packed = resumed(self._search, text, self._search(text, at, options), options)
        pieces: list[bytes] = []
        while packed >= 0:
            found = unpack(packed)
            value = decoded(text[found.start : found.end])
            pieces += (text[at : found.start], encoded(self._replace(TYPES[found.type], value), "replacement"))
            self.hits += 1
            at = found.end
            packed = resumed(self._search, text, self._search(text, at, options), options)
        released = HELD - packed if options & MORE else len(text)
        pieces.append(text[at:released])
        cut = max(0, released - LOOK_BEHIND_BYTES)
        self._text = text[cut:]
        self._at = released - cut
        return b"".join(pieces)


def _incomplete_bytes(data: bytes) -> int:
    """Return how many bytes at the end begin a character that more bytes could complete."""
    for size in range(1, min(3, len(data)) + 1):
        byte = data[-size]
        if byte & 0xC0 != 0x80:
            return size if _SIZES.get(byte >> 3, 1) > size else 0
    return 0
