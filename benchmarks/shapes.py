"""The shapes of layer whose recording is timed: each as a batch of calls, bare and wrapped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import repeat
from time import perf_counter_ns
from typing import Any, NamedTuple

from measure import Arm, own_code

from aligntax import Profiler

CALLS_PER_REQUEST = 50
REQUESTS = 40
CALLS = CALLS_PER_REQUEST * REQUESTS
TEXT = "What does it cost to be safe?"


class Shape(NamedTuple):
    """One way to be a layer.

    Attributes:
        case: what it is, for people.
        layer: its name with the profiler.
        bare, wrapped: CALLS calls, in REQUESTS parts; nanoseconds per call.
        spans: how many spans each request must leave behind.
    """

    case: str
    layer: str
    bare: Arm
    wrapped: Arm
    spans: int = CALLS_PER_REQUEST


def guard(text: str) -> str:
    """Let everything pass: the layer that has nothing to hide the instrument's cost behind."""
    return text


def calls(function: Callable[[str], Any]) -> Arm:
    """Return the calls of one request, with one argument."""

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS_PER_REQUEST):
            function(TEXT)
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return batch


def shapes(profiler: Profiler) -> list[Shape]:
    """Return every shape, wrapped by `profiler`; the first is the one that peers are compared on."""

    def guarded(
        case: str, batch: Callable[[Any], Arm], function: Callable[..., Any], spans: int = CALLS_PER_REQUEST
    ) -> Shape:
        wrapped = profiler.guard(function, name=case)
        return Shape(case, case, repeated(batch(function)), in_requests(profiler, batch(wrapped)), spans)

    model = calls(profiler.model(guard, name="model"))
    return [
        guarded("sync guard, 1 argument", calls, guard),
        guarded("sync guard, 3 arguments", _three, _three_guard),
        Shape("model, 1 argument", "model", repeated(calls(guard)), in_requests(profiler, model)),
        guarded("callable object", calls, _Guard()),
        guarded("async guard", _awaited, _async_guard),
        # Each item is a span, and so is the last run, which finds that there is no more.
        guarded("generator guard, an item", _items, _stream, CALLS_PER_REQUEST + 1),
        guarded("async generator guard, an item", _async_items, _async_stream, CALLS_PER_REQUEST + 1),
        Shape("with profiler.layer(...)", "block", repeated(calls(guard)), in_requests(profiler, _blocks(profiler))),
    ]


def repeated(batch: Arm) -> Arm:
    """Return the same calls as in as many requests, without any."""

    def arm() -> float:
        return sum([batch() for _ in range(REQUESTS)]) / REQUESTS

    return arm


def in_requests(profiler: Profiler, batch: Arm) -> Arm:
    """Return calls inside of requests; opening, closing and draining those is not in the time."""

    def arm() -> float:
        costs = []
        for _ in range(REQUESTS):
            with profiler.request():
                costs.append(batch())
        profiler.drain()
        return sum(costs) / REQUESTS

    return arm


def _three_guard(text: str, limit: int, strict: bool) -> str:
    return text if limit or strict else ""


class _Guard:
    def __call__(self, text: str) -> str:
        return text


async def _async_guard(text: str) -> str:
    return text


def _stream(items: int) -> Iterator[str]:
    yield from repeat(TEXT, items)


async def _async_stream(items: int) -> AsyncIterator[str]:
    for item in repeat(TEXT, items):
        yield item


def _three(function: Callable[[str, int, bool], Any]) -> Arm:
    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS_PER_REQUEST):
            function(TEXT, 10, True)
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return batch


def _awaited(function: Callable[[str], Awaitable[Any]]) -> Arm:
    @own_code
    async def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS_PER_REQUEST):
            await function(TEXT)
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return lambda: _result_of(batch())


def _items(function: Callable[[int], Iterator[str]]) -> Arm:
    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in function(CALLS_PER_REQUEST):
            pass
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return batch


def _async_items(function: Callable[[int], AsyncIterator[str]]) -> Arm:
    @own_code
    async def batch() -> float:
        start_ns = perf_counter_ns()
        async for _ in function(CALLS_PER_REQUEST):
            pass
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return lambda: _result_of(batch())


def _blocks(profiler: Profiler) -> Arm:
    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS_PER_REQUEST):
            with profiler.layer("block", stage="output"):
                guard(TEXT)
        return (perf_counter_ns() - start_ns) / CALLS_PER_REQUEST

    return batch


def _result_of(coroutine: Any) -> float:
    """Run a coroutine that never suspends, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return float(ended.value)
    raise RuntimeError("the batch suspended; its guards must not wait for anything")
