"""Redaction of a text that arrives in chunks: what comes out is what `redact` makes of the whole."""

from __future__ import annotations

from collections.abc import Callable

from aligntax_kernels.chunks import Chunks
from aligntax_kernels.secrets.anchors import longest, look_behind
from aligntax_kernels.secrets.rules import RULES
from aligntax_kernels.secrets.shapes import unpack
from aligntax_kernels.text import Text

__all__ = ["Stream"]

# What has been released and still tells what follows: the name of a value, and what stands before a prefix.
_CONTEXT_BYTES = max(map(look_behind, RULES)) + 4
_KEPT_BYTES = 1_024


class Stream:
    """Redacts one text that arrives in chunks; for one thread at a time.

    The outputs joined are `redact` of the chunks joined, wherever the text is cut. Held back is only what the text to
    come could make a secret, or a longer one: most often nothing, or a few characters that a prefix begins with; of a
    token what has come of it, of a private key all up to its end; never more than `most_held` bytes. A chunk costs time
    for itself and for what is held.

    Args:
        search: of a backend.
        replace: type and secret to what stands in its place.

    Attributes:
        hits: how many have been replaced so far.
    """

    __slots__ = ("_at", "_chunks", "_replace", "_search", "_text", "hits")

    most_held = max(map(longest, RULES))

    def __init__(self, search: Callable[[bytes, int, bool], int], replace: Callable[[str, bytes], bytes]) -> None:
        self._search = search
        self._replace = replace
        self._text = b""
        """What has been released last, then what is held, from `_at` on."""
        self._at = 0
        self._chunks = Chunks()
        self.hits = 0

    @property
    def held(self) -> int:
        """How many bytes of the text are held back."""
        return len(self._text) - self._at

    def feed(self, chunk: Text) -> Text:
        """Take the next chunk and return what may be released, secrets replaced; often less than the chunk, or more.

        Raises:
            TypeError: if the chunk is neither str nor bytes, or of another kind than the first.
            RuntimeError: after `finish`.
        """
        # A secret begins and ends at a character, and a chunk of str does.
        return self._chunks.give(self._advance(self._chunks.take(chunk), final=False))

    def finish(self) -> str | bytes:
        """End the text and return the rest of it, secrets replaced: str if chunks were str or there were none.

        Raises:
            RuntimeError: if it has ended already.
        """
        self._chunks.end()
        return self._chunks.give(self._advance(b"", final=True))

    def _advance(self, more: bytes, *, final: bool) -> bytes:
        """Return what may be released when `more` has come."""
        text, at = self._text + more, self._at
        match = self._search(text, at, final)
        pieces: list[bytes] = []
        hits = self.hits
        while match >= 0:
            found = unpack(match)
            pieces += (text[at : found.start], self._replace(RULES[found.rule].type, text[found.start : found.end]))
            hits += 1
            at = found.end
            match = self._search(text, at, final)
        decided = -1 - match
        released = text[at:decided]
        if decided > _KEPT_BYTES:
            # Not for each chunk: what has been released is looked at only as far as is needed.
            cut = decided - _CONTEXT_BYTES
            text, decided = text[cut:], decided - cut
        self._text, self._at, self.hits = text, decided, hits
        return b"".join([*pieces, released]) if pieces else released
