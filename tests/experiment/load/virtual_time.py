"""An event loop in which time passes only when everybody waits: real coroutines, and no waiting for them."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from aligntax.testing import FakeClock

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Instead of waiting for so long, puts the clock forward by as much."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        if not ready and timeout and timeout > 0:
            self._clock.advance(max(1, round(timeout * 1e9)))
        return ready


class VirtualTime:
    """Runs coroutines on a clock that stands still while they work.

    Attributes:
        clock: the loop's, in nanoseconds.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()

    async def pace(self, seconds: float) -> None:
        until_ns = self.clock() + round(seconds * 1e9)
        while (left_ns := until_ns - self.clock()) > 0:  # noqa: ASYNC110 (time is all that it waits for)
            await asyncio.sleep(left_ns / 1e9)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        loop = asyncio.SelectorEventLoop(_Selector(self.clock))
        loop.time = lambda: self.clock() / 1e9  # type: ignore[method-assign]
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
