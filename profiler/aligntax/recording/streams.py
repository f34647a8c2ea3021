"""Generators and asynchronous generators: their time counts while they run, not while their consumer holds them.

Each run, from one item to the next, is a span of its own, so that what ran inside it (the model that a filter pulls
from) can be told apart. The runs of one call share a number; all but the last carry no verdict.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any

from aligntax.recording.metering import CpuSteps
from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, GOES_ON, LAYER_SHIFT, Live
from aligntax.recording.verdicts import VerdictMapper, found_in, worse
from aligntax.trace import Verdict


class _Stream:
    """One streaming call: its number, and the gravest verdict that any of its items has had."""

    def __init__(self, recorder: Recorder, row: int, mapper: VerdictMapper | None) -> None:
        self._recorder = recorder
        self._row = row
        self._mapper = mapper
        self._bits = recorder.next_bits()
        self._verdict = Verdict.ALLOW
        self._home: Live = recorder.orphan

    def _begin(self) -> Live:
        """Return the scope that runs now; in the first one that belongs to a request, the call is in progress."""
        live = self._recorder.current()
        if self._home.recording is None and live.recording is not None:
            self._home = live
            live.recording.open_calls[self._bits] = self._row
        return live

    def _ran(self, live: Live, start_ns: int, item: Any) -> None:
        end_ns = self._recorder.clock()
        self._judge(item)
        self._recorder.record(live, start_ns, end_ns, (self._row << LAYER_SHIFT) | GOES_ON | self._bits)

    def _returned(self, live: Live, start_ns: int, result: Any) -> None:
        end_ns = self._recorder.clock()
        self._judge(result)
        self._end(live, start_ns, end_ns)

    def _left(self, live: Live, start_ns: int) -> None:
        end_ns = self._recorder.clock()
        self._verdict = worse(self._verdict, Verdict.CANCELLED)
        self._end(live, start_ns, end_ns)

    def _raised(self, live: Live, start_ns: int, error: BaseException) -> None:
        self._recorder.fail(self._row, live, start_ns, self._recorder.clock(), error, self._bits)
        self._close()

    def _end(self, live: Live, start_ns: int, end_ns: int) -> None:
        code = (self._row << LAYER_SHIFT) | CODE_OF[self._verdict] | self._bits
        self._recorder.record(live, start_ns, end_ns, code)
        self._close()

    def _close(self) -> None:
        if self._home.recording is not None:
            self._home.recording.open_calls.pop(self._bits, None)

    def _judge(self, item: Any) -> None:
        try:
            found = found_in(item) if self._mapper is None else Verdict(self._mapper(item))
        except Exception as error:
            self._recorder.drops.count("verdict_mapper")
            self._recorder.complain("the verdict of a chunk could not be told; it counts as an error", error)
            found = Verdict.ERROR
        if found is not None:
            self._verdict = worse(self._verdict, found)


class _SyncStream(_Stream):
    def run(self, step: Callable[[], Any]) -> Any:
        """Let the generator run to its next item."""
        live = self._begin()
        cpu = self._recorder.meter.cpu
        started = cpu.start() if live.metered else None
        start_ns = self._recorder.clock()
        try:
            item = step()
        except StopIteration as stop:
            self._returned(live, start_ns, stop.value)
            raise
        except BaseException as error:
            self._raised(live, start_ns, error)
            raise
        else:
            self._ran(live, start_ns, item)
            return item
        finally:
            if started is not None:
                spent_ns = cpu.stop(started)
                self._recorder.meter.note(live, start_ns, self._recorder.clock(), spent_ns)

    def close(self, generator: Generator[Any, Any, Any]) -> None:
        """Close the generator for a consumer that left; a collector may do so in any context, so it counts at home."""
        start_ns = self._recorder.clock()
        try:
            generator.close()
        except BaseException as error:
            self._raised(self._home, start_ns, error)
            raise
        self._left(self._home, start_ns)


def drive(
    recorder: Recorder, row: int, mapper: VerdictMapper | None, generator: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """Run `generator` for its consumer, one span per run; items, sent values, exceptions and result pass through."""
    stream = _SyncStream(recorder, row, mapper)
    step: Callable[[], Any] = generator.__next__
    while True:
        try:
            item = stream.run(step)
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
        except GeneratorExit:
            stream.close(generator)
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

    async def next(self) -> Any:
        """Return the next item.

        Raises:
            StopAsyncIteration: when there is none.
        """
        return await self._run(self._generator.__anext__)

    async def send(self, value: Any) -> Any:
        """Send `value` and return the next item."""
        return await self._run(partial(self._generator.asend, value))

    async def throw(self, error: BaseException) -> Any:
        """Throw `error` into the generator and return the next item."""
        return await self._run(partial(self._generator.athrow, error))

    async def close(self) -> None:
        """Close the generator for a consumer that left."""
        start_ns = self._recorder.clock()
        try:
            await self._generator.aclose()
        except BaseException as error:
            self._raised(self._home, start_ns, error)
            raise
        self._left(self._home, start_ns)

    async def _run(self, step: Callable[[], Any]) -> Any:
        live = self._begin()
        recorder = self._recorder
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
            self._returned(live, start_ns, None)
            raise
        except BaseException as error:
            recorder.restore(live, inner)
            self._raised(live, start_ns, error)
            raise
        else:
            recorder.restore(live, inner)
            self._ran(live, start_ns, item)
            return item
        finally:
            if steps is not None:
                recorder.meter.note(live, start_ns, recorder.clock(), steps.spent_ns)
