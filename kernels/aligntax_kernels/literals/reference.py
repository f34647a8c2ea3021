"""The oracle of the literal search: every pattern at every place, by `bytes.find`."""

from __future__ import annotations

import re

from aligntax_kernels.literals.patterns import PatternSet
from aligntax_kernels.text import decoded

__all__ = ["Searcher"]

_WORD = re.compile(r"\w")
_LONGEST_CHARACTER = 4


class Searcher:
    """Searches texts for one pattern set; see `aligntax_kernels.literals.cpu.Searcher`."""

    reason = "the reference compares every pattern at every place"

    def __init__(self, patterns: PatternSet) -> None:
        self._patterns = patterns

    def search(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the hits in a text: start, end, pattern; sorted."""
        hits = self._all(data)
        return hits if self._patterns.match == "overlapping" else _leftmost_longest(hits)

    def probe(self, data: bytes) -> int:
        """Return 0 if there is any hit, else -1."""
        return 0 if self._all(data) else -1

    def collect(self, data: bytes, at: int) -> list[tuple[int, int, int]]:
        """Return the hits in a text that begin at `at` or later."""
        return [hit for hit in self.search(data) if hit[0] >= at]

    def contains(self, data: bytes) -> bool:
        """Return whether there is any hit."""
        return bool(self._all(data))

    def first(self, data: bytes) -> tuple[int, int, int] | None:
        """Return the leftmost hit, of those that begin there the longest; None without."""
        return next(iter(_leftmost_longest(self._all(data))), None)

    def step(self, data: bytes, start_at: int, limit: int, *, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the hits that are decided in the held part of a stream, and where the undecided part begins."""
        lowered = data.translate(self._patterns.lower)
        needles = self._patterns.needles

        def under_way(begin: int) -> int:
            """Return where the first pattern begins that more text could complete; `limit` without."""
            if final:
                return limit
            return next(
                (
                    at
                    for at in range(begin, limit)
                    if any(len(needle) > limit - at and needle.startswith(lowered[at:limit]) for needle in needles)
                ),
                limit,
            )

        spans: list[tuple[int, int]] = []
        begin = start_at
        while True:
            hits = [hit for hit in self._all(data) if hit[0] >= begin and hit[1] <= limit]
            if not hits or under_way(begin) <= hits[0][0]:
                return spans, min([under_way(begin), *(hit[0] for hit in hits)])
            start, begin, _ = _leftmost_longest(hits)[0]
            spans.append((start, begin))

    def _all(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return all hits, sorted by start, end and pattern."""
        lowered = data.translate(self._patterns.lower)
        hits = []
        for pattern, needle in enumerate(self._patterns.needles):
            start = lowered.find(needle)
            while start >= 0:
                end = start + len(needle)
                if not self._patterns.whole_words or not (_ends_word(data[:start]) or _begins_word(data[end:])):
                    hits.append((start, end, pattern))
                start = lowered.find(needle, start + 1)
        return sorted(hits)


def _leftmost_longest(hits: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    chosen: list[tuple[int, int, int]] = []
    for hit in sorted(hits, key=lambda hit: (hit[0], -hit[1], hit[2])):
        if not chosen or hit[0] >= chosen[-1][1]:
            chosen.append(hit)
    return chosen


def _ends_word(before: bytes) -> bool:
    return any(_is_word(before[-size:]) for size in range(1, min(len(before), _LONGEST_CHARACTER) + 1))


def _begins_word(after: bytes) -> bool:
    return any(_is_word(after[:size]) for size in range(1, min(len(after), _LONGEST_CHARACTER) + 1))


def _is_word(character: bytes) -> bool:
    """Return whether some bytes are the UTF-8 of one character, and that belongs to a word."""
    try:
        text = decoded(character)
    except UnicodeDecodeError:
        return False
    return len(text) == 1 and _WORD.match(text) is not None
