"""Redaction of a text that arrives in chunks: what comes out is what `redact` makes of the whole."""

from __future__ import annotations

from collections.abc import Callable

from aligntax_kernels.chunks import Chunks, incomplete_bytes
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
from aligntax_kernels.text import Text

__all__ = ["Stream"]


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

    __slots__ = ("_at", "_chunks", "_incomplete", "_options", "_replace", "_search", "_text", "hits")

    most_held = LOOK_AHEAD_BYTES

    def __init__(self, search: Search, options: int, replace: Callable[[str, bytes], bytes]) -> None:
        self._search = search
        self._options = options
        self._replace = replace
        self._text = b""
        """What has been released last and still decides on what follows, then what is held, from `_at` on."""
        self._at = 0
        self._incomplete = b""
        self._chunks = Chunks()
        self.hits = 0

    @property
    def held(self) -> int:
        """How many bytes of the text are held back."""
        return len(self._text) - self._at + len(self._incomplete)

    def feed(self, chunk: Text) -> Text:
        """Take the next chunk and return what may be released, hits replaced; often empty.

        Raises:
            TypeError: if the chunk is neither str nor bytes, or of another kind than the first.
            RuntimeError: after `finish`.
        """
        data = self._incomplete + self._chunks.take(chunk)
        complete = len(data) - incomplete_bytes(data)
        released = self._advance(data[:complete], self._options | MORE)
        self._incomplete = data[complete:]
        return self._chunks.give(released)

    def finish(self) -> str | bytes:
        """End the text and return the rest of it, hits replaced: str if chunks were str or there were none.

        Raises:
            RuntimeError: if it has ended already.
        """
        self._chunks.end()
        return self._chunks.give(self._advance(self._incomplete, self._options))

    def _advance(self, more: bytes, options: int) -> bytes:
        """Return what may be released when `more` has come."""
        text = self._text + more if self._text else more
        at = self._at
        packed = resumed(self._search, text, self._search(text, at, options), options)
        pieces: list[bytes] = []
        hits = self.hits
        while packed >= 0:
            found = unpack(packed)
            value = text[found.start : found.end]
            pieces += (text[at : found.start], self._replace(TYPES[found.type], value))
            hits += 1
            at = found.end
            packed = resumed(self._search, text, self._search(text, at, options), options)
        released = HELD - packed if options & MORE else len(text)
        pieces.append(text[at:released])
        cut = max(0, released - LOOK_BEHIND_BYTES)
        self._text = text[cut:]
        self._at = released - cut
        self.hits = hits
        return b"".join(pieces)
