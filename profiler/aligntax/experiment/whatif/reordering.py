"""Guards that run one after the other, in another order: the same time unless one of them blocks, then less or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import combinations, pairwise
from statistics import fmean

from aligntax.experiment.whatif.pieces import Piece, Work, in_order
from aligntax.trace import Layer, Verdict

__all__ = ["Series", "observe_series", "reordered"]

Run = tuple[Piece, ...]
"""The pieces of a guard in one request, sorted; never empty."""


@dataclass(frozen=True, slots=True)
class Series:
    """Guards in series as they were seen in many requests.

    Attributes:
        order: their names, in the order in which they run.
        lengths_ns: by name, the mean time of those calls that there were.
        layers: by name.
    """

    order: tuple[str, ...]
    lengths_ns: dict[str, float]
    layers: dict[str, Layer]


def observe_series(works: Iterable[Work], guards: Sequence[str]) -> Series:
    """Return how guards ran in many requests: what stands in for calls that a block prevented.

    Raises:
        ValueError: if one of them ran in none of the requests.
    """
    ahead: Counter[tuple[str, str]] = Counter()
    lengths_ns: dict[str, list[int]] = {name: [] for name in guards}
    layers: dict[str, Layer] = {}
    for work in works:
        found = [(*_bounds(run), name) for name in guards if (run := _run_of(work, name))]
        for first_ns, last_ns, name in found:
            lengths_ns[name].append(last_ns - first_ns)
        ahead.update((one, other) for (_, _, one), (_, _, other) in combinations(sorted(found), 2))
        layers |= work.guards
    never = next((name for name in guards if not lengths_ns[name]), None)
    if never is not None:
        raise ValueError(f"{never} ran in no request, so nobody knows how long it takes; leave it out of the order")

    def compare(one: str, other: str) -> int:
        # Only requests in which both ran can tell: means over all would mix those that were blocked with the others.
        return ahead[other, one] - ahead[one, other]

    return Series(
        tuple(sorted(guards, key=cmp_to_key(compare))),
        {name: fmean(lengths_ns[name]) for name in guards},
        layers,
    )


def reordered(work: Work, order: Sequence[str], series: Series) -> Work:
    """Return a request with guards in another order.

    They swap places; what lies between the places stays there. Where one of them ended the request with a block, those
    that come ahead of it now have run, and those behind it have not. Of one that had not run then nobody knows what it
    would have said: it is taken to let the request pass, in its mean time.

    Args:
        work: the request.
        order: the guards in the new order.
        series: how they were seen to run.

    Raises:
        ValueError: if one of them overlaps anything else, or the model runs within or between them.
    """
    places = _places(work, order)
    if not places:
        return work
    ran = [name for name in order if name in places]
    if not work.trace.outcome.comparable:
        # The block kept those from running that come behind the last that ran; any other had its reasons.
        reached = max(series.order.index(name) for name in ran)
        ran = [name for name in order if name in places or series.order.index(name) > reached]
    blocker = _blocker(work, places)
    ran = ran[: len(places)] if blocker is None else ran[: ran.index(blocker) + 1]
    runs = [places.get(name) or _stand_in(work, name, series) for name in ran]
    return _in_places(work, sorted(places.values(), key=_bounds), runs, ends=blocker is not None)


def _in_places(work: Work, places: Sequence[Run], runs: Sequence[Run], *, ends: bool) -> Work:
    """Put runs into the places of others, in order; `ends` says that the request ends with the last of them."""
    placed = {id(piece) for place in places for piece in place}
    others = [piece for piece in work.pieces if id(piece) not in placed]
    moved: list[Piece] = []
    observed_ns = now_ns = work.trace.start_ns
    for index, run in enumerate(runs):
        if index < len(places):
            first_ns, last_ns = _bounds(places[index])
            ahead = [piece for piece in others if piece.end_ns <= first_ns]
            moved += _shifted(ahead, now_ns - observed_ns)
            others = others[len(ahead) :]
            now_ns += first_ns - observed_ns
            observed_ns = last_ns
        first_ns, last_ns = _bounds(run)
        moved += _shifted(run, now_ns - first_ns)
        now_ns += last_ns - first_ns
    if ends:
        end_ns = now_ns + work.end_ns - work.last_end_ns
    else:
        moved += _shifted(others, now_ns - observed_ns)
        end_ns = work.end_ns + now_ns - observed_ns
    return Work(work.trace, end_ns, in_order(moved), work.covered)


def _places(work: Work, order: Sequence[str]) -> dict[str, Run]:
    """Return, by guard, the pieces of those that ran; each is alone while it runs, and the model is not among them."""
    places = {name: run for name in order if (run := _run_of(work, name))}
    if not places:
        return places
    for name, run in places.items():
        first_ns, last_ns = _bounds(run)
        mine = {id(piece) for piece in run}
        for piece in work.pieces:
            if id(piece) not in mine and piece.start_ns < last_ns and piece.end_ns > first_ns:
                raise ValueError(
                    f"{name} and {piece.layer.name} overlap in a recorded request; only guards that run one after the "
                    f"other can change places: leave {name} out of the order"
                )
    bounds = sorted((*_bounds(run), name) for name, run in places.items())
    nested = next((pair for pair in pairwise(bounds) if pair[0][1] > pair[1][0]), None)
    if nested is not None:
        raise ValueError(f"{nested[0][2]} calls {nested[1][2]}; only guards that do not nest can change places")
    first_ns, last_ns = bounds[0][0], bounds[-1][1]
    model = next((piece for piece in work.pieces if piece.is_model and first_ns < piece.end_ns <= last_ns), None)
    if model is not None:
        names = ", ".join(places)
        raise ValueError(f"{model.layer.name} runs between {names}; only guards on one side of it can change places")
    return places


def _blocker(work: Work, places: dict[str, Run]) -> str | None:
    """Return which of the guards ended the request with a block, if one did."""
    if work.trace.outcome.comparable:
        return None
    for name, run in places.items():
        _, last_ns = _bounds(run)
        if last_ns == work.last_end_ns and work.says(name, Verdict.BLOCK):
            return name
    return None


def _run_of(work: Work, name: str) -> Run:
    return tuple(piece for piece in work.pieces if piece.belongs_to(name))


def _stand_in(work: Work, name: str, series: Series) -> Run:
    start_ns = work.trace.start_ns
    return (Piece(start_ns, start_ns + round(series.lengths_ns[name]), series.layers[name], Verdict.ALLOW),)


def _bounds(run: Run) -> tuple[int, int]:
    return run[0].start_ns, max(piece.end_ns for piece in run)


def _shifted(pieces: Iterable[Piece], by_ns: int) -> list[Piece]:
    return [piece._replace(start_ns=piece.start_ns + by_ns, end_ns=piece.end_ns + by_ns) for piece in pieces]
