"""Sampled requests: the CPU time of every call in them, and what recording it cost.

Reading a thread's CPU clock is a system call, several times dearer than the wall clock. It is therefore read in a
random share of the requests only. Every request has the same chance, so that dividing by the share gives an unbiased
estimate of the total; and in a sampled request every layer is read, so that nested layers can be told apart.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Coroutine, Generator
from functools import cached_property, partial
from typing import Any, NamedTuple

from aligntax.clock import Clock
from aligntax.recording.scope import Live, Reading, last_position


class _Nested(threading.local):
    """CPU time that calls nested in the one that runs on this thread have taken so far."""

    inner_ns = 0


class CpuTime:
    """Takes the CPU time of a piece of work on the calling thread, without that of work nested inside of it."""

    def __init__(self, cpu_clock: Clock) -> None:
        self._clock = cpu_clock
        self._nested = _Nested()

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
        return own_ns


class MeterCost(NamedTuple):
    """What metering costs by itself, in nanoseconds: measured on nothing, to be taken off what it reads on something.

    Attributes:
        gap_ns: what the outer clock reads show with nothing between them.
        cpu_ns: what the CPU clock reads show with only the outer clock reads between them.
        whole_ns: wall time of all four reads.
    """

    gap_ns: float
    cpu_ns: float
    whole_ns: float


class Meter:
    """Puts an outer pair of clock reads around a timed call: what lies between the pairs is the instrument's cost."""

    def __init__(self, current: Callable[[], Live], clock: Clock, cpu_clock: Clock) -> None:
        self._current = current
        self._clock = clock
        self.cpu = CpuTime(cpu_clock)

    @cached_property
    def cost(self) -> MeterCost:
        """What metering adds to every reading: the medians of a few hundred readings of nothing."""
        gaps, cpus, wholes = [], [], []
        for _ in range(301):
            begin_ns = self._clock()
            started = self.cpu.start()
            before_ns = self._clock()
            after_ns = self._clock()
            cpus.append(self.cpu.stop(started))
            wholes.append(self._clock() - begin_ns)
            gaps.append(after_ns - before_ns)
        return MeterCost(statistics.median(gaps), statistics.median(cpus), statistics.median(wholes))

    def around(self, timed: Callable[..., Any]) -> Callable[..., Any]:
        """Return what a wrapper hands a call of a metered request to."""
        current, clock, start, stop, note = self._current, self._clock, self.cpu.start, self.cpu.stop, self.note

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
        """Book CPU time, and the time around the span, on the span that this thread appended to `live` last."""
        position = last_position(live, before_ns)
        if live.recording is not None and position is not None:
            own_ns = (after_ns - before_ns) - (live[position + 1] - live[position])
            live.recording.meters.append(Reading(live, position, cpu_ns, own_ns))


class CpuSteps:
    """Awaits a coroutine step by step and adds up the CPU time that its thread spends inside of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], cpu: CpuTime) -> None:
        self._coroutine = coroutine
        self._cpu = cpu
        self.spent_ns = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            started = self._cpu.start()
            try:
                waited_for = step()
            except StopIteration as stop:
                return stop.value
            finally:
                self.spent_ns += self._cpu.stop(started)
            try:
                answer = yield waited_for
            except BaseException as error:
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, answer)
