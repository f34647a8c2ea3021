"""Appends spans to the request in whose context they end, and keeps the context variable that says which it is."""

from __future__ import annotations

import itertools
import logging
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import CodeType
from typing import Any

from aligntax.clock import Clock
from aligntax.ledger import Ledger
from aligntax.recording.metering import Meter
from aligntax.recording.scope import (
    CALL_LIMIT,
    CALL_SHIFT,
    CODE_OF,
    ERROR_SHIFT,
    FIELDS,
    LAYER_SHIFT,
    Drops,
    Live,
)
from aligntax.recording.taps import Tap
from aligntax.recording.verdicts import judge_error
from aligntax.trace import Verdict

logger = logging.getLogger("aligntax")


class Recorder:
    """What wrappers call: opens and closes scopes, appends spans, counts what has no place to go.

    Nothing here raises into the calls that are timed: a failure of the instrument is counted, logged once, and the call
    goes on.

    Args:
        clock, cpu_clock: wall clock, and CPU clock of the calling thread; nanoseconds.
        ledger: gives layers, error types and models their rows.
        max_spans: spans that one scope of a request may hold; more are counted as lost.

    Attributes:
        current: returns the scope that runs now; the same object, `orphan`, outside of every request.
        blocking: the layer of every wrapper that blocks its thread, by the identity of its code, to find it on a stack.
            Equal code of another wrapper, perhaps of another profiler, would pass for it, so the code is kept, too.
        chores: what the drain does before each run; devices need tending off the hot path.
        taps: where the wrappers of each layer call what they wrap, by the layer's row.
        kept: what adapters need once for all that they time, by a name of their own.
    """

    def __init__(self, clock: Clock, cpu_clock: Clock, ledger: Ledger, max_spans: int) -> None:
        self.clock = clock
        self.ledger = ledger
        self.max_spans = max_spans
        self.drops = Drops()
        self.orphan = Live(None, -1, metered=False, bits=0, strand=0)
        self.closed = False
        self.chores: list[Callable[[], None]] = []
        self.kept: dict[str, Any] = {}
        self.taps: dict[int, list[Tap]] = {}
        # One variable per profiler, as long-lived as it: several profilers may wrap the same call.
        self.variable: ContextVar[Live] = ContextVar("aligntax_live", default=self.orphan)
        self.current: Callable[[], Live] = self.variable.get
        self.meter = Meter(self.current, clock, cpu_clock)
        self.blocking: dict[int, tuple[int, CodeType]] = {}
        self._numbers = itertools.count(1)
        self._logged = False

    def bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that it runs in the request that is current now, in whatever thread it is called."""
        live = self.current()

        @wraps(function)
        def bound(*args: Any, **kwargs: Any) -> Any:
            token = self.variable.set(live)
            try:
                return function(*args, **kwargs)
            finally:
                self.variable.reset(token)

        return bound

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Leave the request that is current, if one is, for work that is no part of it."""
        outer = self.current()
        self.variable.set(self.orphan)
        try:
            yield
        finally:
            self.variable.set(outer)

    def next_bits(self) -> int:
        """Return a fresh call number, shifted to its place in a span's code."""
        return (next(self._numbers) % CALL_LIMIT) << CALL_SHIFT

    def scope(self, live: Live, bits: int) -> Live:
        """Return a new scope inside `live` for what happens during call `bits`; `live` itself where it has no room."""
        recording = live.recording
        if recording is None or len(live) >= live.room:
            return live
        room = FIELDS * self.max_spans - recording.closed_ints
        inner = Live(recording, max(0, room), live.metered, bits, get_ident())
        recording.scopes.append(inner)
        if live.room < 0:
            inner.room = -1  # the request ended meanwhile, and will not seal this scope
        return inner

    def enter(self, live: Live, row: int) -> Live:
        """Open a scope inside `live` for a call that can be suspended, and make it current."""
        inner = self.scope(live, self.next_bits())
        if inner.recording is not None and inner is not live:
            inner.recording.open_calls[inner.bits] = row
            self.variable.set(inner)
        return inner

    def leave(self, live: Live, inner: Live) -> None:
        """Close the scope that `enter` opened."""
        self.restore(live, inner)
        if inner.recording is not None and inner is not live:
            inner.recording.closed_ints += len(inner)
            inner.recording.open_calls.pop(inner.bits, None)

    def restore(self, live: Live, inner: Live) -> None:
        """Make `live` current again, unless something else has become current in between.

        Set and not reset: a context manager inside a generator may be closed in another context, where a token of the
        first is invalid and the variable none of our business.
        """
        if self.current() is inner and inner is not live:
            self.variable.set(live)

    def refuse(self, live: Live) -> None:
        """Count a span that has no place to go."""
        if live.recording is None:
            reason = "closed" if self.closed else "orphan_span"
        elif live.room < 0:
            reason = "late_span"
        else:
            reason = "trace_full"
        self.drops.count(reason)

    def elsewhere(self, live: Live) -> Live:
        """Return the list of the calling thread in a scope that another thread opened; `live` outside of a request."""
        recording, strand = live.recording, get_ident()
        if recording is None:
            return live
        mine = recording.foreign.get((id(live), strand))
        if mine is None:
            room = -1 if live.room < 0 else max(0, FIELDS * self.max_spans - recording.closed_ints)
            mine = recording.foreign[id(live), strand] = Live(recording, room, live.metered, live.bits, strand)
            recording.scopes.append(mine)
        if live.room < 0:
            mine.room = -1  # the request ended meanwhile, and may not have sealed this list
        return mine

    def record(self, live: Live, start_ns: int, end_ns: int, code: int) -> None:
        """Append one span to `live`, or count it as lost."""
        if get_ident() != live.strand:
            live = self.elsewhere(live)
        if len(live) < live.room:
            live += (start_ns, end_ns, code)
        else:
            self.refuse(live)

    def fail(self, row: int, live: Live, start_ns: int, end_ns: int, error: BaseException, bits: int) -> None:
        """Append the span of a call that raised."""
        try:
            verdict = judge_error(error)
            failed = verdict in {Verdict.ERROR, Verdict.TIMEOUT}
            kind = self.error_bits(type(error).__name__) if failed else 0
            self.record(live, start_ns, end_ns, (row << LAYER_SHIFT) | CODE_OF[verdict] | kind | bits)
        except Exception as own:
            self.drops.count("internal_error")
            self.complain("a failed call could not be recorded", own)

    def unknown_verdict(self, error: Exception) -> int:
        """Count a verdict that could not be told, and return the error that its call counts as, as part of a code."""
        self.drops.count("verdict_mapper")
        self.complain("the verdict of a call could not be told; it counts as an error", error)
        return CODE_OF[Verdict.ERROR] | self.error_bits("verdict_mapper")

    def error_bits(self, error_type: str) -> int:
        """Return an error type's row, shifted to its place in a span's code."""
        return (self.ledger.error_row(error_type) + 1) << ERROR_SHIFT

    def complain(self, what: str, error: BaseException) -> None:
        """Log the first failure of the instrument; later ones are only counted.

        The message of `error` may quote a prompt, so only its type is logged.
        """
        if not self._logged:
            self._logged = True
            logger.warning("aligntax: %s (%s); further failures are only counted", what, type(error).__name__)
