"""Every kind of callable: what it returns is untouched, and its call is one span of the right length."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import spans

RESULT = object()


class Scanner:
    """Everything that can be called on an instance, each taking 7 ns."""

    clock: FakeClock

    def method(self, text: object) -> object:
        self.clock.advance(7)
        return RESULT

    async def coroutine_method(self, text: object) -> object:
        self.clock.advance(7)
        return RESULT

    @classmethod
    def of_class(cls, text: object) -> object:
        cls.clock.advance(7)
        return RESULT

    @staticmethod
    def of_nobody(text: object) -> object:
        Scanner.clock.advance(7)
        return RESULT

    def __call__(self, text: object) -> object:
        self.clock.advance(7)
        return RESULT


class AsyncScanner:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock

    async def __call__(self, text: object) -> object:
        self.clock.advance(7)
        return RESULT


@pytest.fixture
def scanner(clock: FakeClock) -> Scanner:
    Scanner.clock = clock
    return Scanner()


SYNC: dict[str, Callable[[Scanner], Callable[..., Any]]] = {
    "function": lambda scanner: lambda text: scanner.method(text),
    "bound method": lambda scanner: scanner.method,
    "class method": lambda scanner: scanner.of_class,
    "static method": lambda scanner: scanner.of_nobody,
    "callable object": lambda scanner: scanner,
    "partial of a function": lambda scanner: functools.partial(Scanner.method, scanner),
    "partial of a method": lambda scanner: functools.partial(scanner.method),
    "cached function": lambda scanner: functools.lru_cache(scanner.method),
    "method caller": lambda scanner: functools.partial(operator.methodcaller("method", "text"), scanner),
    "single dispatch": lambda scanner: functools.singledispatch(scanner.method),
}
ASYNC: dict[str, Callable[[Scanner], Callable[..., Any]]] = {
    "bound method": lambda scanner: scanner.coroutine_method,
    "partial": lambda scanner: functools.partial(Scanner.coroutine_method, scanner),
    "callable object": lambda scanner: AsyncScanner(scanner.clock),
    "partial of a callable object's call": lambda scanner: functools.partial(AsyncScanner(scanner.clock).__call__),
}


@pytest.mark.parametrize("kind", SYNC)
def test_a_blocking_call_is_one_span(kind: str, profiler: Profiler, scanner: Scanner, clock: FakeClock) -> None:
    timed = profiler.guard(SYNC[kind](scanner), name="scan")
    arguments = ("text",) if kind != "method caller" else ()
    with profiler.request() as request:
        clock.advance(3)
        assert timed(*arguments) is RESULT
    assert spans(request.trace) == [("scan", 3, 10, Verdict.ALLOW)]


@pytest.mark.parametrize("kind", ASYNC)
async def test_an_awaited_call_is_one_span(kind: str, profiler: Profiler, scanner: Scanner, clock: FakeClock) -> None:
    timed = profiler.guard(ASYNC[kind](scanner), name="scan")
    async with profiler.request() as request:
        clock.advance(3)
        waiting = timed("text")
        clock.advance(5)  # a coroutine does not start before it is awaited
        assert await waiting is RESULT
    assert spans(request.trace) == [("scan", 8, 15, Verdict.ALLOW)]


@pytest.mark.parametrize("kind", [*SYNC, *ASYNC])
def test_outside_of_a_request_calls_work_and_are_counted(
    kind: str, profiler: Profiler, scanner: Scanner, clock: FakeClock
) -> None:
    wrapped = {**SYNC, **ASYNC}[kind](scanner)
    timed = profiler.guard(wrapped, name="scan")
    result = timed() if kind == "method caller" else timed("text")
    if result is not RESULT:
        with pytest.raises(StopIteration) as stop:
            result.send(None)
        result = stop.value.value
    assert result is RESULT
    report = profiler.report().to_dict()
    assert report["self"]["dropped_by_reason"] == {"orphan_span": 1}
    assert report["requests"] == 0


def test_builtins_are_timed(profiler: Profiler) -> None:
    count, largest, shout = profiler.guard(len), profiler.guard(max), profiler.guard(str.upper)
    with profiler.request() as request:
        assert count([1, 2]) == 2
        assert largest(1, 5, key=lambda value: -value) == 1
        assert shout("a") == "A"
    assert [name for name, *_ in spans(request.trace)] == ["len", "max", "upper"]


def test_a_class_is_timed_as_the_function_that_makes_its_instances(profiler: Profiler, clock: FakeClock) -> None:
    make = profiler.guard(AsyncScanner, name="make")
    with profiler.request() as request:
        made = make(clock)
    assert type(made) is AsyncScanner
    assert [name for name, *_ in spans(request.trace)] == ["make"]


def test_decorators_with_and_without_arguments(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard
    def plain(text: str) -> str:
        """Documented."""
        clock.advance(1)
        return text

    @profiler.guard(stage="output", name="toxicity")
    def named(text: str) -> str:
        clock.advance(2)
        return text

    @profiler.guard()
    async def waiting(text: str) -> str:
        return text

    with profiler.request() as request:
        assert named(plain("a")) == "a"
    waiting("x").close()
    assert spans(request.trace) == [("plain", 0, 1, Verdict.ALLOW), ("toxicity", 1, 3, Verdict.ALLOW)]
    assert [span.layer.stage for span in request.trace.spans] == ["input", "output"]
    assert (plain.__name__, plain.__doc__, plain.__module__) == ("plain", "Documented.", __name__)
    assert plain.__wrapped__("b") == "b"


def test_models_are_timed_like_guards_and_say_nothing(profiler: Profiler, clock: FakeClock) -> None:
    net = profiler.model(lambda tokens: Verdict.BLOCK, name="net")
    with profiler.request() as request:
        assert net("x") is Verdict.BLOCK
    assert request.trace.model == "net"
    assert request.outcome == "allowed"
    assert request.trace.spans[0].layer.stage == "model"


def test_two_profilers_time_one_function_each_for_itself(
    make_profiler: Callable[..., Profiler], clock: FakeClock
) -> None:
    one, other = make_profiler(), make_profiler()

    def guard(text: str) -> str:
        clock.advance(4)
        return text

    both = one.guard(other.guard(guard, name="inner"), name="outer")
    with one.request() as first, other.request() as second:
        assert both("x") == "x"
    with other.request() as third:
        assert both("x") == "x"
    assert [name for name, *_ in spans(first.trace)] == ["outer"]
    assert spans(second.trace) == [("inner", 0, 4, Verdict.ALLOW)]
    assert spans(third.trace) == [("inner", 4, 8, Verdict.ALLOW)]
    assert one.report().to_dict()["self"]["dropped_by_reason"] == {"orphan_span": 1}
