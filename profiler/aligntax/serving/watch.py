"""What ends an exchange before its time: a client that leaves, somebody who keeps others waiting, a body too large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

__all__ = ["Watch"]


class Watch:
    """An asynchronous context that a problem found elsewhere, or a wait that lasts too long, ends at once.

    One timer serves all waits of the exchange: it looks at the deadline of the moment when it runs, and is only set
    anew where a deadline comes before it. A wait thus costs one look at the clock.

    Attributes:
        problem: what has ended it; None if nothing has.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._scope = asyncio.timeout(None)
        self._deadline: float | None = None
        self._problem_then: Callable[[], Exception] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._total: asyncio.TimerHandle | None = None
        self._over = False
        self.problem: Exception | None = None

    def expect(self, seconds: float, otherwise: Callable[[], Exception]) -> None:
        """Have the exchange end with a problem, unless another wait begins within some seconds."""
        self._deadline = deadline = self._loop.time() + seconds
        self._problem_then = otherwise
        if self._timer is None or deadline < self._timer_at:
            self._set_timer(deadline)

    def rest(self) -> None:
        """End the wait that `expect` has begun."""
        self._deadline = None

    def limit(self, seconds: float, otherwise: Callable[[], Exception]) -> None:
        """Have the exchange end with a problem after some seconds, whatever happens."""
        self._total = self._loop.call_later(seconds, lambda: self.fail(otherwise()))

    def fail(self, problem: Exception) -> None:
        """End the exchange now; the context raises the problem. Where there is one already, that one."""
        if self._over or self.problem is not None:
            return
        self.problem = problem
        self._scope.reschedule(self._loop.time())

    async def __aenter__(self) -> Watch:
        """Begin; what runs inside is what a problem ends."""
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the problem, if there is one."""
        self._over = True
        for timer in (self._timer, self._total):
            if timer is not None:
                timer.cancel()
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            if self.problem is None:
                raise
            raise self.problem from None
        if self.problem is not None and isinstance(error, Exception):
            raise self.problem from None  # the error is only what came of it

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None or self._problem_then is None:
            return
        if self._loop.time() >= self._deadline:
            self.fail(self._problem_then())
        else:
            self._set_timer(self._deadline)
