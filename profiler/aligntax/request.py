"""One request: a context manager, asynchronous or not, or a decorator."""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from functools import partial, wraps
from types import TracebackType
from typing import Any

from aligntax.attribution import attribute
from aligntax.intake import Intake
from aligntax.recording.assemble import assemble
from aligntax.recording.chunks import ChunkTimes
from aligntax.recording.scope import Live, Recording
from aligntax.recording.verdicts import judge_error
from aligntax.recording.wrap import Shape, shape_of
from aligntax.tax import Tax
from aligntax.trace import MAX_NAME_LENGTH, Outcome, Trace

MAX_TRACE_ID_LENGTH = 64


class Request:
    """The time from entering the block to leaving it, and every layer that was called meanwhile.

    Args:
        intake: where the request begins and ends.
        model: the model that it is booked under; the first model called in it where None.
        trace_id: the caller's own identifier, exported as exemplar; at most 64 characters.

    Raises:
        ValueError: if `model` or `trace_id` is not a printable string of at most 120 or 64 characters.
    """

    __slots__ = ("_answered_ns", "_forgotten", "_intake", "_live", "_outer", "_recording", "_trace")

    def __init__(self, intake: Intake, model: str | None = None, trace_id: str | None = None) -> None:
        if model is not None:
            _check_name("model", model, MAX_NAME_LENGTH)
        if trace_id is not None:
            _check_name("trace_id", trace_id, MAX_TRACE_ID_LENGTH)
        self._intake = intake
        self._recording: Recording = intake.new(model, trace_id)
        self._live: Live = self._recording.root
        self._outer: Live | None = None
        self._trace: Trace | None = None
        self._forgotten = False
        self._answered_ns: int | None = None

    def __enter__(self) -> Request:
        recorder = self._intake.recorder
        before_ns = recorder.clock() if self._live.metered else 0
        if self._outer is not None:
            raise RuntimeError("this request was entered before; call profiler.request() anew for each request")
        outer = recorder.current()
        if outer.recording is not None and outer.recording.ended:
            outer = recorder.orphan  # a task that a request has left behind is free to begin one of its own
        elif outer.recording is not None:
            raise RuntimeError(
                "a request is open here already, and a request cannot hold another one; measure a part of it with "
                "profiler.layer(...), or, where a generator left its request open in this context, use "
                "@profiler.request() on the generator function"
            )
        self._outer = outer
        recorder.variable.set(self._live)
        recording = self._recording
        self._intake.running.add(recording)
        self._live.strand = get_ident()
        recording.start_ns = recorder.clock()
        if self._live.metered:
            recording.overhead_ns = recording.start_ns - before_ns
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        recorder, recording = self._intake.recorder, self._recording
        end_ns = recorder.clock()
        if self._outer is None or recording.ended:
            raise RuntimeError("this request is not open: it was left before, or never entered")
        recording.end_ns = max(end_ns, recording.start_ns)
        if self._answered_ns is not None:
            recording.end_ns = self._answered_ns
            recording.overhead_ns -= end_ns - self._answered_ns  # which is counted as if all until now were ours
        recording.seal()
        recorder.restore(self._outer, self._live)
        if error is not None and self._answered_ns is None:
            recording.error = judge_error(error)
        if self._forgotten:
            self._intake.running.discard(recording)
        else:
            self._intake.finish(recording)

    def forget(self) -> None:
        """Leave the request out of every number: it turned out to be none, or one that was refused at the door.

        To be called while it is open; nothing is kept of it when its block is left.

        Raises:
            RuntimeError: if it has ended.
        """
        if self._recording.ended:
            raise RuntimeError("the request has ended, and is counted; forget it before its block is left")
        self._forgotten = True

    def answered(self, at_ns: int) -> None:
        """Let the request end now for all numbers, though its block goes on: nobody waits for it any more.

        What happens in the block from now on, errors included, is not the request's.

        Args:
            at_ns: now, on the profiler's clock.

        Raises:
            RuntimeError: if it is not open.
        """
        if self._outer is None or self._recording.ended:
            raise RuntimeError("this request is not open; say that it is answered inside of its block")
        if self._answered_ns is None:
            self._answered_ns = at_ns

    def book(self, model: str) -> None:
        """Book the request under a model, where that is known only when the request is open.

        Raises:
            ValueError: if `model` is not a printable string of at most 120 characters.
        """
        _check_name("model", model, MAX_NAME_LENGTH)
        self._recording.model = model

    def begin_chunks(self) -> ChunkTimes:
        """Return where the times of the pieces of a streamed answer are noted."""
        if self._recording.chunks is None:
            self._recording.chunks = ChunkTimes()
        return self._recording.chunks

    async def __aenter__(self) -> Request:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` such that each call of it is a request of its own.

        A generator's request lasts until the generator is exhausted or closed, and is current only while it runs.
        """
        recording = self._recording

        def fresh() -> Request:
            return Request(self._intake, recording.model, recording.trace_id)

        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(self(function.__func__))
        shape = shape_of(function)
        if shape is Shape.ASYNC_GENERATOR:
            return wraps(function)(_async_generator(function, fresh))
        if shape is Shape.GENERATOR:
            return wraps(function)(_generator(function, fresh))
        if shape is Shape.COROUTINE:

            @wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                async with fresh():
                    return await function(*args, **kwargs)

            return coroutine

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with fresh():
                return function(*args, **kwargs)

        return call

    @property
    def start_ns(self) -> int:
        """When the request began, on the profiler's clock."""
        return self._recording.start_ns

    def suspend(self) -> None:
        """Make the request no longer current, without ending it. For generators that hand an item to their consumer."""
        if self._outer is not None:
            self._intake.recorder.restore(self._outer, self._live)

    def resume(self) -> None:
        """Make the request current again, in whatever context this is."""
        self._outer = self._intake.recorder.current()
        self._intake.recorder.variable.set(self._live)

    @property
    def trace(self) -> Trace:
        """The request's spans, start, end and outcome; without the GPU's times as long as the GPU is busy with it.

        Raises:
            RuntimeError: as long as the request is open.
        """
        if not self._recording.ended:
            raise RuntimeError("the request is still open; its trace and tax are there once its block has been left")
        if self._trace is not None:
            return self._trace
        trace = assemble(self._recording, self._intake.ledger)
        if all(launch.work.settled() for launch in self._recording.launches):
            self._trace = trace  # it will not change any more
        return trace

    @property
    def tax(self) -> Tax:
        """What the guards of this request cost it; RuntimeError as long as it is open."""
        found = attribute(self.trace)
        shares = {name: part.share_ns for name, part in found.layers.items() if part.layer.kind == "guard"}
        return Tax(self.trace.duration_ns, found.raw_ns, shares)

    @property
    def outcome(self) -> Outcome:
        """How the request ended. May be set while the request is open, where the application knows better."""
        return self._recording.outcome or self.trace.outcome

    @outcome.setter
    def outcome(self, outcome: Outcome | str) -> None:
        if self._recording.ended:
            raise RuntimeError("the request has ended; set its outcome before its block is left")
        self._recording.outcome = Outcome(outcome)


def _check_name(argument: str, value: object, longest: int) -> None:
    if not (isinstance(value, str) and value.isprintable() and 0 < len(value) <= longest):
        raise ValueError(f"{argument} must be a printable string of 1 to {longest} characters; got {value!r:.80}")


def _generator(function: Callable[..., Any], fresh: Callable[[], Request]) -> Callable[..., Any]:
    def generate(*args: Any, **kwargs: Any) -> Any:
        with fresh() as request:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = generator.__next__
            while True:
                try:
                    item = step()
                except StopIteration as stop:
                    return stop.value
                finally:
                    del step  # it may hold an exception, whose traceback holds this frame
                request.suspend()
                try:
                    sent = yield item
                except GeneratorExit:
                    request.resume()
                    generator.close()
                    raise
                except BaseException as error:
                    request.resume()
                    step = partial(generator.throw, error)
                else:
                    request.resume()
                    step = partial(generator.send, sent)

    return generate


def _async_generator(function: Callable[..., Any], fresh: Callable[[], Request]) -> Callable[..., Any]:
    async def generate(*args: Any, **kwargs: Any) -> Any:
        async with fresh() as request:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = generator.__anext__
            while True:
                try:
                    item = await step()
                except StopAsyncIteration:
                    return
                finally:
                    del step  # as above
                request.suspend()
                try:
                    sent = yield item
                except GeneratorExit:
                    request.resume()
                    await generator.aclose()
                    raise
                except BaseException as error:
                    request.resume()
                    step = partial(generator.athrow, error)
                else:
                    request.resume()
                    step = partial(generator.asend, sent)

    return generate
