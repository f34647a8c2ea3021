"""Threads for guards that would hold up the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from aligntax.weak_call import weakly

__all__ = ["GuardThreads"]

IDLE_SECONDS = 60.0


class GuardThreads:
    """A few threads, and the calls that wait for one.

    Python's own pools do not serve here: at its end the process would wait for a guard that hangs, and calls whose
    caller has given up would stay in line, each with its text. These threads are daemons, and such a call leaves the
    line at once, so that there are never more in it than requests that wait.

    Args:
        most: threads at a time; they are started when there is work for them, and end when there has been none for a
            while.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._forget_threads()
        os.register_at_fork(after_in_child=weakly(self._forget_threads))

    def _forget_threads(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[_Call] = deque()
        self._threads = 0
        self._idle = 0
        # Threads of a generation that is over end instead of taking another call.
        self._generation = 0

    async def run(self, function: Callable[..., Any], argument: Any) -> Any:
        """Return what a function returns on one of the threads, in the caller's context.

        Raises:
            Exception: what it raised. An exit or an interrupt that it raised comes as a RuntimeError.
        """
        call = _Call(asyncio.get_running_loop(), copy_context(), function, argument)
        with self._changed:
            self._waiting.append(call)
            if len(self._waiting) > self._idle and self._threads < self._most:
                self._threads += 1
                name = f"aligntax-guard-{self._threads}"
                threading.Thread(target=self._work, args=(self._generation,), name=name, daemon=True).start()
            else:
                self._changed.notify()
        try:
            result, error = await call.answer
        finally:
            if call.waits:
                self._forget(call)
        if error is not None:
            try:
                raise error
            finally:
                error = None  # its traceback holds this frame
        return result

    def close(self) -> None:
        """Let the threads end, each after its call; whatever is called after that has new ones."""
        with self._changed:
            self._generation += 1
            self._threads = self._idle = 0
            self._changed.notify_all()

    def _forget(self, call: _Call) -> None:
        with self._changed:
            if call.waits:
                self._waiting.remove(call)

    def _work(self, generation: int) -> None:
        while (call := self._next(generation)) is not None:
            call.make()
            del call  # its text, while there is nothing to do

    def _next(self, generation: int) -> _Call | None:
        with self._changed:
            while generation == self._generation:
                if self._waiting:
                    call = self._waiting.popleft()
                    call.waits = False
                    return call
                self._idle += 1
                woken = self._changed.wait(IDLE_SECONDS)
                if generation == self._generation:
                    self._idle -= 1
                    if not (woken or self._waiting):
                        self._threads -= 1
                        return None
            return None


class _Call:
    """One call, and the future of its result, or of its error."""

    __slots__ = ("_argument", "_context", "_function", "_loop", "answer", "waits")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: Context, function: Callable[..., Any], argument: Any
    ) -> None:
        self._loop = loop
        self._context = context
        self._function = function
        self._argument = argument
        self.answer: asyncio.Future[tuple[Any, Exception | None]] = loop.create_future()
        self.waits = True

    def make(self) -> None:
        """Make the call, on whichever thread this is, and answer on the event loop."""
        try:
            said: tuple[Any, Exception | None] = (self._context.run(self._function, self._argument), None)
        except Exception as error:
            said = (None, error)
        except BaseException as error:  # to end a thread of guards is not to end the server
            said = (None, RuntimeError(f"a {type(error).__name__} was raised"))
        try:
            self._loop.call_soon_threadsafe(self._answer, said)
        except RuntimeError:
            return  # the loop has ended, and whoever waited with it

    def _answer(self, said: tuple[Any, Exception | None]) -> None:
        if not self.answer.done():
            self.answer.set_result(said)
