"""Waiting until a request is due, more exactly than an event loop does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aligntax.clock import Clock

__all__ = ["Pace", "Pacer"]

Pace = Callable[[float], Awaitable[None]]
"""Waits for so many seconds, at least."""

_LOOP_SECONDS = 0.002


class Pacer:
    """Waits on a thread of its own for the last of it.

    An event loop's timers are up to a millisecond late, and as much again where it is busy; that would be a part of
    every latency. On an idle two-core machine they were 0.7 ms late in the median, and this is 0.15 to 0.2 ms late, for
    0.1 ms of processor time a request. Spinning would be exact, and take the processor from what is measured. To be
    closed.

    Args:
        clock: in nanoseconds; real time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="aligntax-load-pace")

    async def __call__(self, seconds: float) -> None:
        """Wait."""
        until_ns = self._clock() + round(seconds * 1e9)
        if seconds > _LOOP_SECONDS:
            await asyncio.sleep(seconds - _LOOP_SECONDS)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._rest, until_ns)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)

    def _rest(self, until_ns: int) -> None:
        left_ns = until_ns - self._clock()
        if left_ns > 0:
            time.sleep(left_ns / 1e9)
