"""Exceptions pass through as they are: the same object, the same traceback, nothing kept alive."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import errors, spans


class RefusalError(Exception):
    """Any exception of a program's own."""


class Stop(BaseException):
    """One that is no `Exception`."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("kind", [RefusalError, ValueError, KeyboardInterrupt, SystemExit, StopIteration, Stop])
def test_the_same_exception_comes_out_and_the_call_is_an_error(
    kind: type[BaseException], profiler: Profiler, clock: FakeClock
) -> None:
    raised = kind("why")

    @profiler.guard
    def guard() -> None:
        clock.advance(5)
        raise raised

    with profiler.request() as request:
        with pytest.raises(kind) as caught:
            guard()
        assert caught.value is raised
    assert raised.args == ("why",)
    assert spans(request.trace) == [("guard", 0, 5, Verdict.ERROR)]
    assert request.trace.spans[0].error_type == kind.__name__
    assert request.outcome is Outcome.ALLOWED  # the application dealt with it
    assert errors(profiler, "guard") == {kind.__name__: 1}


def deepest() -> None:
    raise RefusalError


def test_the_traceback_gains_only_the_wrappers_own_line(profiler: Profiler) -> None:
    def guard() -> None:
        try:
            deepest()
        except RefusalError as error:
            raise ValueError("refused") from error

    def lines(function: Callable[[], None]) -> list[tuple[str, str]]:
        with pytest.raises(ValueError, match="refused") as caught:
            function()
        assert isinstance(caught.value.__cause__, RefusalError)
        assert caught.value.__suppress_context__
        frames = traceback.extract_tb(caught.value.__traceback__)
        return [(frame.filename, frame.name) for frame in frames[1:]]

    timed = lines(profiler.guard(guard, name="guard"))
    (wrapper,) = (frame for frame in timed if frame[0].startswith("<aligntax layer 0 around "))
    timed.remove(wrapper)
    assert timed == lines(guard)


def raises() -> None:
    raise RefusalError


async def raises_async() -> None:
    await asyncio.sleep(0)
    raise RefusalError


def yields_and_raises() -> Iterator[int]:
    yield 1
    raise RefusalError


async def waits() -> None:
    await asyncio.sleep(0)


async def yields_and_raises_async() -> AsyncIterator[int]:
    yield 1
    raise RefusalError


def yields() -> Iterator[int]:
    while True:
        yield 1


async def yields_async() -> AsyncIterator[int]:
    while True:
        yield 1


async def calling(timed: Callable[[], Any]) -> None:
    timed()


async def awaiting(timed: Callable[[], Any]) -> None:
    await timed()


async def iterating(timed: Callable[[], Any]) -> None:
    for _ in timed():
        pass


async def iterating_async(timed: Callable[[], Any]) -> None:
    async for _ in timed():
        pass


async def throwing(timed: Callable[[], Any]) -> None:
    generator = timed()
    next(generator)
    generator.throw(RefusalError())


async def throwing_into_coroutine(timed: Callable[[], Any]) -> None:
    coroutine = timed()
    coroutine.send(None)
    coroutine.throw(RefusalError())


async def throwing_async(timed: Callable[[], Any]) -> None:
    generator = timed()
    await anext(generator)
    await generator.athrow(RefusalError())


WAYS = {
    "function": (raises, calling),
    "coroutine": (raises_async, awaiting),
    "generator": (yields_and_raises, iterating),
    "asynchronous generator": (yields_and_raises_async, iterating_async),
    "thrown into a coroutine": (waits, throwing_into_coroutine),
    "thrown into a generator": (yields, throwing),
    "thrown into an asynchronous generator": (yields_async, throwing_async),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("wrapped_as", ["itself", "guard", "metered guard", "request"])
@pytest.mark.parametrize("way", WAYS)
async def test_no_reference_cycle_keeps_an_exception_alive(
    way: str, wrapped_as: str, make_profiler: Callable[..., Profiler]
) -> None:
    function, run = WAYS[way]
    profiler = make_profiler(cpu_share=1.0 if wrapped_as == "metered guard" else 0.0)
    wrappers = {"itself": lambda it: it, "request": lambda it: profiler.request()(it)}
    timed = wrappers.get(wrapped_as, profiler.guard)(function)

    async def left_behind() -> weakref.ref[BaseException]:
        context = contextlib.nullcontext() if wrapped_as == "request" else profiler.request()
        with context:
            try:
                await run(timed)
            except RefusalError as error:
                return weakref.ref(error)
        raise AssertionError("nothing was raised")

    assert (await left_behind())() is None


def test_an_exception_with_a_verdict_means_what_it_says(profiler: Profiler) -> None:
    class BlockedError(Exception):
        verdict = Verdict.BLOCK

    @profiler.guard(stage="input")
    def guard() -> None:
        raise BlockedError

    with pytest.raises(BlockedError), profiler.request() as request:
        guard()
    assert request.outcome is Outcome.BLOCKED_INPUT
    assert request.trace.spans[0].verdict is Verdict.BLOCK
    assert request.trace.spans[0].error_type is None


def test_an_exception_whose_verdict_cannot_be_read_is_counted(profiler: Profiler) -> None:
    class HostileError(Exception):
        @property
        def verdict(self) -> Verdict:
            raise RuntimeError("no verdict for you")

    @profiler.guard
    def guard() -> None:
        raise HostileError

    with profiler.request(), pytest.raises(HostileError):
        guard()
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {"internal_error": 1}
