"""Redaction of a text that arrives in chunks: what comes out is what `redact` makes of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aligntax_kernels import fold
from aligntax_kernels.literals.patterns import PatternSet
from aligntax_kernels.text import Text, decoded, encoded, replaced

if TYPE_CHECKING:
    from aligntax_kernels.literals.cpu import Searcher

__all__ = ["Stream"]

_LONGEST_CHARACTER = 4
# How many bytes a character has, by the upper five bits of its first one; 1 for all that are not here.
_SIZES = {**dict.fromkeys(range(0b11000, 0b11100), 2), 0b11100: 3, 0b11101: 3, 0b11110: 4}


class Stream:
    """Takes the patterns out of one text that arrives in chunks; for one thread at a time.

    Nothing is held back but what may still turn out to belong to a hit: the longest end of the text that more text
    could complete to a pattern, the undecided hit itself, the last character where word boundaries or folding depend on
    the next one, and an incomplete UTF-8 sequence. A chunk costs time for itself and for what is held.

    Args:
        patterns: the set.
        searcher: what searches for it.
        replacement: what stands in the place of each hit.

    Attributes:
        hits: how many have been replaced so far.

    Raises:
        ValueError: if the set reports overlapping hits.
    """

    __slots__ = (
        "_ascii_is_plain",
        "_context",
        "_ended",
        "_folding",
        "_held",
        "_is_text",
        "_mark",
        "_needs_boundary",
        "_patterns",
        "_searcher",
        "hits",
    )

    def __init__(self, patterns: PatternSet, searcher: Searcher, replacement: str) -> None:
        if patterns.match != "leftmost_longest":
            raise ValueError(f"match={patterns.match!r} cannot be streamed; compile with match='leftmost_longest'")
        if not isinstance(replacement, str):
            raise TypeError(f"replacement: got a {type(replacement).__name__}; pass str, which is encoded for bytes")
        self._patterns = patterns
        self._searcher = searcher
        folding = self._folding = patterns.folding
        self._ascii_is_plain = folding is None or not folding.leet
        # Folding the case alone looks at one character at a time.
        self._needs_boundary = folding is not None and folding != fold.Folding(
            case=folding.case, compatibility=False, confusables=False, invisible=False
        )
        self._mark = encoded(replacement)
        self._held = b""
        self._context = b""
        self._is_text: bool | None = None
        self._ended = False
        self.hits = 0

    @property
    def held(self) -> int:
        """How many bytes of the text are held back."""
        return len(self._held)

    def feed(self, chunk: Text) -> Text:
        """Take the next chunk and return what may be released, hits replaced; often empty.

        Raises:
            TypeError: if the chunk is neither str nor bytes, of another kind than the first, or str for bytes patterns.
            RuntimeError: after `finish`.
        """
        self._require_open(chunk)
        data = self._advance(self._held + (chunk if isinstance(chunk, bytes) else encoded(chunk)), final=False)
        return decoded(data) if self._is_text else data  # type: ignore[return-value]

    def finish(self) -> str | bytes:
        """End the text and return the rest of it, hits replaced: str if chunks were str or there were none.

        Raises:
            RuntimeError: if it has ended already.
        """
        self._require_open(None)
        self._ended = True
        data = self._advance(self._held, final=True)
        return data if self._is_text is False else decoded(data)

    def _require_open(self, chunk: str | bytes | None) -> None:
        if self._ended:
            raise RuntimeError("this stream has ended; make another one for another text")
        if chunk is None:
            return
        if not isinstance(chunk, (str, bytes)):
            raise TypeError(f"chunk: got a {type(chunk).__name__}; pass str or bytes")
        is_text = isinstance(chunk, str)
        if self._is_text is None:
            if is_text and not self._patterns.holds_text:
                raise TypeError("chunk: got a str; these patterns are bytes, so pass bytes")
            self._is_text = is_text
        elif is_text is not self._is_text:
            raise TypeError(f"chunk: got a {type(chunk).__name__}; pass the kind of the first chunk")

    def _advance(self, held: bytes, *, final: bool) -> bytes:
        """Return what may be released of what is held, and keep the rest."""
        usable = held if final else held[: self._complete(held)]
        if self._folding is None or (self._ascii_is_plain and usable.isascii()) or fold.is_plain(usable, self._folding):
            spans, released = self._search(usable, final=final)
            self._remember(usable[:released])
        else:
            spans, released = self._search_folded(usable, self._folding, final=final)
        self.hits += len(spans)
        output = usable[:released]
        self._held = held[released:]
        return replaced(output, [(start, end, self._mark) for start, end in spans]) if spans else output

    def _search(self, data: bytes, *, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the hits that are decided, and where the undecided part begins."""
        if not self._patterns.whole_words:
            return self._searcher.step(data, 0, len(data), final=final)
        if not data:
            return [], 0
        context = self._context
        before = len(context)
        data = context + data
        spans, decided = self._searcher.step(data, before, len(data) if final else _last_character(data), final=final)
        return [(start - before, end - before) for start, end in spans], decided - before

    def _search_folded(self, data: bytes, folding: fold.Folding, *, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the same for a text that has to be folded first, both in the text as it is."""
        folded = fold.fold(data, folding)
        found, decided = self._search(folded.data, final=final)
        spans: list[tuple[int, int]] = []
        for start, end in found:
            origin = int(folded.starts[start]), int(folded.ends[end - 1])
            if spans and origin[0] < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(origin[1], spans[-1][1]))
            else:
                spans.append(origin)
        released = int(folded.starts[decided]) if decided < len(folded.data) else len(data)
        # One character can fold to several, of which a hit ends in the middle: hold it with the hit that it belongs to.
        while spans and released < spans[-1][1]:
            released = min(released, spans.pop()[0])
        self._remember(folded.data[: int(np.searchsorted(folded.starts, released))])
        return spans, released

    def _remember(self, released: bytes) -> None:
        """Keep the last character that has been released, as it is compared: a word boundary depends on it."""
        if self._patterns.whole_words:
            seen = self._context + released
            self._context = seen[_last_character(seen) :]

    def _complete(self, held: bytes) -> int:
        """Return how much of what is held can be read before more has come."""
        if self._needs_boundary and self._folding is not None:
            return fold.boundary(held, self._folding)
        if self._is_text or not (self._patterns.holds_text or self._patterns.whole_words):
            return len(held)
        begin = _last_character(held)
        missing = _SIZES.get(held[begin] >> 3, 1) - (len(held) - begin) if held else 0
        return begin if missing > 0 else len(held)


def _last_character(data: bytes) -> int:
    """Return where the last character begins in UTF-8, complete or not; else one of the last four bytes."""
    for begin in range(len(data) - 1, max(-1, len(data) - 1 - _LONGEST_CHARACTER), -1):
        if data[begin] & 0xC0 != 0x80:
            return begin
    return max(0, len(data) - 1)
