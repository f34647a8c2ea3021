"""The attribution of a request, once more: slow, obvious and by the definitions only.

Nothing of `aligntax.attribution` is used here. Predecessors are found pair by pair, the whole request is replayed
for every set of guards, and Shapley values are averages over all orders of joining.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import chain, combinations, permutations
from typing import NamedTuple

from aligntax.trace import Trace


class Piece(NamedTuple):
    start: int
    end: int
    name: str
    is_model: bool


def clipped(trace: Trace, index: int) -> tuple[int, int] | None:
    span = trace.spans[index]
    start, end = max(span.start_ns, trace.start_ns), min(span.settled_ns, trace.end_ns)
    return (start, end) if start <= end else None


def subtract(pieces: list[tuple[int, int]], hole: tuple[int, int]) -> list[tuple[int, int]]:
    left = []
    for start, end in pieces:
        if hole[1] <= start or hole[0] >= end:
            left.append((start, end))
            continue
        if start < hole[0]:
            left.append((start, hole[0]))
        if hole[1] < end:
            left.append((hole[1], end))
    return left


def pieces(trace: Trace) -> list[Piece]:
    found = []
    for index, span in enumerate(trace.spans):
        interval = clipped(trace, index)
        own = [interval] if interval else []
        for child, other in enumerate(trace.spans):
            hole = clipped(trace, child)
            if other.parent == index and hole:
                own = subtract(own, hole)
        found += [Piece(start, end, span.layer.name, span.layer.kind == "model") for start, end in own]
    return sorted(found)


def busy(trace: Trace) -> dict[str, int]:
    total = {span.layer.name: 0 for span in trace.spans}
    for index, span in enumerate(trace.spans):
        interval = clipped(trace, index)
        left = [interval] if interval else []
        above = span.parent
        while above is not None:
            hole = clipped(trace, above)
            if trace.spans[above].layer.name == span.layer.name and hole:
                left = subtract(left, hole)
            above = trace.spans[above].parent
        total[span.layer.name] += sum(end - start for start, end in left)
    return total


def predecessors(work: list[Piece], index: int) -> list[int]:
    return [earlier for earlier in range(index) if work[earlier].end <= work[index].start]


def replay(work: list[Piece], start: int, end: int, present: Iterable[str]) -> int:
    """T(S): the duration of the request with the guards in `present` only."""
    guards = set(present)
    replayed: list[int] = []
    for index, piece in enumerate(work):
        before = predecessors(work, index)
        observed = max((work[earlier].end for earlier in before), default=start)
        begin = max((replayed[earlier] for earlier in before), default=0) + piece.start - observed
        runs = piece.is_model or piece.name in guards
        replayed.append(begin + (piece.end - piece.start if runs else 0))
    return max(replayed, default=0) + end - max((piece.end for piece in work), default=start)


def critical(work: list[Piece], start: int, end: int) -> tuple[dict[str, int], int]:
    """Time on the critical path by layer, and the gaps on it."""

    def binds(index: int) -> tuple[int, bool, int, int]:
        return (work[index].end, work[index].is_model, -work[index].start, -index)

    booked: dict[str, int] = {}
    gaps = 0
    until = end
    candidates = list(range(len(work)))
    while candidates:
        last = max(candidates, key=binds)
        gaps += until - work[last].end
        booked[work[last].name] = booked.get(work[last].name, 0) + work[last].end - work[last].start
        until = work[last].start
        candidates = predecessors(work, last)
    return booked, gaps + until - start


def shapley_by_orders(worth: Callable[[frozenset[str]], int], players: list[str]) -> dict[str, Fraction]:
    total = dict.fromkeys(players, 0)
    for joining in permutations(players):
        for position, player in enumerate(joining):
            total[player] += worth(frozenset(joining[: position + 1])) - worth(frozenset(joining[:position]))
    return {player: Fraction(added, math.factorial(len(players))) for player, added in total.items()}


def shapley_by_sets(worth: Callable[[frozenset[str]], int], players: list[str]) -> dict[str, Fraction]:
    sets = chain.from_iterable(combinations(players, size) for size in range(len(players) + 1))
    known = {frozenset(members): worth(frozenset(members)) for members in sets}
    share = dict.fromkeys(players, Fraction())
    for members, value in known.items():
        for player in set(players) - members:
            joins = Fraction(1, len(players) * math.comb(len(players) - 1, len(members)))
            share[player] += joins * (known[members | {player}] - value)
    return share


class Answer(NamedTuple):
    raw: int
    tax: int
    busy: dict[str, int]
    critical: dict[str, int]
    unattributed: int
    drag: dict[str, int]
    share: dict[str, Fraction]


def answer(trace: Trace) -> Answer:
    """Everything that `attribute` says about times, with shares that are not rounded."""
    work = pieces(trace)
    guards = sorted({span.layer.name for span in trace.spans if span.layer.kind == "guard"})
    lengths: dict[frozenset[str], int] = {}

    def length(present: frozenset[str]) -> int:
        if present not in lengths:
            lengths[present] = replay(work, trace.start_ns, trace.end_ns, present)
        return lengths[present]

    whole, raw = length(frozenset(guards)), length(frozenset())
    by = shapley_by_orders if len(guards) <= 5 else shapley_by_sets
    booked, gaps = critical(work, trace.start_ns, trace.end_ns)
    return Answer(
        raw=raw,
        tax=whole - raw,
        busy=busy(trace),
        critical=booked,
        unattributed=gaps,
        drag={guard: whole - length(frozenset(guards) - {guard}) for guard in guards},
        share=by(lambda present: length(present) - raw, guards),
    )
