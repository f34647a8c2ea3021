"""Requests: what they measure, and where they begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    assert exemplar == ("4bf92f3577b34da6a3ce929d0e0e4736", 0.002, 2_000_000)
    (exemplar,) = profiler.exemplars.of("request_duration_seconds", "m", "allowed").values()
    assert exemplar.seconds == 0.002
