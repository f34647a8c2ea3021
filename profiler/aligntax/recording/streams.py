"""Generators and asynchronous generators: their time counts while they run, not while their consumer holds them.

Each run, from one item to the next, is a span of its own, so that what ran inside it (the model that a filter pulls
from) can be told apart. The runs of one call share a number; all but the last carry no verdict.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from functools import partial
from typing import Any

from aligntax.recording.metering import CpuSteps
from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, GOES_ON, LAYER_SHIFT, Live
from aligntax.recording.verdicts import PLAIN, VerdictMapper, found_in, worse
from aligntax.trace import Verdict

QUIET = PLAIN | {str}
"""Types of items that carry no verdict: most streams hold nothing else."""


class _Stream:
    """One streaming call: its number, and the gravest verdict that any of its items has had."""

    def __init__(self, recorder: Recorder, row: int, mapper: VerdictMapper | None) -> None:
        self._recorder = recorder
        self._row = row
        self._mapper = mapper
        self._bits = recorder.next_bits()
        self._verdict = Verdict.ALLOW
        self._home: Live = recorder.orphan
        self.goes_on = (row << LAYER_SHIFT) | GOES_ON | self._bits
        self.quiet: Collection[type] = QUIET if mapper is None else ()

    def begin(self, live: Live) -> None:
        """Count the call as in progress in the first request in which it runs."""
        if self._home.recording is None and live.recording is not None:
            self._home = live
            live.recording.open_calls[self._bits] = self._row

    def judge(self, item: Any) -> None:
        """Let an item change the verdict on the call, if it is graver than those before."""
        self._judge_by(self._mapper, item)

    def _judge_by(self, mapper: VerdictMapper | None, value: Any) -> None:
        try:
            found = found_in(value) if mapper is None else Verdict(mapper(value))
        except Exception as error:
            self._recorder.unknown_verdict(error)
            found = Verdict.ERROR
        if found is not None:
            self._verdict = worse(self._verdict, found)

    def returned(self, live: Live, start_ns: int, result: Any) -> None:
        """End the call: the generator is exhausted."""
        end_ns = self._recorder.clock()
        if type(result) not in QUIET:
            self._judge_by(None, result)  # a mapper is for items, and this is none
        self._end(live, start_ns, end_ns)

    def raised(self, live: Live, start_ns: int, error: BaseException) -> None:
        """End the call: the generator raised."""
        self._recorder.fail(self._row, live, start_ns, self._recorder.clock(), error, self._bits)
        self._close()

    def left(self, start_ns: int) -> None:
        """End the call: its consumer left. A collector may have noticed in any context, so it counts at home."""
        end_ns = self._recorder.clock()
        self._verdict = worse(self._verdict, Verdict.CANCELLED)
        self._end(self._home, start_ns, end_ns)

    def failed_to_close(self, start_ns: int, error: BaseException) -> None:
        """End the call: its consumer left, and the generator raised instead of ending."""
        self.raised(self._home, start_ns, error)

    def _end(self, live: Live, start_ns: int, end_ns: int) -> None:
        code = (self._row << LAYER_SHIFT) | CODE_OF[self._verdict] | self._bits
        self._recorder.record(live, start_ns, end_ns, code)
        self._close()

    def _close(self) -> None:
        if self._home.recording is not None:
            self._home.recording.open_calls.pop(self._bits, None)


def drive(
    recorder: Recorder, row: int, mapper: VerdictMapper | None, generator: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """Run `generator` for its consumer, one span per run; items, sent values, exceptions and result pass through."""
    stream = _Stream(recorder, row, mapper)
    # What is looked up here is not looked up for every item: an enclosing stream is charged for that time.
    current, clock, meter = recorder.current, recorder.clock, recorder.meter
    goes_on, quiet = stream.goes_on, stream.quiet
    known: Live | None = None
    step: Callable[[], Any] = generator.__next__
    while True:
        live = current()
        if live is not known:
            stream.begin(live)
            known = live
        started = meter.cpu.start() if live.metered else None
        start_ns = clock()
        try:
            item = step()
            end_ns = clock()
        except StopIteration as stop:
            stream.returned(live, start_ns, stop.value)
            return stop.value
        except BaseException as error:
            stream.raised(live, start_ns, error)
            raise
        else:
            recorder.record(live, start_ns, end_ns, goes_on)
        finally:
            del step  # it may hold an exception, whose traceback holds this frame
            if started is not None:
                meter.note(live, start_ns, clock(), meter.cpu.stop(started))
        if type(item) not in quiet:
            stream.judge(item)
        try:
            sent = yield item
        except GeneratorExit:
            start_ns = clock()
            try:
                generator.close()
            except BaseException as error:
                stream.failed_to_close(start_ns, error)
                raise
            stream.left(start_ns)
            raise
        except BaseException as error:
            step = partial(generator.throw, error)
        else:
            step = generator.__next__ if sent is None else partial(generator.send, sent)


class AsyncStream(_Stream):
    """Runs an asynchronous generator for its consumer, one span per run.

    Each run may be suspended, so what happens inside of it is gathered in a scope of its own. The scope is current
    only during the run: an asynchronous generator shares its consumer's context.
    """

    def __init__(
        self, recorder: Recorder, row: int, mapper: VerdictMapper | None, generator: AsyncGenerator[Any, Any]
    ) -> None:
        super().__init__(recorder, row, mapper)
        self._generator = generator
        self._inner: Live = recorder.orphan

    def next(self) -> Awaitable[Any]:
        """Return, when awaited, the next item.

        Raises:
            StopAsyncIteration: when there is none.
        """
        return self._run(self._generator.__anext__)

    def send(self, value: Any) -> Awaitable[Any]:
        """Send `value` and return, when awaited, the next item."""
        return self._run(partial(self._generator.asend, value))

    def throw(self, error: BaseException) -> Awaitable[Any]:
        """Throw `error` into the generator and return, when awaited, the next item."""
        return self._run(partial(self._generator.athrow, error))

    async def close(self) -> None:
        """Close the generator for a consumer that left."""
        start_ns = self._recorder.clock()
        try:
            await self._generator.aclose()
        except BaseException as error:
            self.failed_to_close(start_ns, error)
            raise
        self.left(start_ns)

    async def _run(self, step: Callable[[], Any]) -> Any:
        recorder = self._recorder
        live = recorder.current()
        self.begin(live)
        if live.recording is not self._inner.recording:
            self._inner = recorder.scope(live, self._bits)
        inner = self._inner
        if live.recording is not None:
            recorder.variable.set(inner)
        steps = CpuSteps(step(), recorder.meter.cpu) if live.metered else None
        start_ns = recorder.clock()
        try:
            item = await (step() if steps is None else steps)
        except StopAsyncIteration:
            recorder.restore(live, inner)
            self.returned(live, start_ns, None)
            raise
        except BaseException as error:
            recorder.restore(live, inner)
            self.raised(live, start_ns, error)
            raise
        else:
            end_ns = recorder.clock()
            recorder.restore(live, inner)
            recorder.record(live, start_ns, end_ns, self.goes_on)
            if type(item) not in self.quiet:
                self.judge(item)
            return item
        finally:
            del step  # as above
            if steps is not None:
                recorder.meter.note(live, start_ns, recorder.clock(), steps.spent_ns)
