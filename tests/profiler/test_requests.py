"""Requests: what they measure, and where they begin and end."""

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


def test_the_tax_of_a_request(profiler: Profiler, clock: FakeClock) -> None:
    redact = profiler.guard(taking(clock, 50), name="pii")
    model = profiler.model(taking(clock, 300), name="gpt2")
    scan = profiler.guard(taking(clock, 25), name="toxicity", stage="output")
    with profiler.request() as request:
        clock.advance(5)
        assert scan(model(redact("x"))) == "x"
        clock.advance(20)
    assert request.tax.seconds == pytest.approx(75e-9)
    assert request.tax.ratio == pytest.approx(75 / 325)
    assert request.tax.shares == pytest.approx({"pii": 50e-9, "toxicity": 25e-9})
    assert (request.tax.guarded_ns, request.tax.raw_ns) == (400, 325)
    assert request.outcome is Outcome.ALLOWED
    assert (request.trace.start_ns, request.trace.end_ns, request.trace.model) == (0, 400, "gpt2")


async def test_the_worked_case_of_guards_beside_the_model(profiler: Profiler, clock: FakeClock) -> None:
    ends = {"b": asyncio.Event(), "c": asyncio.Event(), "model": asyncio.Event()}

    def waiting_for(name: str) -> Callable[[], Any]:
        async def work() -> None:
            await ends[name].wait()

        return work

    first = profiler.guard(taking(clock, 50), name="A")
    parallel = [
        profiler.model(waiting_for("model"), name="model"),
        profiler.guard(waiting_for("b"), name="B", stage="parallel"),
        profiler.guard(waiting_for("c"), name="C", stage="parallel"),
    ]
    last = profiler.guard(taking(clock, 20), name="D", stage="output")

    async def time_passes() -> None:
        for length, name in ((300, "model"), (50, "c"), (50, "b")):
            clock.advance(length)
            ends[name].set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async with profiler.request() as request:
        first()
        tasks = [asyncio.create_task(work()) for work in parallel]
        await asyncio.sleep(0)
        await time_passes()
        await asyncio.gather(*tasks)
        last()
    assert request.trace.duration_ns == 470
    assert (request.tax.raw_ns, request.tax.tax_ns) == (300, 170)
    assert request.tax.shares_ns == {"A": 50, "B": 75, "C": 25, "D": 20}
    layers = {row["layer"]: row for row in profiler.report().to_dict()["layers"]}
    drags = {name: layers[name]["drag_seconds_sum"] for name in "ABCD"}
    assert drags == pytest.approx({"A": 50e-9, "B": 50e-9, "C": 0, "D": 20e-9})
    assert sum(layers[name]["busy_seconds_sum"] for name in "ABCD") == pytest.approx(820e-9)


def test_an_empty_request(profiler: Profiler) -> None:
    with profiler.request() as request:
        pass
    assert request.tax.shares == {}
    assert request.tax.ratio == 0.0
    assert request.trace.model is None
    assert profiler.report().to_dict()["requests"] == 1


def test_the_model_that_a_request_is_booked_under(profiler: Profiler, clock: FakeClock) -> None:
    draft, target = (profiler.model(taking(clock, 10), name=name) for name in ("draft", "target"))
    with profiler.request() as first:
        draft()
        target()
    with profiler.request(model="named") as second:
        draft()
    assert (first.trace.model, second.trace.model) == ("draft", "named")
    report = profiler.report()
    assert set(report.to_dict()["models"]) >= {"draft", "named"}


def test_the_last_requests_are_kept(make_profiler: Callable[..., Profiler], clock: FakeClock) -> None:
    profiler = make_profiler(keep_requests=2)
    for length in (1, 2, 3):
        with profiler.request(trace_id=f"request-{length}"):
            clock.advance(length)
    profiler.drain()
    assert [(trace.trace_id, trace.duration_ns) for trace in profiler.traces()] == [("request-2", 2), ("request-3", 3)]


def test_a_trace_id_becomes_an_exemplar(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 2_000_000), name="guard")
    with profiler.request(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", model="m"):
        guard()
    profiler.drain()
    (exemplar,) = profiler.exemplars.of("request_tax_seconds", "m").values()
    assert exemplar == ("4bf92f3577b34da6a3ce929d0e0e4736", 0.002)
    (exemplar,) = profiler.exemplars.of("request_duration_seconds", "m", "allowed").values()
    assert exemplar.seconds == 0.002


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
    assert profiler.report().to_dict()["self"]["dropped"] == {}
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
    assert profiler.report().to_dict()["self"]["dropped"] == {"orphan_span": 1}


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
