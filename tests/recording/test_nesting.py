"""Layers inside of layers: who is whose parent, and how much time is a layer's own."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from aligntax import Profiler, Verdict
from aligntax.testing import FakeClock, taking

from .reading import busy_ns, dropped, own_ns, parents, spans


def test_nested_calls_are_charged_their_own_time(profiler: Profiler, clock: FakeClock) -> None:
    model = profiler.model(taking(clock, 100), name="model")

    @profiler.guard
    def inner(text: str) -> str:
        clock.advance(10)
        return text

    @profiler.guard
    def outer(text: str) -> str:
        clock.advance(1)
        text = inner(model(inner(text)))
        clock.advance(2)
        return text

    with profiler.request() as request:
        outer("x")
    assert parents(request.trace) == {
        ("outer", 0): None,
        ("inner", 1): "outer",
        ("model", 11): "outer",
        ("inner", 111): "outer",
    }
    assert own_ns(request.trace) == {"outer": 3, "inner": 20, "model": 100}
    assert busy_ns(request.trace) == {"outer": 123, "inner": 20, "model": 100}
    assert request.tax.shares_ns == {"outer": 3, "inner": 20}
    assert request.tax.ratio == pytest.approx(0.23)


def test_recursion_is_not_counted_twice(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard
    def walk(depth: int) -> int:
        clock.advance(1)
        below = walk(depth - 1) if depth else 0
        clock.advance(1)
        return below + 1

    with profiler.request() as request:
        assert walk(4) == 5
    assert spans(request.trace) == [("walk", depth, 10 - depth, Verdict.ALLOW) for depth in range(5)]
    assert own_ns(request.trace) == busy_ns(request.trace) == {"walk": 10}
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["calls"] == 5
    assert layer["wall_seconds"]["sum"] == pytest.approx(30e-9)
    assert layer["tax_seconds"]["sum"] == pytest.approx(10e-9)


async def test_asynchronous_layers_nest_by_call_not_by_time(profiler: Profiler, clock: FakeClock) -> None:
    gates = {name: asyncio.Event() for name in "ab"}

    @profiler.guard
    def check(_: str) -> None:
        clock.advance(1)

    @profiler.guard
    async def guard(name: str) -> None:
        await gates[name].wait()
        check(name)

    async with profiler.request() as request:
        first, second = asyncio.create_task(guard("a")), asyncio.create_task(guard("b"))
        await asyncio.sleep(0)
        clock.advance(10)
        gates["b"].set()
        await second
        gates["a"].set()
        await first
    assert spans(request.trace) == [
        ("guard", 0, 11, Verdict.ALLOW),  # b
        ("guard", 0, 12, Verdict.ALLOW),  # a
        ("check", 10, 11, Verdict.ALLOW),
        ("check", 11, 12, Verdict.ALLOW),
    ]
    ends = {
        (span.start_ns, request.trace.spans[span.parent].end_ns)
        for span in request.trace.spans
        if span.parent is not None
    }
    assert ends == {(10, 11), (11, 12)}


async def test_blocking_layers_inside_waiting_ones_inside_blocks(profiler: Profiler, clock: FakeClock) -> None:
    sync = profiler.guard(taking(clock, 3), name="sync")

    @profiler.guard
    async def waiting(text: str) -> str:
        clock.advance(1)
        sync(text)
        await asyncio.sleep(0)
        return sync(text)

    async with profiler.request() as request, profiler.layer("block", stage="output"):
        clock.advance(2)
        await waiting("x")
    assert parents(request.trace) == {
        ("block", 0): None,
        ("waiting", 2): "block",
        ("sync", 3): "waiting",
        ("sync", 6): "waiting",
    }
    assert own_ns(request.trace) == {"block": 2, "waiting": 1, "sync": 6}


async def test_recursion_of_coroutines(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard
    async def walk(depth: int) -> None:
        clock.advance(1)
        await asyncio.sleep(0)
        if depth:
            await asyncio.gather(walk(depth - 1), walk(depth - 1))

    async with profiler.request() as request:
        await walk(2)
    assert len(request.trace.spans) == 7
    assert sum(span.parent is None for span in request.trace.spans) == 1
    depths = []
    for span in request.trace.spans:
        depth, above = 0, span.parent
        while above is not None:
            depth, above = depth + 1, request.trace.spans[above].parent
        depths.append(depth)
    assert sorted(depths) == [0, 1, 1, 2, 2, 2, 2]


def test_a_block_is_a_layer(profiler: Profiler, clock: FakeClock) -> None:
    with profiler.request() as request:
        with profiler.layer("rerank", kind="guard", stage="output"):
            clock.advance(6)
        with profiler.layer("rerank", stage="output") as again:
            clock.advance(2)
            again.verdict = "modify"
        with profiler.layer("net", kind="model"):
            clock.advance(30)
    assert spans(request.trace) == [
        ("rerank", 0, 6, Verdict.ALLOW),
        ("rerank", 6, 8, Verdict.MODIFY),
        ("net", 8, 38, Verdict.ALLOW),
    ]
    assert request.trace.model == "net"
    assert request.tax.shares == {"rerank": 8e-9}


def test_a_block_that_raises_is_an_error_and_a_block_outside_is_counted(profiler: Profiler, clock: FakeClock) -> None:
    with profiler.request() as request, suppress(KeyError), profiler.layer("look up"):
        clock.advance(4)
        raise KeyError("x")
    assert spans(request.trace) == [("look up", 0, 4, Verdict.ERROR)]
    with profiler.layer("look up"):
        pass
    assert dropped(profiler) == {"orphan_span": 1}


def test_a_block_shares_the_layer_of_a_guard_of_the_same_kind_and_stage(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 5), name="pii", stage="output")
    with profiler.request() as request:
        guard("x")
        with profiler.layer("pii"):
            clock.advance(1)
    assert own_ns(request.trace) == {"pii": 6}
    with pytest.raises(ValueError, match="'pii' is taken by a guard of stage 'output'"):
        profiler.layer("pii", stage="input")
    with pytest.raises(ValueError, match="'pii' is taken by a guard"):
        profiler.layer("pii", kind="model")


def test_calls_without_length_cost_nothing(profiler: Profiler, clock: FakeClock) -> None:
    inner = profiler.guard(lambda: None, name="inner")

    @profiler.guard
    def outer() -> None:
        inner()
        clock.advance(3)
        inner()
        clock.advance(3)
        inner()

    with profiler.request() as request:
        inner()
        outer()
        inner()
    assert own_ns(request.trace) == busy_ns(request.trace) == {"inner": 0, "outer": 6}
    assert request.tax.shares_ns == {"inner": 0, "outer": 6}
    assert len(request.trace.spans) == 6
