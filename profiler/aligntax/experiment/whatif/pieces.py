"""A request in pieces of own time, and how it would have gone had some of them been shorter, or been waited for later.

What happened before what is inferred as everywhere (see `aligntax.attribution.replay`): a piece starts when all that
were observed to end before it have ended, plus the gap that was observed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from aligntax.attribution.replay import order
from aligntax.attribution.timeline import WorkItem, flatten
from aligntax.trace import Layer, Span, Trace, Verdict

__all__ = ["Piece", "Work", "in_order", "put_together", "retimed", "take_apart"]

_RELEASING = ("stream", "output")


class Piece(NamedTuple):
    """A stretch of time in which a layer itself worked.

    Attributes:
        start_ns, end_ns: on the trace's clock.
        layer: whose time this is.
        verdict: what its call returned, on the last piece of the call; None on the others.
        within: names of the guards from whose calls this one was made.
    """

    start_ns: int
    end_ns: int
    layer: Layer
    verdict: Verdict | None = None
    within: frozenset[str] = frozenset()

    @property
    def length_ns(self) -> int:
        """How long it took."""
        return self.end_ns - self.start_ns

    @property
    def is_model(self) -> bool:
        """Whether the model worked, and not a guard."""
        return self.layer.kind == "model"

    def belongs_to(self, guard: str) -> bool:
        """Whether it is a call of `guard`, or a guard's call that was made by one."""
        return not self.is_model and (self.layer.name == guard or guard in self.within)


@dataclass(frozen=True, slots=True)
class Work:
    """What one request did, in pieces that do not nest.

    Attributes:
        trace: where it comes from: its start, outcome, model and identifier.
        end_ns: when the request ended.
        pieces: sorted by start, then end, then name.
        covered: calls that the calls within them cover wholly: of length zero, and there only for what they said.
    """

    trace: Trace
    end_ns: int
    pieces: tuple[Piece, ...]
    covered: tuple[Piece, ...] = ()

    @property
    def guards(self) -> dict[str, Layer]:
        """The guards that ran, by name."""
        return {piece.layer.name: piece.layer for piece in (*self.pieces, *self.covered) if not piece.is_model}

    def says(self, guard: str, verdict: Verdict) -> bool:
        """Whether a guard, or one that it called, returned a verdict."""
        calls = (*self.pieces, *self.covered)
        return any(piece.verdict is verdict and piece.belongs_to(guard) for piece in calls)

    @property
    def model_end_ns(self) -> int | None:
        """When the model had ended; None where it did not run."""
        return max((piece.end_ns for piece in self.pieces if piece.is_model), default=None)

    @property
    def last_end_ns(self) -> int:
        """When the last piece had ended; the request's start where there is none."""
        return max((piece.end_ns for piece in self.pieces), default=self.trace.start_ns)


def take_apart(trace: Trace) -> Work:
    """Return the pieces of a request: what the calls within a call do not cover is its own.

    Raises:
        ValueError: for whatever `aligntax.attribution.timeline.flatten` refuses.
    """
    spans = trace.spans
    # Each span becomes a layer of its own, so that every piece says which span it is of.
    apart = (span._replace(layer=Layer(f"{index:09}", span.layer.kind)) for index, span in enumerate(spans))
    pieces: list[Piece] = []
    last_of: dict[int, int] = {}
    for start_ns, end_ns, owner, _ in flatten(replace(trace, spans=tuple(apart))).items:
        index = int(owner)
        before = last_of.get(index)
        if before is None or end_ns >= pieces[before].end_ns:
            last_of[index] = len(pieces)
        pieces.append(Piece(start_ns, end_ns, spans[index].layer, None, _around(spans, index)))
    covered = []
    for index, span in enumerate(spans):
        if index in last_of:
            pieces[last_of[index]] = pieces[last_of[index]]._replace(verdict=span.verdict)
        elif trace.start_ns <= span.settled_ns and span.start_ns <= trace.end_ns:
            at_ns = min(span.settled_ns, trace.end_ns)
            covered.append(Piece(at_ns, at_ns, span.layer, span.verdict, _around(spans, index)))
    return Work(trace, trace.end_ns, in_order(pieces), tuple(covered))


def put_together(work: Work) -> Trace:
    """Return a request's pieces as a trace, each a span at the top; attributed, it gives the same numbers."""
    spans = tuple(Span(piece.layer, piece.start_ns, piece.end_ns, piece.verdict) for piece in work.pieces)
    return replace(work.trace, end_ns=work.end_ns, spans=spans)


def retimed(work: Work, lengths_ns: Sequence[int | None], beside: Mapping[int, str] | None = None) -> Work:
    """Replay a request with pieces of other lengths.

    Args:
        work: the request.
        lengths_ns: how long each of its pieces takes now; None for one that is left out.
        beside: by index, the pieces that no longer hold up what comes after them, and the guard to which each
            belongs; the pieces of one guard still follow each other. What came after such a piece comes after its
            start, except for the release: that is a guard of the stream or the output, or any that ran after the
            model, or the end of the request. For a guard that itself ran after the model it is the end.

    Returns:
        The request as it would have gone. All other gaps are as they were observed.
    """
    beside = beside or {}
    pieces, model_end_ns = work.pieces, work.model_end_ns
    items = [WorkItem(piece.start_ns, piece.end_ns, piece.layer.name, piece.is_model) for piece in pieces]
    happened = order(items)
    observed_ns = latest_ns = work.trace.start_ns
    latest_of = dict.fromkeys(beside.values(), latest_ns)
    awaited_ns = latest_ns  # when those that run beside the model, and have not been waited for, will have ended
    starts_ns: list[int] = []
    ends_ns: list[int] = []
    passed_ns: list[int] = []  # when what comes after a piece, and does not wait for it, may start
    for index, (piece, ended) in enumerate(zip(pieces, happened.ended, strict=True)):
        for before in ended:
            observed_ns = max(observed_ns, pieces[before].end_ns)
            latest_ns = max(latest_ns, passed_ns[before])
            if before not in beside:
                continue
            latest_of[beside[before]] = max(latest_of[beside[before]], ends_ns[before])
            if not _is_after(pieces[before], model_end_ns):
                awaited_ns = max(awaited_ns, ends_ns[before])
        if index not in beside and _releases(piece, model_end_ns):
            latest_ns = max(latest_ns, awaited_ns)
        gap_ns = piece.start_ns - observed_ns
        ready_ns = max(latest_ns, latest_of[beside[index]]) if index in beside else latest_ns
        starts_ns.append(ready_ns + gap_ns)
        ends_ns.append(starts_ns[-1] + (lengths_ns[index] or 0))
        passed_ns.append(latest_ns + gap_ns if index in beside else ends_ns[-1])
    end_ns = max(ends_ns, default=work.trace.start_ns) + work.end_ns - work.last_end_ns
    moved = (
        piece._replace(start_ns=start_ns, end_ns=piece_end_ns)
        for piece, length_ns, start_ns, piece_end_ns in zip(pieces, lengths_ns, starts_ns, ends_ns, strict=True)
        if length_ns is not None
    )
    return Work(work.trace, end_ns, in_order(moved), work.covered)


def _is_after(piece: Piece, model_end_ns: int | None) -> bool:
    return model_end_ns is not None and piece.start_ns >= model_end_ns


def _releases(piece: Piece, model_end_ns: int | None) -> bool:
    return not piece.is_model and (piece.layer.stage in _RELEASING or _is_after(piece, model_end_ns))


def _around(spans: Sequence[Span], index: int) -> frozenset[str]:
    names = set()
    parent = spans[index].parent
    while parent is not None:
        if spans[parent].layer.kind == "guard":
            names.add(spans[parent].layer.name)
        parent = spans[parent].parent
    return frozenset(names)


def in_order(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return pieces sorted by start, then end, then name."""
    return tuple(sorted(pieces, key=lambda piece: (piece.start_ns, piece.end_ns, piece.layer.name, piece.is_model)))
