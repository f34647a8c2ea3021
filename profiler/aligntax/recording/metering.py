"""Sampled requests: the CPU time of every call in them, and what recording it cost.

Reading a thread's CPU clock is a system call, several times dearer than the wall clock. It is therefore read in a
random share of the requests only. Every request has the same chance, so that dividing by the share gives an unbiased
estimate of the total; and in a sampled request every layer is read, so that nested layers can be told apart.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from aligntax.clock import Clock
from aligntax.recording.scope import Live, Reading, Recording, last_span

CALIBRATION_ROUNDS = 101


class _Nested(threading.local):
    """CPU time that calls nested in the one that runs on this thread have taken so far."""

    inner_ns = 0


class CpuTime:
    """Takes the CPU time of a piece of work on the calling thread, without that of work nested inside of it.

    What reading the clock costs by itself is measured once, on nothing, and taken off every reading.
    """

    def __init__(self, cpu_clock: Clock) -> None:
        self._clock = cpu_clock
        self._nested = _Nested()
        self._nothing_ns = 0
        self._nothing_ns = int(statistics.median(self.stop(self.start()) for _ in range(CALIBRATION_ROUNDS)))

    def start(self) -> tuple[int, int]:
        """Begin; hand what this returns to `stop`."""
        outer_ns, self._nested.inner_ns = self._nested.inner_ns, 0
        return outer_ns, self._clock()

    def stop(self, started: tuple[int, int]) -> int:
        """Return the nanoseconds since `started`, nested work left out."""
        outer_ns, start_ns = started
        total_ns = self._clock() - start_ns
        own_ns = total_ns - self._nested.inner_ns
        self._nested.inner_ns = outer_ns + total_ns
        return own_ns - self._nothing_ns

    def leave_out(self, ns: int) -> None:
        """Leave so much more out of what the work that goes on around this has taken on this thread."""
        self._nested.inner_ns += ns


class Meter:
    """Puts an outer pair of clock reads around a timed call: what lies between the pairs is the instrument's cost.

    Attributes:
        cpu: takes CPU time.
        reading_ns: what metering one call adds to a sampled request, measured on nothing.
    """

    def __init__(self, current: Callable[[], Live], clock: Clock, cpu_clock: Clock) -> None:
        self._current = current
        self._clock = clock
        self.cpu = CpuTime(cpu_clock)
        gaps, readings = [], []
        for _ in range(CALIBRATION_ROUNDS):
            begin_ns = clock()
            started = self.cpu.start()
            before_ns = clock()
            gaps.append(clock() - before_ns)
            self.cpu.stop(started)
            readings.append(clock() - begin_ns)
        self._gap_ns = int(statistics.median(gaps))
        self.reading_ns = int(statistics.median(readings))
        self._outside_ns = 0
        self._outside_ns = self._cpu_outside_of_a_reading()

    def _cpu_outside_of_a_reading(self) -> int:
        """Return what metering a call, before and after its own reading, costs the call that it is nested in, in ns."""
        recording = Recording(CALIBRATION_ROUNDS + 1, metered=True, model=None, trace_id=None)
        live, clock = recording.root, self._clock

        def nothing() -> None:
            start_ns = clock()
            live.extend((start_ns, clock(), 0))

        metered = self.around(nothing, lambda: live)
        costs = []
        for _ in range(CALIBRATION_ROUNDS):
            started = self.cpu.start()
            metered()
            costs.append(self.cpu.stop(started))
        return int(statistics.median(costs))

    def around(self, timed: Callable[..., Any], current: Callable[[], Live] | None = None) -> Callable[..., Any]:
        """Return what a wrapper hands a call of a metered request to."""
        current = current or self._current
        clock, start, stop, note = self._clock, self.cpu.start, self.cpu.stop, self.note

        def metered(*args: Any, **kwargs: Any) -> Any:
            live = current()
            started = start()
            before_ns = clock()
            try:
                return timed(*args, **kwargs)
            finally:
                after_ns = clock()
                note(live, before_ns, after_ns, stop(started))

        return metered

    def around_async(self, timed: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        """Return the same for a coroutine function: CPU time counts while the coroutine runs, not while it waits."""
        current, clock, note = self._current, self._clock, self.note

        async def metered(*args: Any, **kwargs: Any) -> Any:
            live = current()
            before_ns = clock()
            steps = CpuSteps(timed(*args, **kwargs), self.cpu)
            try:
                return await steps
            finally:
                note(live, before_ns, clock(), steps.spent_ns)

        return metered

    def note(self, live: Live, before_ns: int, after_ns: int, cpu_ns: int) -> None:
        """Book CPU time, and the time around the span, on the span that this thread appended to `live` last.

        The time around the span was the instrument's, and it kept the processor busy: it is no CPU time of the layer.
        """
        span = last_span(live, before_ns)
        if live.recording is not None and span is not None:
            spans, position = span
            own_ns = max(0, (after_ns - before_ns) - (spans[position + 1] - spans[position]) - self._gap_ns)
            live.recording.meters.append(Reading(spans, position, max(0, cpu_ns - own_ns), own_ns))
        self.cpu.leave_out(self._outside_ns)


class CpuSteps:
    """Awaits a coroutine step by step and adds up the CPU time that its thread spends inside of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], cpu: CpuTime) -> None:
        self._coroutine = coroutine
        self._cpu = cpu
        self.spent_ns = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine = self._coroutine
        step: Callable[[], Any] = partial(coroutine.send, None)
        # An exception must not be held by what its traceback holds: this frame, and the frames of those that await it.
        del self._coroutine
        try:
            while True:
                started = self._cpu.start()
                try:
                    waited_for = step()
                except StopIteration as stop:
                    return stop.value
                finally:
                    del step
                    self.spent_ns += self._cpu.stop(started)
                try:
                    answer = yield waited_for
                except BaseException as error:
                    step = partial(coroutine.throw, error)
                else:
                    step = partial(coroutine.send, answer)
        finally:
            del coroutine
