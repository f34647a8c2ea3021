"""What a request looks like while it runs: flat lists of integers, one for each thread that works for it.

A span is three integers: start, end, code. `code` packs the rest, from the low bits: verdict, layer row, error type and
call number. Appending a tuple of integers to a list is atomic under the interpreter's lock, creates nothing that the
garbage collector tracks, and turns into an array in one pass.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from typing import NamedTuple, Protocol

from aligntax.ledger_fields import DROP_REASONS, VERDICTS
from aligntax.recording.chunks import ChunkTimes
from aligntax.trace import Outcome, Verdict

FIELDS = 3
VERDICT_MASK = 0xF
LAYER_SHIFT, LAYER_MASK = 4, 0xFFFF
ERROR_SHIFT, ERROR_MASK = 20, 0xFF
CALL_SHIFT = 28
CALL_LIMIT = 1 << 34
GOES_ON = VERDICT_MASK
"""Stands for a verdict on all but the last run of a stream: the call has not ended yet."""

CODE_OF = {verdict: code for code, verdict in enumerate(VERDICTS)}


class Live(list[int]):
    """The spans that one thread has gathered so far in one scope of a running request, as flat integers.

    Attributes:
        room: how many integers it may hold; negative once the request has ended.
        metered: whether calls in this request also have their CPU time and the instrument's own cost taken.
        bits: the number of the call that opened this scope, shifted to its place in `code`; 0 for the request itself.
        recording: the request; None for the scope of calls that belong to no request.
        strand: the thread whose spans these are, by its identity.
        sealed: how many integers it held when the request ended. A thread that had found room just before may still
            append behind them: those are late, and counted as lost.
    """

    __slots__ = ("bits", "metered", "recording", "room", "sealed", "strand")

    def __init__(self, recording: Recording | None, room: int, metered: bool, bits: int, strand: int) -> None:
        self.recording = recording
        self.room = room
        self.metered = metered
        self.bits = bits
        self.strand = strand
        self.sealed = 0

    def seal(self) -> None:
        """Turn away every span that arrives from now on."""
        self.room = -1
        self.sealed = len(self)


class PendingWork(Protocol):
    """Work on a GPU that goes on after the call that launched it has returned."""

    @property
    def interval_ns(self) -> tuple[int, int] | None:
        """When it ran, on the profiler's clock; None as long as that is not known, or if it cannot be known."""
        ...

    def settled(self) -> bool:
        """Return whether there is nothing more to wait for. Never blocks and never raises."""
        ...


class Launch(NamedTuple):
    """GPU work that one span left behind: the span's scope and position, the work, and the device that does it."""

    live: Live
    position: int
    work: PendingWork
    device: str


class Reading(NamedTuple):
    """What was metered of one span: its scope and position, its CPU time and what recording it cost, in ns."""

    live: Live
    position: int
    cpu_ns: int
    own_ns: int


class Recording:
    """One request from its start until the drain has read it.

    Attributes:
        root: spans made directly in the request, by the thread that opened it.
        scopes: the spans made inside of layers that can be suspended, and on other threads.
        foreign: those of `scopes` that stand in for another one on another thread, by that one and the thread.
        meters: what was metered of each span, in sampled requests.
        launches: GPU work that spans left behind.
        open_calls: layer row of each suspended or streaming call in progress, by call number.
        closed_ints: integers held by scopes that have been left; what the request may still hold is less by them.
        overhead_ns: what opening and closing the request cost; 0 where not metered.
        chunks: the times of a streamed answer; None where nothing was streamed.
    """

    __slots__ = (
        "chunks",
        "closed_ints",
        "end_ns",
        "ended",
        "error",
        "foreign",
        "launches",
        "meters",
        "model",
        "open_calls",
        "outcome",
        "overhead_ns",
        "root",
        "scopes",
        "start_ns",
        "trace_id",
    )

    def __init__(self, max_spans: int, metered: bool, model: str | None, trace_id: str | None) -> None:
        self.root = Live(self, FIELDS * max_spans, metered, 0, get_ident())
        self.scopes: list[Live] = []
        self.foreign: dict[tuple[int, int], Live] = {}
        self.meters: list[Reading] = []
        self.launches: list[Launch] = []
        self.closed_ints = 0
        self.open_calls: dict[int, int] = {}
        self.start_ns = 0
        self.end_ns = 0
        self.ended = False
        self.overhead_ns = 0
        self.chunks: ChunkTimes | None = None
        self.outcome: Outcome | None = None
        self.error: Verdict | None = None
        self.model = model
        self.trace_id = trace_id

    def seal(self) -> None:
        """Turn away every span that arrives from now on."""
        self.ended = True
        self.root.seal()
        for scope in self.scopes:
            scope.seal()

    def late_spans(self) -> int:
        """Return how many spans came after the request had ended, from threads that had found room just before."""
        late = len(self.root) - self.root.sealed
        for scope in self.scopes:
            late += len(scope) - scope.sealed
        return late // FIELDS


def last_span(live: Live, not_before_ns: int) -> tuple[Live, int] | None:
    """Return where the span is that the calling thread appended last in a scope, if it started no earlier than told.

    In a full or sealed list the thread's last span may have found no room, and the one before it may have been nested
    inside of it: then there is no telling.
    """
    strand = get_ident()
    if live.strand != strand and live.recording is not None:
        live = live.recording.foreign.get((id(live), strand), live)
    position = len(live) - FIELDS
    if live.strand != strand or position < 0 or len(live) >= live.room or live[position] < not_before_ns:
        return None
    return live, position


class Drops:
    """Counts what was lost, by reason; any thread may count. Off the hot path, so a lock is good enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(DROP_REASONS, 0)

    def count(self, reason: str, by: int = 1) -> None:
        """Add `by` lost observations."""
        with self._lock:
            self._counts[reason] += by

    def take(self) -> list[int]:
        """Return the counts since the last call, in the order of `DROP_REASONS`."""
        with self._lock:
            counts = list(self._counts.values())
            self._counts = dict.fromkeys(DROP_REASONS, 0)
        return counts

    def forget_threads(self) -> None:
        """Replace the lock after a fork, which may have happened while another thread held it."""
        self._lock = threading.Lock()
