"""A request holds so many spans and no more; what finds no room is counted, and the call goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from aligntax import Profiler
from aligntax.recording.scope import FIELDS, Recording

from .reading import dropped, spans

MAX_SPANS = 5


@pytest.fixture
def small(make_profiler: Callable[..., Profiler]) -> Profiler:
    return make_profiler(max_spans=MAX_SPANS)


@pytest.mark.parametrize("calls", [MAX_SPANS - 1, MAX_SPANS, MAX_SPANS + 3])
def test_blocking_calls_beyond_the_limit_are_counted(calls: int, small: Profiler) -> None:
    guard = small.guard(lambda number: number, name="guard")
    with small.request() as request:
        assert [guard(number) for number in range(calls)] == list(range(calls))
    assert len(request.trace.spans) == min(calls, MAX_SPANS)
    assert dropped(small) == ({"trace_full": 3} if calls > MAX_SPANS else {})


def test_a_failing_call_beyond_the_limit_raises_what_it_raised(small: Profiler) -> None:
    @small.guard
    def guard() -> None:
        raise ValueError("mine")

    with small.request() as request:
        for _ in range(MAX_SPANS + 2):
            with pytest.raises(ValueError, match="mine"):
                guard()
    assert len(request.trace.spans) == MAX_SPANS
    assert dropped(small) == {"trace_full": 2}


async def test_awaited_calls_beyond_the_limit_are_counted(small: Profiler) -> None:
    @small.guard
    async def guard(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async with small.request() as request:
        assert await asyncio.gather(*map(guard, range(MAX_SPANS))) == list(range(MAX_SPANS))
        assert [await guard(number) for number in range(3)] == [0, 1, 2]
    assert len(request.trace.spans) == MAX_SPANS
    assert dropped(small) == {"trace_full": 3}


def test_a_stream_beyond_the_limit_goes_on(small: Profiler) -> None:
    @small.guard(stage="stream")
    def stream() -> Iterator[int]:
        yield from range(MAX_SPANS + 1)

    with small.request() as request:
        assert list(stream()) == list(range(MAX_SPANS + 1))
    assert [verdict for *_, verdict in spans(request.trace)] == [None] * MAX_SPANS
    report = small.report().to_dict()
    assert report["self"]["dropped_by_reason"] == {"trace_full": 2}
    assert report["layers"][0]["verdicts"] == {"cancelled": 1}  # its last run, which had the verdict, was lost


def held(recording: Recording) -> int:
    return sum(len(scope) for scope in (recording.root, *recording.scopes)) // FIELDS


async def nested_calls(small: Profiler) -> Callable[[], Awaitable[None]]:
    check = small.guard(lambda: None, name="check")

    @small.guard
    async def outer() -> None:
        for _ in range(3):
            check()

    return outer


async def nested_blocks(small: Profiler) -> Callable[[], Awaitable[None]]:
    async def outer() -> None:
        with small.layer("outer"), small.layer("inner"):
            pass

    return outer


async def nested_streams(small: Profiler) -> Callable[[], Awaitable[None]]:
    check = small.guard(lambda: None, name="check")

    @small.guard(stage="stream")
    async def stream() -> AsyncIterator[int]:
        for number in range(3):
            check()
            yield number

    async def outer() -> None:
        assert [number async for number in stream()] == [0, 1, 2]

    return outer


@pytest.mark.parametrize("cpu_share", [0.0, 1.0])
@pytest.mark.parametrize("shape", [nested_calls, nested_blocks, nested_streams])
async def test_a_request_that_never_ends_stays_bounded(
    shape: Callable[[Profiler], Awaitable[Callable[[], Awaitable[None]]]],
    cpu_share: float,
    make_profiler: Callable[..., Profiler],
) -> None:
    small = make_profiler(max_spans=MAX_SPANS, cpu_share=cpu_share)
    run = await shape(small)
    async with small.request() as request:
        (recording,) = small._intake.running
        for _ in range(10):
            await run()
        size = held(recording), len(recording.scopes), len(recording.meters)
        assert size[0] <= 4 * MAX_SPANS
        assert size[1] <= 4 * MAX_SPANS
        for _ in range(100):
            await run()
        assert (held(recording), len(recording.scopes), len(recording.meters)) == size
        assert not recording.open_calls
    assert len(request.trace.spans) == size[0]
    assert dropped(small)["trace_full"] > 100


async def test_a_call_whose_callees_fill_the_request_is_not_mistaken_for_one_of_them(
    make_profiler: Callable[..., Profiler], cpu_clock: Callable[[], int]
) -> None:
    """A metered call that finds no room must not book its CPU time on the last span that did."""
    profiler = make_profiler(max_spans=2, cpu_share=1.0)

    @profiler.guard
    def inner() -> None:
        cpu_clock.advance(3)

    @profiler.guard
    def outer() -> None:
        inner()
        inner()
        cpu_clock.advance(5)

    with profiler.request() as request:
        outer()
    assert [(span.layer.name, span.cpu_ns) for span in request.trace.spans] == [("inner", 3), ("inner", None)]
    layers = {row["layer"]: row for row in profiler.report().to_dict()["layers"]}
    assert layers["inner"]["cpu_sampled_calls"] == 1
    assert layers["inner"]["cpu_seconds_sum"] == pytest.approx(3e-9)
    assert layers["outer"]["cpu_seconds_sum"] is None
