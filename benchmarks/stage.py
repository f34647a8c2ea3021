"""Layers that know themselves how long they took, and the time in which they do so.

Each layer notes when it starts and ends, from inside of its own body; each call site notes the same from around the
call. What a profiler measures lies between the two, whatever the machine does meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar

Clock = Callable[[], int]
Result = TypeVar("Result")


class Interval(NamedTuple):
    """From start to end, in nanoseconds on the stage's clock."""

    start_ns: int
    end_ns: int


View = Mapping[str, Sequence[Interval]]
"""By layer name, the intervals that were noted, in the order in which they ended."""


class Passing(Protocol):
    """How time passes: really, or as a test says."""

    clock: Clock

    def spin(self, length_ns: int) -> None:
        """Let time pass with the processor busy."""
        ...

    def sleep(self, length_ns: int) -> None:
        """Let time pass without the processor."""
        ...

    def together(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run every job on a thread of its own, all at once, and return when the last has ended."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine, on an event loop whose timers follow the clock."""
        ...


class RealTime:
    """Time as it passes on this machine. A context manager: its threads and its event loop end with it."""

    def __init__(self, threads: int = 3) -> None:
        self.clock: Clock = time.perf_counter_ns
        self._threads = ThreadPoolExecutor(threads)
        self._runner = asyncio.Runner()

    def spin(self, length_ns: int) -> None:
        """Keep the processor busy."""
        end_ns = self.clock() + length_ns
        while self.clock() < end_ns:
            pass

    def sleep(self, length_ns: int) -> None:
        """Leave the processor to others."""
        time.sleep(length_ns / 1e9)

    def together(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run the jobs on pooled threads; raises what a job raised."""
        for future in [self._threads.submit(job) for job in jobs]:
            future.result()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the one event loop that all requests share, as a server's do."""
        return self._runner.run(coroutine)

    def __enter__(self) -> RealTime:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        self._runner.close()


class Stage:
    """Where one scenario is played: its time, and what its layers noted of the current request.

    A note is one clock read and one append, nothing else: what lies between a layer's note and its span counts as the
    profiler's error.

    Attributes:
        passing: how time passes.
        unit_ns: what one unit of a layer's length takes.
    """

    def __init__(self, passing: Passing, unit_ns: int) -> None:
        self.passing = passing
        self.unit_ns = unit_ns
        self._inside: dict[str, list[int]] = {}
        self._around: dict[str, list[int]] = {}

    @property
    def inside(self) -> View:
        """What the layers noted from inside."""
        return _view(self._inside)

    @property
    def around(self) -> View:
        """What the call sites noted from around the calls."""
        return _view(self._around)

    def marks_inside(self, name: str) -> list[int]:
        """Return the list to which layer `name` appends the clock, first thing in its body and last."""
        return self._inside.setdefault(name, [])

    def marks_around(self, name: str) -> list[int]:
        """Return the list to which the call site of layer `name` appends the clock, before and after the call."""
        return self._around.setdefault(name, [])

    def clear(self) -> None:
        """Forget the notes of the last request."""
        for marks in (*self._inside.values(), *self._around.values()):
            marks.clear()

    def spin(self, units: int) -> None:
        """Spin for `units`."""
        self.passing.spin(units * self.unit_ns)

    def sleep(self, units: int) -> None:
        """Sleep for `units`."""
        self.passing.sleep(units * self.unit_ns)

    async def pause(self, units: int) -> None:
        """Let other tasks run for `units`."""
        await asyncio.sleep(units * self.unit_ns / 1e9)


def _view(marks: Mapping[str, Sequence[int]]) -> View:
    return {name: [Interval(*pair) for pair in zip(each[::2], each[1::2], strict=True)] for name, each in marks.items()}
