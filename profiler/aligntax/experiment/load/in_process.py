"""A pipeline in this process, under load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aligntax.experiment.load.records import ALLOWED, BLOCKED, ERROR, TIMEOUT, Reply, Timing
from aligntax.recording.verdicts import found_in, judge_error
from aligntax.recording.wrap import Shape, shape_of
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Outcome, Verdict

__all__ = ["InProcess", "outcome_of"]

_OF_VERDICT = {Verdict.BLOCK: BLOCKED, Verdict.ERROR: ERROR, Verdict.TIMEOUT: TIMEOUT}
_OF_OUTCOME = {
    Outcome.BLOCKED_INPUT: BLOCKED,
    Outcome.BLOCKED_OUTPUT: BLOCKED,
    Outcome.ERROR: ERROR,
    Outcome.TIMEOUT: TIMEOUT,
    Outcome.CANCELLED: ERROR,
}


def outcome_of(result: Any) -> str:
    """Return how a request ended, from what the pipeline returned.

    A `Verdict` or an `Outcome` that it is, holds or has as an attribute says so (a request of a profiler has one);
    anything else is an answer.
    """
    outcome = result if isinstance(result, Outcome) else getattr(result, "outcome", None)
    if isinstance(outcome, Outcome):
        return _OF_OUTCOME.get(outcome, ALLOWED)
    verdict = found_in(result)
    return ALLOWED if verdict is None else _OF_VERDICT.get(verdict, ALLOWED)


class InProcess:
    """Calls a pipeline: coroutine functions on the event loop, all others on threads.

    A coroutine function that computes holds up the loop, and so every other request: that is what it does to a server,
    too, and is seen as dispatch delay. A function on a thread cannot be stopped: after its time-out it goes on, and its
    thread is not free for another call.

    Args:
        pipeline: a function, coroutine function or generator function, asynchronous or not. What a generator yields
            counts as the chunks of a stream.
        threads: how many there are for functions that are not coroutines; as many as requests may be in flight.
        outcome: tells from a result how the request ended; see `outcome_of`. What a stream ends as is told from a list
            of its items.

    Raises:
        ValueError: for less than one thread.
    """

    def __init__(
        self, pipeline: Callable[[Any], Any], *, threads: int, outcome: Callable[[Any], str] = outcome_of
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads={threads} must be at least 1")
        self._pipeline = pipeline
        self._shape = shape_of(pipeline)
        self._threads = GuardThreads(threads)
        self._outcome = outcome
        self._running = 0
        self._counting = threading.Lock()

    async def open(self) -> None:
        """Do nothing: threads are started when there is work for them."""

    async def close(self) -> None:
        """Let the threads end, each after its call."""
        self._threads.close()

    def running(self) -> int:
        """Return how many calls go on."""
        return self._running

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        """Call the pipeline with a prompt."""
        if self._shape in (Shape.RESULT, Shape.GENERATOR):
            reply: Reply = await self._threads.run(lambda given: self._on_thread(given, timing), prompt)
            return reply
        return await self._on_loop(prompt, timing)

    def _on_thread(self, prompt: Any, timing: Timing) -> Reply:
        try:
            with self._timed(timing):
                result = self._pipeline(prompt)
                if self._shape is Shape.GENERATOR:
                    result = [_noted(item, timing) for item in result]
        except Exception as error:
            return _failed(error)
        return Reply(self._outcome(result))

    async def _on_loop(self, prompt: Any, timing: Timing) -> Reply:
        try:
            with self._timed(timing):
                if self._shape is Shape.COROUTINE:
                    result = await self._pipeline(prompt)
                else:
                    result = [_noted(item, timing) async for item in self._pipeline(prompt)]
        except Exception as error:
            return _failed(error)
        return Reply(self._outcome(result))

    @contextmanager
    def _timed(self, timing: Timing) -> Iterator[None]:
        self._count(1)
        timing.start()
        try:
            yield
        finally:
            timing.end()
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._running += more


def _noted(item: Any, timing: Timing) -> Any:
    timing.chunk()
    return item


def _failed(error: Exception) -> Reply:
    outcome = _OF_VERDICT.get(judge_error(error), ERROR)
    return Reply(outcome, None if outcome == BLOCKED else type(error).__name__)
