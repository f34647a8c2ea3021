"""Asynchronous generators: the protocol passes through, waiting inside counts, being held by the consumer does not."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import dropped, own_ns, parents, spans


class WrongError(Exception):
    """Thrown into generators."""


@pytest.fixture
def talk(profiler: Profiler, clock: FakeClock) -> Callable[..., AsyncGenerator[Any, Any]]:
    @profiler.guard(stage="stream", name="talk")
    async def talking() -> AsyncGenerator[Any, Any]:
        """Yield what was sent or thrown, 10 ns a run, until `stop` is sent."""
        heard: Any = "first"
        try:
            while heard != "stop":
                clock.advance(4)
                await asyncio.sleep(0)
                clock.advance(6)
                try:
                    heard = yield heard
                except WrongError as error:
                    heard = error
        finally:
            clock.advance(1)

    return talking


@pytest.mark.parametrize("cpu_share", [0.0, 1.0])
async def test_items_sent_values_and_thrown_exceptions_pass_through(
    cpu_share: float, make_profiler: Callable[..., Profiler], clock: FakeClock
) -> None:
    profiler = make_profiler(cpu_share=cpu_share)

    @profiler.guard(stage="stream")
    async def talk() -> AsyncGenerator[Any, Any]:
        heard: Any = "first"
        while heard != "stop":
            clock.advance(10)
            await asyncio.sleep(0)
            try:
                heard = yield heard
            except WrongError as error:
                heard = error

    error = WrongError()
    async with profiler.request() as request:
        generator = talk()
        assert inspect.isasyncgen(generator)
        assert await anext(generator) == "first"
        assert await generator.asend("second") == "second"
        assert await generator.athrow(error) is error
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
    assert spans(request.trace) == [
        ("talk", 0, 10, None),
        ("talk", 10, 20, None),
        ("talk", 20, 30, None),
        ("talk", 30, 30, Verdict.ALLOW),
    ]
    assert len({span.call for span in request.trace.spans}) == 1


async def test_waiting_counts_and_being_held_does_not(
    profiler: Profiler, talk: Callable[..., Any], clock: FakeClock
) -> None:
    async with profiler.request():
        generator = talk()
        await anext(generator)
        clock.advance(1_000)
        await generator.aclose()
        await generator.aclose()
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["calls"] == 1
    assert layer["verdicts"] == {"cancelled": 1}
    assert profiler.ledger.closure_ns.tolist() == [1_011, 11, 0, 1_000]


async def test_a_generator_that_never_runs_leaves_nothing(profiler: Profiler, talk: Callable[..., Any]) -> None:
    async with profiler.request() as request:
        await talk().aclose()
    assert request.trace.spans == ()


async def test_a_cancelled_consumer_cancels_the_stream(profiler: Profiler, clock: FakeClock) -> None:
    started = asyncio.Event()
    cleaned = []

    @profiler.guard(stage="stream")
    async def forever() -> AsyncIterator[int]:
        try:
            yield 1
            started.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    async def consume() -> None:
        async for _ in forever():
            pass

    async with profiler.request() as request:
        task = asyncio.create_task(consume())
        await started.wait()
        assert profiler.in_progress() == {"forever": 1}
        clock.advance(8)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert cleaned == [True]
    assert spans(request.trace) == [("forever", 0, 0, None), ("forever", 0, 8, Verdict.CANCELLED)]
    assert request.outcome is Outcome.ALLOWED  # the application dealt with it
    assert profiler.in_progress() == {"forever": 0}


async def test_a_stream_that_is_left_early_is_closed_once(
    profiler: Profiler, talk: Callable[..., Any], clock: FakeClock
) -> None:
    async with profiler.request() as request, aclosing(talk()) as stream:
        async for _ in stream:
            break
    assert spans(request.trace) == [("talk", 0, 10, None), ("talk", 10, 11, Verdict.CANCELLED)]


async def test_an_abandoned_stream_is_closed_by_the_event_loop(profiler: Profiler, talk: Callable[..., Any]) -> None:
    async with profiler.request() as request:
        generator = talk()
        await anext(generator)
        del generator
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert spans(request.trace) == [("talk", 0, 10, None), ("talk", 10, 11, Verdict.CANCELLED)]


async def test_layers_inside_a_run_belong_to_it_and_the_consumers_do_not(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard(stage="output")
    def scan(_: str) -> None:
        clock.advance(7)

    @profiler.model
    async def step() -> str:
        clock.advance(50)
        await asyncio.sleep(0)
        clock.advance(50)
        return "a"

    @profiler.guard(stage="stream")
    async def filtered() -> AsyncIterator[str]:
        for _ in range(2):
            token = await step()
            clock.advance(5)
            yield token

    async with profiler.request() as request:
        async for token in filtered():
            scan(token)
    assert own_ns(request.trace) == {"step": 200, "filtered": 10, "scan": 14}
    assert parents(request.trace) == {
        ("filtered", 0): None, ("step", 0): "filtered", ("scan", 105): None,
        ("filtered", 112): None, ("step", 112): "filtered", ("scan", 217): None,
        ("filtered", 224): None,
    }  # fmt: skip
    assert request.tax.tax_ns == 24


async def test_a_filter_over_a_model_stream_is_charged_its_own_time_only(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.model
    async def tokens() -> AsyncIterator[str]:
        for token in "abc":
            clock.advance(100)
            await asyncio.sleep(0)
            yield token

    @profiler.guard(stage="stream")
    async def filtered(source: AsyncIterator[str]) -> AsyncIterator[str]:
        async for token in source:
            clock.advance(5)
            yield token.upper()

    async with profiler.request() as request:
        assert "".join([token async for token in filtered(tokens())]) == "ABC"
    assert own_ns(request.trace) == {"tokens": 300, "filtered": 15}
    assert request.tax.tax_ns == 15


async def test_two_streams_of_one_request_do_not_mix(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard(stage="stream")
    def check(_: object) -> None:
        clock.advance(1)

    @profiler.model
    async def tokens(count: int) -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(0)
            check(number)
            yield number

    async def consume(count: int) -> list[int]:
        return [number async for number in tokens(count)]

    async with profiler.request() as request:
        assert await asyncio.gather(consume(2), consume(3)) == [[0, 1], [0, 1, 2]]
    calls = [span.call for span in request.trace.spans if span.layer.name == "tokens"]
    assert sorted(calls.count(call) for call in set(calls)) == [3, 4]
    children = [span for span in request.trace.spans if span.layer.name == "check"]
    assert len(children) == 5
    assert all(span.parent is not None for span in children)
    per_call = [request.trace.spans[span.parent].call for span in children]
    assert sorted(per_call.count(call) for call in set(calls)) == [2, 3]


async def test_a_stream_handed_out_of_its_request_is_late(profiler: Profiler, talk: Callable[..., Any]) -> None:
    async with profiler.request() as request:
        generator = talk()
        await anext(generator)
    await anext(generator)
    await generator.aclose()
    assert spans(request.trace) == [("talk", 0, 10, None)]
    # After the request the run has no request to belong to; the close belongs to the request where it began.
    assert dropped(profiler) == {"orphan_span": 1, "late_span": 1}
