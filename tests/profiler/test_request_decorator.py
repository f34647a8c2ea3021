"""`@profiler.request()`: every call is a request of its own, streams included."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from aligntax import Outcome, Profiler
from aligntax.testing import FakeClock, taking


class Service:
    def __init__(self, clock: FakeClock, guard: Callable[[object], object]) -> None:
        self.clock = clock
        self.guard = guard

    def answer(self, text: str) -> str:
        """Answer."""
        self.guard(text)
        return text

    async def answer_later(self, text: str) -> str:
        """Answer."""
        self.guard(text)
        await asyncio.sleep(0)
        return text

    def stream(self, text: str) -> Iterator[str]:
        """Answer."""
        for character in text:
            self.guard(character)
            yield character

    async def stream_later(self, text: str) -> AsyncIterator[str]:
        """Answer."""
        for character in text:
            self.guard(character)
            await asyncio.sleep(0)
            yield character

    async def __call__(self, text: str) -> str:
        return await self.answer_later(text)


@pytest.fixture
def service(profiler: Profiler, clock: FakeClock) -> Service:
    return Service(clock, profiler.guard(taking(clock, 7), name="guard"))


async def called(function: Callable[[str], Any]) -> object:
    result = function("ab")
    if inspect.isasyncgen(result):
        return [item async for item in result]
    if inspect.isgenerator(result):
        return list(result)
    return await result if inspect.isawaitable(result) else result


@pytest.mark.parametrize(
    ("kind", "expected", "spans"),
    [
        ("answer", "ab", 1),
        ("answer_later", "ab", 1),
        ("stream", ["a", "b"], 2),
        ("stream_later", ["a", "b"], 2),
        ("__call__", "ab", 1),
    ],
)
async def test_every_call_of_a_decorated_function_is_a_request(
    kind: str, expected: object, spans: int, profiler: Profiler, service: Service
) -> None:
    function = service if kind == "__call__" else getattr(service, kind)
    decorated = profiler.request(model="m", trace_id="t")(function)
    for _ in range(2):
        assert await called(decorated) == expected
    traces = profiler.traces()
    assert [(trace.model, trace.trace_id, len(trace.spans)) for trace in traces] == [("m", "t", spans)] * 2
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
    if kind != "__call__":
        assert (decorated.__name__, decorated.__doc__) == (kind, "Answer.")
        assert inspect.signature(decorated) == inspect.signature(function)
    assert inspect.iscoroutinefunction(decorated) == (kind in {"answer_later", "__call__"})
    assert inspect.isgeneratorfunction(decorated) == (kind == "stream")
    assert inspect.isasyncgenfunction(decorated) == (kind == "stream_later")


def test_decorated_methods_and_partials(profiler: Profiler, service: Service) -> None:
    class Front:
        @profiler.request()
        def answer(self, text: str) -> str:
            return service.answer(text)

        @staticmethod
        @profiler.request()
        def answer_alone(text: str) -> str:
            return service.answer(text)

        @profiler.request()
        @staticmethod
        def answer_for_nobody(text: str) -> str:
            return service.answer(text)

        @profiler.request()
        @classmethod
        def answer_for_all(cls, text: str) -> str:
            return service.answer(text)

    for answer in (Front().answer, Front.answer_alone, Front().answer_for_nobody, Front().answer_for_all):
        assert answer("a") == "a"
    assert profiler.request()(functools.partial(service.answer, "a"))() == "a"
    assert [len(trace.spans) for trace in profiler.traces()] == [1] * 5


def test_a_decorated_generators_request_is_current_only_while_it_runs(
    profiler: Profiler, service: Service, clock: FakeClock
) -> None:
    stream = profiler.request()(service.stream)("abc")
    assert next(stream) == "a"
    service.guard("the consumer's")
    with profiler.request() as request:
        service.guard("in another request")
        assert next(stream) == "b"
        service.guard("in another request")
    clock.advance(1_000)
    assert list(stream) == ["c"]
    other, streamed = profiler.traces()
    assert (len(other.spans), len(streamed.spans)) == (2, 3)
    assert request.trace == other
    assert streamed.duration_ns == 5 * 7 + 1_000 + 7  # its consumer's time is the application's
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {"orphan_span": 1}


def test_a_decorated_generator_passes_sent_values_and_exceptions(profiler: Profiler) -> None:
    @profiler.request()
    def echo() -> Iterator[object]:
        heard: object = "first"
        while heard != "stop":
            try:
                heard = yield heard
            except ValueError as error:
                heard = error
        return "bye"

    talk = echo()
    error = ValueError()
    assert [next(talk), talk.send(2), talk.throw(error), next(talk)] == ["first", 2, error, None]
    with pytest.raises(StopIteration) as stop:
        talk.send("stop")
    assert stop.value.value == "bye"
    assert len(profiler.traces()) == 1


@pytest.mark.parametrize("how", ["closed", "abandoned"])
async def test_a_consumer_that_leaves_cancels_a_decorated_stream(
    how: str, profiler: Profiler, service: Service
) -> None:
    stream, later = profiler.request()(service.stream)("abc"), profiler.request()(service.stream_later)("abc")
    assert (next(stream), await anext(later)) == ("a", "a")
    if how == "closed":
        stream.close()
        await later.aclose()
    del stream, later
    gc.collect()
    for _ in range(3):
        await asyncio.sleep(0)
    assert [trace.outcome for trace in profiler.traces()] == [Outcome.CANCELLED] * 2
    with profiler.request():  # nothing was left open here
        pass
