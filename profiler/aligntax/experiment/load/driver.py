"""The open loop: requests go out when they are due, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aligntax.clock import Clock, wall_clock
from aligntax.experiment.load.pace import Pace, Pacer
from aligntax.experiment.load.records import (
    CANCELLED,
    DROPPED,
    ERROR,
    TIMEOUT,
    Call,
    Reply,
    Target,
    Timing,
)

__all__ = ["Counts", "Limits", "Window", "drive"]

MAX_IN_FLIGHT = 10_000
MAX_ERROR_KINDS = 32
OTHER = "other"
_HEAD_START_NS = 5_000_000
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 5.0
_REPORT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """What a load may take.

    Attributes:
        in_flight: requests at a time; one that is due beyond that is dropped, and counted.
        timeout_seconds: for each, from when it goes out.

    Raises:
        ValueError: if a limit is out of range.
    """

    in_flight: int = 256
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.in_flight <= MAX_IN_FLIGHT:
            raise ValueError(f"in_flight={self.in_flight} must be 1 to {MAX_IN_FLIGHT:,}")
        if not 0 < self.timeout_seconds < math.inf:
            raise ValueError(f"timeout_seconds={self.timeout_seconds} must be a finite number above 0")


@dataclass(slots=True)
class Counts:
    """How far a window has come.

    Attributes:
        due: requests that have been due.
        sent: those that went out.
        in_flight: those that have not ended.
        dropped: those that did not go out.
        missed: errors and time-outs.
    """

    due: int = 0
    sent: int = 0
    in_flight: int = 0
    dropped: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What became of the requests of a stretch of time.

    Attributes:
        calls: in the order in which they were due.
        seconds: from its start to when the last request was due, or to when it was stopped.
        ended: `"done"`, `"stopped"` by the user, or `"given up"`.
    """

    calls: Sequence[Call]
    seconds: float
    ended: str = "done"


async def drive(
    target: Target,
    arrivals: Iterable[int],
    prompts: Sequence[Any],
    limits: Limits | None = None,
    *,
    stop: asyncio.Event | None = None,
    give_up: Callable[[Call], bool] | None = None,
    on_progress: Callable[[Counts], None] | None = None,
    clock: Clock = wall_clock,
    pace: Pace | None = None,
) -> Window:
    """Send requests when they are due, wait for those in flight at the end, and return them all.

    No answer is waited for before the next request: a slow server gets as many as a fast one, so that what waits in
    line there is seen. Latency counts from when a request was due, so that what waits in line here is seen as well.

    Args:
        target: open already.
        arrivals: when they are due, in nanoseconds from the start, in ascending order.
        prompts: request i is `prompts[i % len(prompts)]`.
        limits: see `Limits`.
        stop: once set, nothing goes out any more, and what is in flight is cancelled; what there is, is returned.
        give_up: told of each call that ends, or is dropped; the window is over when it returns True.
        on_progress: told how far it has come, a few times a second.
        clock: in nanoseconds.
        pace: how to wait; a `Pacer` of its own by default.

    Raises:
        ValueError: without prompts.
        asyncio.CancelledError: if the caller is cancelled; so is what is in flight.
    """
    if not prompts:
        raise ValueError("no prompts to send; pass at least one")
    pacer = Pacer(clock) if pace is None else None
    loop = _Loop(target, prompts, limits or Limits(), stop or asyncio.Event(), give_up, on_progress, clock)
    try:
        return await loop.run(arrivals, pace or pacer)  # type: ignore[arg-type]
    finally:
        await loop.cancel()
        if pacer:
            pacer.close()


class _Loop:
    def __init__(
        self,
        target: Target,
        prompts: Sequence[Any],
        limits: Limits,
        stop: asyncio.Event,
        give_up: Callable[[Call], bool] | None,
        on_progress: Callable[[Counts], None] | None,
        clock: Clock,
    ) -> None:
        self._target = target
        self._prompts = prompts
        self._limits = limits
        self._stop = stop
        self._give_up = give_up
        self._on_progress = on_progress
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: list[Call] = []
        self._kinds: set[str] = set()
        self._counts = Counts()
        self._given_up = False
        self._start_ns = 0
        self._reported_ns = 0

    async def run(self, arrivals: Iterable[int], pace: Pace) -> Window:
        self._start_ns = self._clock() + _HEAD_START_NS
        length_ns = 0
        for index, offset_ns in enumerate(arrivals):
            if not await self._until(self._start_ns + offset_ns, pace):
                break
            self._due(index, offset_ns)
            length_ns = offset_ns
        while self._tasks and not self._over():
            await asyncio.wait(self._tasks, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._report()
        if self._over():
            length_ns = max(length_ns, self._clock() - self._start_ns)
        ended = "stopped" if self._stop.is_set() else "given up" if self._given_up else "done"
        await self.cancel()
        self._report(last=True)
        self._calls.sort(key=lambda call: call.number)
        return Window(self._calls, length_ns / 1e9, ended)

    async def cancel(self) -> None:
        if not self._tasks:
            return
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        # A pipeline that does not let itself be cancelled is left behind; its target counts it as running.
        await asyncio.wait(tasks, timeout=_PATIENCE_SECONDS)

    def _over(self) -> bool:
        return self._stop.is_set() or self._given_up

    async def _until(self, due_ns: int, pace: Pace) -> bool:
        """Wait until a request is due, and return whether it is still wanted then."""
        while (left_ns := due_ns - self._clock()) > 0:
            if self._over():
                return False
            self._report()
            await pace(min(left_ns / 1e9, _LOOK_SECONDS))
        await asyncio.sleep(0)  # behind time, too, those that went out must get to run
        self._report()
        return not self._over()

    def _due(self, index: int, offset_ns: int) -> None:
        self._counts.due += 1
        if len(self._tasks) >= self._limits.in_flight:
            self._counts.dropped += 1
            self._done(Call(index, offset_ns, None, None, DROPPED))
            return
        self._counts.sent += 1
        task = asyncio.create_task(self._send(index, offset_ns), name="aligntax-load")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, index: int, offset_ns: int) -> None:
        timing = Timing(self._clock)
        try:
            async with asyncio.timeout(self._limits.timeout_seconds) as limit:
                reply = await self._target.send(self._prompts[index % len(self._prompts)], timing)
        except TimeoutError:
            reply = Reply(TIMEOUT, "time-out" if limit.expired() else "time-out of the target")
        except asyncio.CancelledError:
            reply = Reply(CANCELLED)
        except Exception as error:
            reply = Reply(ERROR, type(error).__name__)
        timing.end()
        if reply.outcome in (ERROR, TIMEOUT):
            self._counts.missed += 1
        self._done(self._call(index, offset_ns, timing, reply))

    def _call(self, index: int, offset_ns: int, timing: Timing, reply: Reply) -> Call:
        def since_start(at_ns: int | None) -> int | None:
            return None if at_ns is None else at_ns - self._start_ns

        return Call(
            index,
            offset_ns,
            since_start(timing.started_ns),
            since_start(timing.ended_ns),
            reply.outcome,
            self._kind(reply.error),
            since_start(timing.first_ns),
            since_start(timing.last_ns),
            timing.chunks,
            timing.longest_gap_ns,
            reply.output_tokens,
        )

    def _kind(self, error: str | None) -> str | None:
        """Return the name under which an error is counted: there are only so many."""
        if error is None:
            return None
        if error not in self._kinds and len(self._kinds) >= MAX_ERROR_KINDS:
            return OTHER
        self._kinds.add(error)
        return error

    def _done(self, call: Call) -> None:
        self._calls.append(call)
        if self._give_up is not None and not self._given_up:
            self._given_up = self._give_up(call)

    def _report(self, *, last: bool = False) -> None:
        if self._on_progress is None:
            return
        now_ns = self._clock()
        if last or now_ns - self._reported_ns >= _REPORT_SECONDS * 1e9:
            self._reported_ns = now_ns
            self._counts.in_flight = len(self._tasks)
            self._on_progress(self._counts)
