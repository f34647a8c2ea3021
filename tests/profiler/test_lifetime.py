"""Nothing grows, nothing stays: memory under load, profilers that are dropped, threads that end."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise

import pytest

from aligntax import Profiler
from aligntax.recording.scope import Recording
from aligntax.testing import FakeClock


def drain_for_good(profiler: Profiler) -> None:
    """Drain twice: the second run counts what came late to the requests of the first, and lets go of them."""
    profiler.drain()
    profiler.drain()


def serve_blocking(profiler: Profiler) -> Callable[[int], None]:
    guard = profiler.guard(lambda text: text, name="guard")
    outer = profiler.guard(lambda text: guard(text), name="outer")

    def serve(requests: int) -> None:
        for number in range(requests):
            with profiler.request():
                for _ in range(20):
                    outer("x")
            if number % 500 == 0:
                profiler.drain()
        drain_for_good(profiler)

    return serve


def serve_streams(profiler: Profiler) -> Callable[[int], None]:
    @profiler.guard(stage="stream")
    def stream() -> Iterator[int]:
        yield from range(5)

    @profiler.guard(stage="stream")
    async def later() -> AsyncIterator[int]:
        for number in range(5):
            yield number

    @profiler.guard
    async def waits() -> None:
        await asyncio.sleep(0)

    async def request() -> None:
        async with profiler.request(trace_id="4bf92f3577b34da6", model="m"):
            await asyncio.gather(waits(), waits())
            list(stream())
            assert [number async for number in later()]
            next(stream())  # never finished

    async def requests(count: int) -> None:
        for number in range(count):
            await request()
            if number % 100 == 0:
                profiler.drain()
        drain_for_good(profiler)

    return lambda count: asyncio.run(requests(count))


@pytest.mark.parametrize("cpu_share", [0.0, 0.2])
@pytest.mark.parametrize(
    ("shape", "warm_up", "load"), [(serve_blocking, 300, 1_500), (serve_streams, 100, 300)], ids=["calls", "streams"]
)
def test_memory_does_not_grow(
    shape: Callable[[Profiler], Callable[[int], None]],
    warm_up: int,
    load: int,
    cpu_share: float,
    make_profiler: Callable[..., Profiler],
) -> None:
    profiler = make_profiler(cpu_share=cpu_share, keep_requests=0)
    serve = shape(profiler)
    serve(warm_up)
    gc.collect()
    tracemalloc.start()
    try:
        held = []
        for requests in (warm_up, load, load, load):
            serve(requests)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert int(profiler.ledger.recorded_spans[0]) > 40 * load
    # A leak shows every time, what is only cached does not. One lost integer a request would be more than this.
    assert min(after - before for before, after in pairwise(held)) < 28 * load


def test_ended_requests_are_freed_when_they_have_been_drained(make_profiler: Callable[..., Profiler]) -> None:
    def recordings() -> int:
        gc.collect()
        return sum(type(it) is Recording and it.model == "freed" for it in gc.get_objects())

    profiler = make_profiler(keep_requests=2)
    for _ in range(10):
        with profiler.request(model="freed"):
            pass
    assert recordings() == 10
    drain_for_good(profiler)
    assert recordings() == 2


def drain_threads() -> set[threading.Thread]:
    """Return those of every profiler in the process; other tests may have left some behind."""
    return {thread for thread in threading.enumerate() if thread.name == "aligntax-drain"}


def test_a_dropped_profiler_is_collected_and_its_thread_ends(clock: FakeClock) -> None:
    others = drain_threads()
    profiler = Profiler(clock=clock, drain_seconds=0.001)
    guard = profiler.guard(len, name="guard")
    with profiler.request():
        guard([])
    (thread,) = drain_threads() - others
    assert thread.daemon
    reference = weakref.ref(profiler)
    del profiler, guard
    for _ in range(100):
        gc.collect()  # the thread may hold the profiler for the moment of a drain
        thread.join(0.05)
        if not thread.is_alive():
            break
    assert not thread.is_alive()
    gc.collect()
    assert reference() is None


def test_closing_ends_the_thread_and_drains_what_is_left(clock: FakeClock) -> None:
    others = drain_threads()
    profiler = Profiler(clock=clock, drain_seconds=600)
    for _ in range(5):
        with profiler.request():
            clock.advance(1)
    (thread,) = drain_threads() - others
    profiler.close()
    assert not thread.is_alive()
    assert int(profiler.ledger.requests.sum()) == 5
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
    profiler.close()


def test_a_profiler_that_served_nobody_has_no_thread() -> None:
    others = drain_threads()
    with Profiler(drain_seconds=0.001) as profiler:
        profiler.guard(len, name="guard")([])
        assert drain_threads() <= others


def test_a_half_full_queue_wakes_the_thread_up(clock: FakeClock) -> None:
    with Profiler(clock=clock, drain_seconds=600, queue_size=4) as profiler:
        drained = threading.Event()
        profiler.recorder.chores.append(drained.set)
        for _ in range(2):
            with profiler.request():
                clock.advance(1)
        assert drained.wait(10)


def test_the_thread_survives_what_a_drain_runs_into(clock: FakeClock) -> None:
    with Profiler(clock=clock, drain_seconds=0.001) as profiler:
        runs = threading.Semaphore(0)

        def chore() -> None:
            runs.release()
            raise RuntimeError("no")

        profiler.recorder.chores.append(chore)
        with profiler.request():
            pass
        assert all(runs.acquire(timeout=10) for _ in range(3))
