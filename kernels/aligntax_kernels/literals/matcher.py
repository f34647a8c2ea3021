"""`Literals`: a compiled pattern set, and what can be done with it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntax_kernels import fold
from aligntax_kernels.literals.patterns import PatternSet
from aligntax_kernels.text import Text, code_points, encoded, replaced

if TYPE_CHECKING:
    from aligntax_kernels.literals.cpu import Searcher
    from aligntax_kernels.literals.streaming import Stream

__all__ = ["Hit", "Literals"]

Hit = tuple[int, int, int]
"""Start, end and index of the pattern; offsets in code points of a `str`, in bytes of `bytes`."""

DEFAULT_REPLACEMENT = "█"
_NOTHING = -1
# What a batch is joined by: characters that hardly any text holds, and that belong to no word.
_SEPARATORS = "\x00\x1e\x1f\x1d\x1c\x01\x02\x03"


class Literals:
    """A compiled pattern set; made by `aligntax_kernels.literals.compile`. Immutable, and safe to share among threads.

    Attributes:
        patterns: what it was compiled from, and how they match.
        reason: which engine searches, and why.
    """

    __slots__ = (
        "_ascii_is_plain",
        "_folding",
        "_holds_text",
        "_indices",
        "_probe",
        "_reads_ascii",
        "_searcher",
        "_separator",
        "patterns",
        "reason",
    )

    def __init__(self, patterns: PatternSet, searcher: Searcher) -> None:
        self.patterns = patterns
        self.reason: str = searcher.reason
        self._searcher = searcher
        self._folding = patterns.folding
        self._holds_text = patterns.holds_text
        self._probe = searcher.probe
        one_each = len(patterns.needles) == len(patterns.patterns)
        self._indices = None if one_each else patterns.indices
        self._ascii_is_plain = patterns.folding is None or not patterns.folding.leet
        self._reads_ascii = self._ascii_is_plain and self._holds_text
        free = (mark for mark in _SEPARATORS if not any(mark.encode() in needle for needle in patterns.needles))
        self._separator = next(free, None)

    def __len__(self) -> int:
        """Return how many patterns there are."""
        return len(self.patterns.patterns)

    def __repr__(self) -> str:
        """Name the engine, and none of the patterns."""
        return f"<Literals: {self.reason}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the patterns, and compile them where they arrive: the tables hold addresses."""
        from aligntax_kernels.literals import compiled

        return compiled, (self.patterns,)

    def find(self, text: str | bytes) -> list[Hit]:
        """Return every hit: start, end and index of the pattern.

            overlapping: all places at which a pattern stands, sorted by start, end and index
            leftmost_longest: of these, from left to right, the first that overlaps no hit before; of those that begin
                there the longest; of equal patterns the one with the lowest index

        Args:
            text: str, or UTF-8 bytes. Patterns given as bytes are searched in bytes only.

        Returns:
            Offsets in the text as given. A hit of a folded text covers all characters that it was folded from.

        Raises:
            TypeError: if `text` is neither, or a `str` where the patterns are bytes.
        """
        kind = type(text)
        if self._reads_ascii and (kind is str or kind is bytes) and text.isascii():
            # Most texts are like this and hold nothing: a function call more would be felt.
            data: Any = text.encode() if kind is str else text  # type: ignore[union-attr]
            at = self._probe(data)
            return [] if at == _NOTHING else self._named(self._searcher.collect(data, at))
        data = text if isinstance(text, bytes) else self._encoded(text)
        hits = self._folded_hits(data)
        return hits if isinstance(text, bytes) else _in_code_points(data, hits)

    def find_batch(self, texts: Iterable[str] | Iterable[bytes]) -> list[list[Hit]]:
        """Return the hits of many texts, as `find` does for each: all are searched in one go.

        Raises:
            TypeError: if one is neither `str` nor `bytes`, or they are of both kinds, or a `str` for patterns of bytes.
        """
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
            raise TypeError(f"texts: got one {type(texts).__name__}; pass a list of them, or use find")
        given: Any = texts if isinstance(texts, (list, tuple)) else list(texts)
        found: list[list[Hit]] = [[] for _ in given]
        if not found:
            return found
        mark = self._separator
        if mark is None:
            return [self.find(text) for text in given]
        separator: Any = mark if isinstance(given[0], str) else mark.encode()
        try:
            joined = separator.join(given)
        except TypeError as error:
            raise TypeError(f"texts: {error}; pass str only, or bytes only") from error
        hits = self.find(joined)
        if hits:
            ends = list(accumulate(map(len, given)))
            for start, end, pattern in hits:
                # Each text before has one separator behind it.
                index = bisect_left(range(len(ends)), start, key=lambda index: ends[index] + index)
                begin = ends[index - 1] + index if index else 0
                found[index].append((start - begin, end - begin, pattern))
        return found

    def contains(self, text: str | bytes) -> bool:
        """Return whether any pattern stands in the text: `find` that ends at the first hit."""
        data = text if isinstance(text, bytes) else self._encoded(text)
        return self._searcher.contains(self._readable(data))

    def first(self, text: str | bytes) -> Hit | None:
        """Return the leftmost hit, of those that begin there the longest, without looking at the text behind it."""
        data = text if isinstance(text, bytes) else self._encoded(text)
        if not self._is_plain(data):
            folded = fold.fold(data, self._folding)  # type: ignore[arg-type]
            hit = self._searcher.first(folded.data)
            hits = [] if hit is None else [(int(folded.starts[hit[0]]), int(folded.ends[hit[1] - 1]), hit[2])]
        else:
            hit = self._searcher.first(data)
            hits = [] if hit is None else [hit]
        if not isinstance(text, bytes):
            hits = _in_code_points(data, hits)
        return self._named(hits)[0] if hits else None

    def redact(self, text: Text, replacement: Text | None = None) -> Text:
        """Return the text with every hit replaced; hits that overlap are replaced as one.

        Args:
            text: str or bytes.
            replacement: what stands in the place of each hit: of the text's kind, "█" if None.

        Raises:
            TypeError: as `find`, or where the replacement is of the other kind than the text.
        """
        mark = _replacement(text, replacement)
        spans: list[tuple[int, int, Text]] = []
        for start, end, _ in self.find(text):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]), mark)
            else:
                spans.append((start, end, mark))
        return replaced(text, spans) if spans else text

    def stream(self, replacement: str = DEFAULT_REPLACEMENT) -> Stream:
        """Return a redactor for one text that arrives in chunks.

        Raises:
            ValueError: if the set reports overlapping hits, which have no order in which to replace them.
        """
        from aligntax_kernels.literals.streaming import Stream

        return Stream(self.patterns, self._searcher, replacement)

    def save(self, path: str | Path) -> None:
        """Write the set to a file that `literals.load` reads, complete or not at all."""
        from aligntax_kernels.literals.storage import save

        save(self.patterns, Path(path))

    def _encoded(self, text: str) -> bytes:
        if not self._holds_text:
            raise TypeError(f"text: got a {type(text).__name__}; these patterns are bytes, so pass bytes")
        return encoded(text)

    def _is_plain(self, data: bytes) -> bool:
        if self._folding is None or (self._ascii_is_plain and data.isascii()):
            return True
        return fold.is_plain(data, self._folding)

    def _named(self, hits: list[Hit]) -> list[Hit]:
        """Return hits of spellings as those of the patterns that these stand for."""
        if self._indices is None:
            return hits
        return [(start, end, self._indices[needle]) for start, end, needle in hits]

    def _readable(self, data: bytes) -> bytes:
        """Return the text as it is compared with the patterns."""
        return data if self._is_plain(data) else fold.fold_bytes(data, self._folding)  # type: ignore[arg-type]

    def _folded_hits(self, data: bytes) -> list[Hit]:
        """Return the hits in a text that may have to be folded, in bytes of the text as it is."""
        if self._is_plain(data):
            return self._named(self._searcher.search(data))
        # Most texts hold nothing, and the map costs more than the folding.
        readable = fold.fold_bytes(data, self._folding)  # type: ignore[arg-type]
        found = self._named(self._searcher.search(readable))
        if not found:
            return found
        folded = fold.fold(data, self._folding)  # type: ignore[arg-type]
        hits = [(int(folded.starts[start]), int(folded.ends[end - 1]), pattern) for start, end, pattern in found]
        if self.patterns.match == "overlapping":
            return sorted(set(hits))
        # One character can fold to several, and two hits can lie in it.
        apart: list[Hit] = []
        for hit in hits:
            if not apart or hit[0] >= apart[-1][1]:
                apart.append(hit)
            elif hit[1] > apart[-1][1]:
                apart[-1] = (apart[-1][0], hit[1], apart[-1][2])
        return apart


def _in_code_points(data: bytes, hits: Iterable[Hit]) -> list[Hit]:
    hits = list(hits)
    at = code_points(data, (offset for start, end, _ in hits for offset in (start, end)))
    return [(at[start], at[end], pattern) for start, end, pattern in hits]


def _replacement(text: Text, replacement: Text | None) -> Any:
    if replacement is None:
        return DEFAULT_REPLACEMENT if isinstance(text, str) else DEFAULT_REPLACEMENT.encode()
    if isinstance(text, (str, bytes)) and not isinstance(replacement, str if isinstance(text, str) else bytes):
        raise TypeError(f"replacement: got a {type(replacement).__name__}; pass {type(text).__name__}, as the text is")
    return replacement
