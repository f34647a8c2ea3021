"""One call of a pipeline: how long it took by the clock, in CPU time, and what its profiler saw."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import process_time_ns
from typing import Any, NamedTuple

from aligntax.attribution import Attribution
from aligntax.clock import Clock, wall_clock
from aligntax.experiment.target_errors import running_target
from aligntax.profiler import Profiler
from aligntax.recording.wrap import Shape, shape_of
from aligntax.trace import Outcome, Trace

__all__ = ["Caller", "Measurement"]

PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.0002


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one call took.

    Attributes:
        seconds: from the call to the end of its answer.
        cpu_seconds: of the whole process meanwhile; None where it is not known.
        outcome: how the request ended.
        trace: what the profiler saw; None where that is not known, or not kept.
        attribution: who caused how much of it; None as above.
        first_chunk_seconds: from the call to the first piece of a stream with a text; None where there was none.
        output: the answer, where it was to be kept; a list of its items where it was a stream.
        gpu_seconds: in which a GPU had work of its layers, added up over GPUs; None where none was timed on one.
    """

    seconds: float
    cpu_seconds: float | None
    outcome: Outcome
    trace: Trace | None = None
    attribution: Attribution | None = None
    first_chunk_seconds: float | None = None
    output: Any = None
    gpu_seconds: float | None = None


class Caller:
    """Calls a pipeline, one call at a time. To be closed.

    Args:
        pipeline: a function, coroutine function or generator function, asynchronous or not.
        profiler: that times its layers.
        opens_requests: whether the pipeline opens a request itself; else each call becomes one.
        runner: of the event loop that calls run on; a new one where None. It is closed with the caller.

    Attributes:
        profiler, opens_requests, runner: as above.
    """

    def __init__(
        self,
        pipeline: Callable[..., Any],
        profiler: Profiler,
        *,
        opens_requests: bool,
        runner: asyncio.Runner | None = None,
    ) -> None:
        self.profiler = profiler
        self._pipeline = pipeline
        self._clock = profiler.recorder.clock
        self._shape = shape_of(pipeline)
        self.opens_requests = opens_requests
        self._seen: deque[tuple[Trace, Attribution]] = deque(maxlen=1)
        self._unsubscribe = profiler.subscribe(lambda trace, found: self._seen.append((trace, found)))
        # Connections and locks of an asynchronous pipeline belong to the event loop that it first ran on.
        self.runner = runner or asyncio.Runner()

    def close(self) -> None:
        """Stop listening to the profiler, and close the event loop."""
        self._unsubscribe()
        self.runner.close()

    @property
    def as_request(self) -> Callable[..., Any]:
        """The pipeline, each call of which is a request of the profiler's, whoever opens it."""
        return self._pipeline if self.opens_requests else self.profiler.request()(self._pipeline)

    @staticmethod
    def plain(pipeline: Callable[..., Any], prompt: Any, runner: asyncio.Runner | None = None) -> None:
        """Call a pipeline of any shape once, and take no times.

        Args:
            pipeline: a function of any kind.
            prompt: what to call it with.
            runner: of the event loop that it runs on; one for this call where None.

        Raises:
            Exception: what it raised.
        """
        shape = shape_of(pipeline)
        with running_target():
            if shape in (Shape.RESULT, Shape.GENERATOR):
                _consume(pipeline(prompt), shape, wall_clock, keep=False)
            elif runner is not None:
                runner.run(_consume_async(pipeline(prompt), shape, wall_clock, keep=False))
            else:
                asyncio.run(_consume_async(pipeline(prompt), shape, wall_clock, keep=False))

    def __call__(self, prompt: Any, *, keep_output: bool = False) -> Measurement:
        """Call the pipeline once.

        Raises:
            Exception: what it raised.
            TimeoutError: if the profiler did not see the request end.
        """
        self.profiler.drain()
        self._seen.clear()
        with running_target():
            if self._shape in (Shape.RESULT, Shape.GENERATOR):
                took = self._call(prompt, keep=keep_output)
            else:
                took = self.runner.run(self._call_async(prompt, keep=keep_output))
        trace, attribution = self._last()
        return Measurement(
            took.seconds,
            took.cpu_seconds,
            trace.outcome,
            trace,
            attribution,
            took.first_chunk_seconds,
            took.output if keep_output else None,
            _gpu_seconds(trace),
        )

    def _call(self, prompt: Any, *, keep: bool) -> _Took:
        request = self._request()
        cpu_ns = process_time_ns()
        start_ns = self._clock()
        with request:
            output, first_ns = _consume(self._pipeline(prompt), self._shape, self._clock, keep=keep)
        end_ns = self._clock()
        return _Took.of(start_ns, first_ns, end_ns, process_time_ns() - cpu_ns, output)

    async def _call_async(self, prompt: Any, *, keep: bool) -> _Took:
        request = self._request()
        cpu_ns = process_time_ns()
        start_ns = self._clock()
        with request:
            output, first_ns = await _consume_async(self._pipeline(prompt), self._shape, self._clock, keep=keep)
        end_ns = self._clock()
        return _Took.of(start_ns, first_ns, end_ns, process_time_ns() - cpu_ns, output)

    def _request(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.opens_requests else self.profiler.request()

    def _last(self) -> tuple[Trace, Attribution]:
        """Return what the profiler saw of the request; a GPU may still be busy with it, and another thread draining."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.profiler.drain()
            if self._seen:
                return self._seen[-1]
            if time.monotonic() > until:
                raise TimeoutError(f"the profiler saw no request end within {PATIENCE_SECONDS:.0f} s of the call")
            time.sleep(_POLL_SECONDS)


class _Took(NamedTuple):
    seconds: float
    cpu_seconds: float
    first_chunk_seconds: float | None
    output: Any

    @classmethod
    def of(cls, start_ns: int, first_ns: int | None, end_ns: int, cpu_ns: int, output: Any) -> _Took:
        first_seconds = None if first_ns is None else (first_ns - start_ns) / 1e9
        return cls((end_ns - start_ns) / 1e9, cpu_ns / 1e9, first_seconds, output)


def _consume(answer: Any, shape: Shape, clock: Clock, *, keep: bool) -> tuple[Any, int | None]:
    """Return an answer, and when the first item of a stream came that is not empty; its items only if they are kept."""
    if shape is Shape.RESULT:
        return answer, None
    items = []
    first_ns = None
    for item in answer:
        if first_ns is None and _says_something(item):
            first_ns = clock()
        if keep:
            items.append(item)
    return items, first_ns


async def _consume_async(answer: Any, shape: Shape, clock: Clock, *, keep: bool) -> tuple[Any, int | None]:
    if shape is Shape.COROUTINE:
        return await answer, None
    items = []
    first_ns = None
    async for item in answer:
        if first_ns is None and _says_something(item):
            first_ns = clock()
        if keep:
            items.append(item)
    return items, first_ns


def _says_something(item: Any) -> bool:
    return item is not None and not (isinstance(item, (str, bytes)) and not item)


def _gpu_seconds(trace: Trace) -> float | None:
    """Return how long GPUs had work of a request's layers; what overlaps on one, as nested layers do, counts once."""
    timed = sorted(
        (str(span.gpu_device), span.gpu_start_ns, span.gpu_end_ns)
        for span in trace.spans
        if span.gpu_start_ns is not None and span.gpu_end_ns is not None
    )
    if not timed:
        return None
    total_ns, device, until_ns = 0, "", 0
    for of, start_ns, end_ns in timed:
        if of != device:
            device, until_ns = of, start_ns
        total_ns += max(0, end_ns - max(start_ns, until_ns))
        until_ns = max(until_ns, end_ns)
    return total_ns / 1e9
