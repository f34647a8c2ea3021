"""What happens in each scenario: its layers, of known length, and how the application calls them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from stage import Stage

from aligntax import Profiler, Verdict
from aligntax.request import Request

TEXT = "What does it cost to be safe?"
CHUNKS = 10

Play = Callable[[], Request]
"""Plays one request and hands it back, ended."""


def series(work: Callable[[Stage, int], None], said: Verdict = Verdict.ALLOW) -> Callable[[Stage, Profiler], Play]:
    """Return a scenario of 50 units of guard, 300 of model and 20 of guard, one after another."""

    def prepare(stage: Stage, profiler: Profiler) -> Play:
        layers = {
            "asked": profiler.guard(_layer(stage, "asked", partial(work, stage, 50)), name="asked"),
            "model": profiler.model(_layer(stage, "model", partial(work, stage, 300)), name="model"),
            "said": profiler.guard(
                _layer(stage, "said", partial(work, stage, 20)), name="said", stage="output", verdict=lambda _: said
            ),
        }

        def play() -> Request:
            with profiler.request() as request:
                for name, layer in layers.items():
                    _call(stage, name, layer)
            return request

        return play

    return prepare


def threads(stage: Stage, profiler: Profiler) -> Play:
    """Play a guard of 50 units, then a model of 300 beside guards of 400 and 350, then a guard of 20."""
    started = threading.Barrier(3)  # all have begun before any ends, so that they overlap on any machine

    def beside(name: str, units: int) -> Callable[[str], str]:
        return _layer(stage, name, _once_all_began(started, partial(stage.sleep, units)))

    first = profiler.guard(_layer(stage, "A", partial(stage.spin, 50)), name="A")
    layers = {
        "model": profiler.model(beside("model", 300), name="model"),
        "B": profiler.guard(beside("B", 400), name="B", stage="parallel"),
        "C": profiler.guard(beside("C", 350), name="C", stage="parallel"),
    }
    last = profiler.guard(_layer(stage, "D", partial(stage.spin, 20)), name="D", stage="output")

    def play() -> Request:
        with profiler.request() as request:
            _call(stage, "A", first)
            stage.passing.together([profiler.bind(partial(_call, stage, *named)) for named in layers.items()])
            _call(stage, "D", last)
        return request

    return play


def gather(stage: Stage, profiler: Profiler) -> Play:
    """Play the same as coroutines. Timers fire between rounds of the loop, so all have begun before any ends."""
    layers = {
        "model": profiler.model(_async_layer(stage, "model", 300), name="model"),
        "B": profiler.guard(_async_layer(stage, "B", 400), name="B", stage="parallel"),
        "C": profiler.guard(_async_layer(stage, "C", 350), name="C", stage="parallel"),
    }
    first = profiler.guard(_async_layer(stage, "A", 50), name="A")
    last = profiler.guard(_async_layer(stage, "D", 20), name="D", stage="output")

    async def serve() -> Request:
        async with profiler.request() as request:
            await _async_call(stage, "A", first)
            await asyncio.gather(*(_async_call(stage, *named) for named in layers.items()))
            await _async_call(stage, "D", last)
        return request

    return lambda: stage.passing.run(serve())


def hidden(stage: Stage, profiler: Profiler) -> Play:
    """Play a guard that keeps a processor busy for 100 units while the model takes 300."""
    started = threading.Barrier(2)
    model = _layer(stage, "model", _once_all_began(started, partial(stage.sleep, 300)))
    guard = _layer(stage, "hidden", _once_all_began(started, partial(stage.spin, 100)))
    layers = {
        "model": profiler.model(model, name="model"),
        "hidden": profiler.guard(guard, name="hidden", stage="parallel"),
    }

    def play() -> Request:
        with profiler.request() as request:
            stage.passing.together([profiler.bind(partial(_call, stage, *named)) for named in layers.items()])
        return request

    return play


def cancelled(stage: Stage, profiler: Profiler) -> Play:
    """Play a guard that the application gives up on after 100 units; it then goes on to the model without it."""
    slow = profiler.guard(_async_layer(stage, "slow", 100_000), name="slow")
    model = profiler.model(_async_layer(stage, "model", 300), name="model")

    async def serve() -> Request:
        async with profiler.request() as request:
            with suppress(TimeoutError):
                async with asyncio.timeout(100 * stage.unit_ns / 1e9):
                    await _async_call(stage, "slow", slow)
            await _async_call(stage, "model", model)
        return request

    return lambda: stage.passing.run(serve())


def streamed(stage: Stage, profiler: Profiler) -> Play:
    """Play a model that streams ten chunks of 30 units each, through a filter that takes 10, to a slow consumer."""

    clock = stage.passing.clock
    in_model, in_guard = stage.marks_inside("model"), stage.marks_inside("filter")
    around_model, around_guard = stage.marks_around("model"), stage.marks_around("filter")

    def generate() -> Iterator[str]:
        for _ in range(CHUNKS):
            in_model.append(clock())
            stage.spin(30)
            in_model.append(clock())
            yield "chunk"

    def check(chunks: Iterator[str]) -> Iterator[str]:
        chunk: str | None = ""
        while chunk is not None:
            in_guard.append(clock())
            around_model.append(clock())
            chunk = next(chunks, None)
            around_model.append(clock())
            if chunk is not None:
                stage.spin(10)
            in_guard.append(clock())
            if chunk is not None:
                yield chunk

    model = profiler.model(generate, name="model")
    guard = profiler.guard(check, name="filter", stage="stream")

    def play() -> Request:
        with profiler.request() as request:
            chunks = guard(model())
            chunk: str | None = ""
            while chunk is not None:
                around_guard.append(clock())
                chunk = next(chunks, None)
                around_guard.append(clock())
                if chunk is not None:
                    stage.sleep(20)  # the consumer holds the chunk: nobody's time but the application's
        return request

    return play


def _once_all_began(started: threading.Barrier, work: Callable[[], None]) -> Callable[[], None]:
    def wait_and_work() -> None:
        started.wait()
        work()

    return wait_and_work


def _layer(stage: Stage, name: str, work: Callable[[], None]) -> Callable[[str], str]:
    marks, clock = stage.marks_inside(name), stage.passing.clock

    def layer(text: str) -> str:
        marks.append(clock())
        work()
        marks.append(clock())
        return text

    return layer


def _async_layer(stage: Stage, name: str, units: int) -> Callable[[str], Awaitable[str]]:
    marks, clock = stage.marks_inside(name), stage.passing.clock

    async def layer(text: str) -> str:
        marks.append(clock())
        try:
            await stage.pause(units)
        finally:
            marks.append(clock())
        return text

    return layer


def _call(stage: Stage, name: str, layer: Callable[[str], Any]) -> None:
    marks, clock = stage.marks_around(name), stage.passing.clock
    marks.append(clock())
    layer(TEXT)
    marks.append(clock())


async def _async_call(stage: Stage, name: str, layer: Callable[[str], Awaitable[Any]]) -> None:
    marks, clock = stage.marks_around(name), stage.passing.clock
    marks.append(clock())
    try:
        await layer(TEXT)
    finally:
        marks.append(clock())
