"""The literal search on the CPU: the sieve where it pays, the automaton everywhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.compilation import direct
from aligntax_kernels.literals import automaton, chains, search, sieve
from aligntax_kernels.literals.patterns import PatternSet, make_patterns
from aligntax_kernels.literals.plan import make_plan
from aligntax_kernels.literals.sieve import BATCH_BYTES, FLOODED, NOTHING

__all__ = ["Searcher", "warm"]

logger = logging.getLogger(__name__)

_ROOM = 64
_BYTES_A_HIT = 1024
_BYTES_A_SORTED_HIT = 8
_STREAM_ROOM = 31
_LONGEST_CHARACTER = 4

_probe = direct(search.probe)
_sieve = direct(sieve.sieve)
_gather = direct(chains.gather)
_walk = direct(automaton.walk)
_step = direct(automaton.step)


class Searcher:
    """Searches texts for one pattern set.

    Args:
        patterns: what to search for.

    Attributes:
        reason: which engine was chosen, and why.
        probe: returns `NOTHING` for a text without a hit; else where `collect` has to begin. One call of compiled
            code, for a caller that cannot afford `search` around it.
    """

    def __init__(self, patterns: PatternSet) -> None:
        self._plan = plan = make_plan(patterns)
        self.reason = plan.reason
        logger.debug("literals: %s", plan.reason)
        self._header = int(plan.header.ctypes.data)
        self._leftmost = patterns.match == "leftmost_longest"
        self._longest = max(map(len, patterns.needles), default=0)
        self.probe: Callable[[bytes], int] = partial(_probe, plan.header.tobytes())

    def search(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the hits in a text: start, end, pattern; sorted by these, or, leftmost-longest, none overlapping."""
        at = self.probe(data)
        return [] if at == NOTHING else self.collect(data, at)

    def collect(self, data: bytes, at: int) -> list[tuple[int, int, int]]:
        """Return the hits in a text from the position on that `probe` returned for it, as `search` does."""
        scan = _gather if self._plan.stride is None or len(data) < search.SHORT_BYTES else _sieve
        room = _ROOM + len(data) // _BYTES_A_HIT
        while True:
            hits = np.empty((room, 3), np.int64)
            count = scan(self._header, at, hits.ctypes.data, room, data)
            if count == FLOODED:
                scan, at = _gather, 0
            elif count <= room:
                break
            elif self._leftmost and count > _ROOM + len(data) // _BYTES_A_SORTED_HIT:
                return self._walked(data)
            else:
                room = count
        hits = hits[:count]
        if self._leftmost:
            return _leftmost_longest(hits)
        return _tuples(hits[np.lexsort((hits[:, 2], hits[:, 1], hits[:, 0]))])

    def _walked(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the leftmost-longest hits of a text that is full of overlapping ones."""
        room = _ROOM + len(data) // _BYTES_A_SORTED_HIT
        while True:
            hits = np.empty((room, 3), np.int64)
            count = _walk(self._header, hits.ctypes.data, room, data)
            if count <= room:
                return _tuples(hits[:count])
            room = count

    def contains(self, data: bytes) -> bool:
        """Return whether there is any hit."""
        return self.probe(data) != NOTHING

    def first(self, data: bytes) -> tuple[int, int, int] | None:
        """Return the leftmost hit, of those that begin there the longest; None without."""
        at = self.probe(data)
        if at == NOTHING:
            return None
        # The leftmost hit begins no earlier than the longest pattern before `at`, and ends no later than the longest
        # two patterns after the batch or block that begins there. Beyond that, whether a hit touches a word may depend
        # on what is cut off: such hits are told by their place.
        reach = max(BATCH_BYTES, chains.BLOCK_BYTES, chains.BLOCK_LONGEST * self._longest)
        begin = max(0, at - 2 * self._longest - _LONGEST_CHARACTER)
        near = data[begin : at + reach + 4 * self._longest + _LONGEST_CHARACTER]
        least = _LONGEST_CHARACTER if begin else 0
        hits = (hit for hit in self.collect(near, 0) if hit[0] >= least)
        start, end, pattern = min(hits, key=lambda hit: (hit[0], -hit[1], hit[2]))
        return start + begin, end + begin, pattern

    def step(self, data: bytes, start_at: int, limit: int, *, final: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the hits that are decided in the held part of a stream, and where the undecided part begins.

        Args:
            data: what is held, after `start_at` bytes that have been released.
            start_at: how many those are.
            limit: a hit that ends behind it is not decided yet.
            final: whether the stream ends with this; `limit` is the length of `data` then.
        """
        decided = _step(data, self._header, start_at, limit, final, 0, 0)
        if decided != NOTHING:
            return [], decided
        found = np.empty(1 + 2 * _STREAM_ROOM, np.int64)
        spans: list[tuple[int, int]] = []
        while True:
            decided = _step(data, self._header, start_at, limit, final, found.ctypes.data, _STREAM_ROOM)
            count = int(found[0])
            rows = found[1 : 1 + 2 * count].reshape(count, 2)
            spans += zip(rows[:, 0].tolist(), rows[:, 1].tolist(), strict=True)
            if count < _STREAM_ROOM:
                return spans, decided
            start_at = spans[-1][1]


def warm() -> None:
    """Call everything once; it was compiled when this module was imported."""
    for match in ("leftmost_longest", "overlapping"):
        patterns = make_patterns(["warm", "up"], caseless=True, whole_words=True, match=match, fold=None)
        searcher = Searcher(patterns)
        searcher.search(b"warm")
        searcher.step(b"warm", 0, 4, final=True)


def _leftmost_longest(hits: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    ordered = _tuples(hits[np.lexsort((hits[:, 2], -hits[:, 1], hits[:, 0]))])
    chosen = []
    free = 0
    for hit in ordered:
        if hit[0] >= free:
            chosen.append(hit)
            free = hit[1]
    return chosen


def _tuples(hits: NDArray[np.int64]) -> list[Any]:
    return list(zip(*(column.tolist() for column in hits.T), strict=True))
