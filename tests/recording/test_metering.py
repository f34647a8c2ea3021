"""CPU time in sampled requests: each layer's own, whatever runs inside or beside it, and without bias."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest

from aligntax import Profiler, Trace
from aligntax.testing import FakeClock

from .clocks import ThreadClock


@pytest.fixture
def metered(make_profiler: Callable[..., Profiler]) -> Profiler:
    return make_profiler(cpu_share=1.0)


def cpu_ns(trace: Trace) -> dict[str, int]:
    totals: dict[str, int] = {}
    for span in trace.spans:
        assert span.cpu_ns is not None
        totals[span.layer.name] = totals.get(span.layer.name, 0) + span.cpu_ns
    return totals


def estimated(profiler: Profiler) -> dict[str, float]:
    profiler.drain()
    ledger = profiler.ledger
    return {layer.name: int(ledger.cpu_ns[row]) for row, layer in enumerate(ledger.layers)}


def test_nested_calls_are_charged_their_own_cpu_time(metered: Profiler, cpu_clock: FakeClock) -> None:
    inner = metered.guard(lambda: cpu_clock.advance(10), name="inner")

    @metered.guard
    def outer(depth: int) -> None:
        cpu_clock.advance(3)
        inner()
        if depth:
            outer(depth - 1)
        cpu_clock.advance(4)

    with metered.request() as request:
        cpu_clock.advance(1_000)
        outer(2)
        inner()
    assert cpu_ns(request.trace) == {"outer": 21, "inner": 40}
    assert estimated(metered) == {"inner": 40, "outer": 21}


def test_failed_calls_have_cpu_time(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.guard
    def inner() -> None:
        cpu_clock.advance(5)
        raise ValueError("no")

    @metered.guard
    def outer() -> None:
        cpu_clock.advance(2)
        with pytest.raises(ValueError, match="no"):
            inner()

    with metered.request() as request:
        outer()
    assert cpu_ns(request.trace) == {"inner": 5, "outer": 2}


async def test_waiting_costs_no_cpu_time_whoever_runs_meanwhile(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.guard
    async def inner() -> None:
        cpu_clock.advance(10)
        await asyncio.sleep(0)
        cpu_clock.advance(10)

    @metered.guard
    async def outer() -> None:
        cpu_clock.advance(1)
        await inner()
        await asyncio.sleep(0)
        cpu_clock.advance(2)

    async def somebody_else() -> None:
        for _ in range(5):
            cpu_clock.advance(1_000)
            await asyncio.sleep(0)

    async with metered.request() as request:
        await asyncio.gather(outer(), somebody_else(), inner(), somebody_else())
    assert cpu_ns(request.trace) == {"outer": 3, "inner": 40}


async def test_a_cancelled_call_has_the_cpu_time_of_its_cleaning_up(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.guard
    async def guard() -> None:
        try:
            cpu_clock.advance(1)
            await asyncio.Event().wait()
        finally:
            cpu_clock.advance(2)

    async with metered.request() as request:
        task = asyncio.create_task(guard())
        await asyncio.sleep(0)
        cpu_clock.advance(1_000)
        task.cancel()
        await asyncio.wait([task])
    assert cpu_ns(request.trace) == {"guard": 3}


def test_streams_are_charged_while_they_run(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.model
    def tokens() -> Iterator[int]:
        for number in range(3):
            cpu_clock.advance(100)
            yield number

    @metered.guard(stage="stream")
    def filtered(source: Iterator[int]) -> Iterator[int]:
        for number in source:
            cpu_clock.advance(7)
            yield number

    check = metered.guard(lambda _: cpu_clock.advance(20), name="check")
    with metered.request() as request:
        for number in filtered(tokens()):
            check(number)
            cpu_clock.advance(1_000)
    assert cpu_ns(request.trace) == {"tokens": 300, "filtered": 21, "check": 60}


async def test_asynchronous_streams_are_charged_while_they_run(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.model
    async def step() -> None:
        cpu_clock.advance(100)
        await asyncio.sleep(0)

    @metered.guard(stage="stream")
    async def stream() -> AsyncIterator[int]:
        for number in range(3):
            await step()
            cpu_clock.advance(7)
            yield number

    async def somebody_else() -> None:
        for _ in range(5):
            cpu_clock.advance(1_000)
            await asyncio.sleep(0)

    async with metered.request() as request:
        other = asyncio.create_task(somebody_else())
        async for _ in stream():
            cpu_clock.advance(1_000)
        await other
    assert cpu_ns(request.trace) == {"step": 300, "stream": 21}


async def test_each_thread_has_a_cpu_clock_of_its_own(make_profiler: Callable[..., Profiler]) -> None:
    cpu_clock = ThreadClock()
    profiler = make_profiler(cpu_share=1.0, cpu_clock=cpu_clock)
    inner = profiler.guard(lambda: cpu_clock.advance(50), name="inner")

    @profiler.guard
    async def outer() -> None:
        cpu_clock.advance(1)
        await asyncio.to_thread(inner)
        cpu_clock.advance(2)

    async with profiler.request() as request:
        await outer()
    assert cpu_ns(request.trace) == {"outer": 3, "inner": 50}


def test_blocks_have_no_cpu_time_and_take_none_from_others(metered: Profiler, cpu_clock: FakeClock) -> None:
    @metered.guard
    def outer() -> None:
        with metered.layer("block"):
            cpu_clock.advance(5)

    with metered.request() as request:
        outer()
    assert {span.layer.name: span.cpu_ns for span in request.trace.spans} == {"block": None, "outer": 5}


@pytest.mark.parametrize(("cpu_share", "some"), [(0.0, False), (1.0, True)])
def test_the_share_decides_who_is_metered(
    cpu_share: float, some: bool, make_profiler: Callable[..., Profiler], cpu_clock: FakeClock
) -> None:
    profiler = make_profiler(cpu_share=cpu_share)
    guard = profiler.guard(lambda: cpu_clock.advance(5), name="guard")
    for _ in range(20):
        with profiler.request():
            guard()
    report = profiler.report().to_dict()
    assert report["layers"][0]["cpu_sampled_calls"] == 20 * some
    assert report["layers"][0]["cpu_seconds_sum"] == (pytest.approx(100e-9) if some else None)
    assert report["self"]["metered_spans"] == 20 * some
    assert report["self"]["seconds_per_span"] == (0.0 if some else None)


@pytest.mark.parametrize("seed", range(5))
def test_sampled_cpu_time_is_weighted_exactly_and_without_bias(
    seed: int, make_profiler: Callable[..., Profiler], cpu_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = random.Random(seed).choices((1, 10, 500), k=3_000)
    monkeypatch.setattr(random, "Random", partial(random.Random, seed + 100))  # which requests are sampled
    share = 0.2
    profiler = make_profiler(cpu_share=share, queue_size=len(costs))
    inner = profiler.guard(cpu_clock.advance, name="inner")

    @profiler.guard
    def outer(cost: int) -> None:
        cpu_clock.advance(1)
        inner(cost)

    sampled = []
    for cost in costs:
        with profiler.request() as request:
            outer(cost)
        if request.trace.spans[0].cpu_ns is not None:
            sampled.append(cost)
    assert estimated(profiler) == {"inner": sum(sampled) * 5, "outer": len(sampled) * 5}
    # A Horvitz-Thompson estimate: each cost is in it with probability `share`, divided by `share`.
    for cost, guard in ((costs, "inner"), ([1] * len(costs), "outer")):
        standard_error = (sum(value**2 for value in cost) * (1 - share) / share) ** 0.5
        assert abs(estimated(profiler)[guard] - sum(cost)) < 4 * standard_error


def ticking(step_ns: int) -> Callable[[], int]:
    """Return a clock that moves on by a fixed step whenever it is read, and not otherwise."""
    now_ns = 0

    def clock() -> int:
        nonlocal now_ns
        now_ns += step_ns
        return now_ns

    return clock


def test_what_metering_itself_takes_is_taken_off(make_profiler: Callable[..., Profiler]) -> None:
    """Calls that do nothing have taken nothing, and neither has the call that they are nested in."""
    profiler = make_profiler(cpu_share=1.0, clock=ticking(10), cpu_clock=ticking(300))
    inner = profiler.guard(lambda: None, name="inner")
    outer = profiler.guard(lambda: [inner() for _ in range(5)], name="outer")
    for _ in range(8):
        with profiler.request():
            inner()
            outer()
    assert estimated(profiler) == {"inner": 0, "outer": 0}
    # The span's own two reads lie between the two that metering adds: one step more than reads with nothing between.
    assert profiler.report().to_dict()["self"]["seconds_per_span"] == pytest.approx(10e-9)
