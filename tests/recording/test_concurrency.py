"""Tasks and threads: every span finds its request, and what cannot is counted."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import dropped, spans


@pytest.fixture
def guard(profiler: Profiler, clock: FakeClock) -> Callable[[str], str]:
    @profiler.guard(name="guard")
    def guard(text: str) -> str:
        clock.advance(1)
        return text

    return guard


@pytest.fixture
def waiting(profiler: Profiler) -> Callable[[str], Any]:
    @profiler.guard(name="waiting")
    async def waiting(text: str) -> str:
        await asyncio.sleep(0)
        return text

    return waiting


async def test_gathered_guards_run_in_parallel(profiler: Profiler, clock: FakeClock) -> None:
    release = asyncio.Event()

    @profiler.guard(stage="parallel")
    async def check() -> None:
        await release.wait()

    @profiler.model
    async def model() -> str:
        await asyncio.sleep(0)
        clock.advance(300)
        release.set()
        await asyncio.sleep(0)
        clock.advance(20)
        return "text"

    async with profiler.request() as request:
        assert await asyncio.gather(check(), model()) == [None, "text"]
    assert spans(request.trace) == [("check", 0, 300, Verdict.ALLOW), ("model", 0, 320, Verdict.ALLOW)]
    assert all(span.parent is None for span in request.trace.spans)
    assert request.tax.tax_ns == 0


async def test_a_task_group_belongs_to_the_request(profiler: Profiler, waiting: Callable[[str], Any]) -> None:
    async with profiler.request() as request:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(waiting(text)) for text in "abc"]
        assert [task.result() for task in tasks] == ["a", "b", "c"]
    assert len(request.trace.spans) == 3


async def test_a_failing_task_group_cancels_the_other_guards(profiler: Profiler) -> None:
    @profiler.guard
    async def fails() -> None:
        raise ValueError("no")

    @profiler.guard
    async def waits() -> None:
        await asyncio.Event().wait()

    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits())
            group.create_task(fails())

    with pytest.raises(ExceptionGroup):
        async with profiler.request() as request:
            await together()
    assert sorted((span.layer.name, span.verdict) for span in request.trace.spans) == [
        ("fails", Verdict.ERROR),
        ("waits", Verdict.CANCELLED),
    ]
    assert request.outcome == "error"


async def test_requests_of_concurrent_tasks_do_not_mix(profiler: Profiler, waiting: Callable[[str], Any]) -> None:
    async def serve(count: int) -> int:
        async with profiler.request() as request:
            for _ in range(count):
                await waiting("x")
        return len(request.trace.spans)

    assert await asyncio.gather(*map(serve, range(20))) == list(range(20))
    assert dropped(profiler) == {}


async def test_to_thread_takes_the_request_along(profiler: Profiler, guard: Callable[[str], str]) -> None:
    async with profiler.request() as request:
        assert await asyncio.to_thread(guard, "x") == "x"
    assert len(request.trace.spans) == 1
    assert request.trace.spans[0].strand != threading.get_ident()


async def test_an_executor_needs_a_bound_function(profiler: Profiler, guard: Callable[[str], str]) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(2) as pool:
        async with profiler.request() as request:
            assert await loop.run_in_executor(pool, guard, "lost") == "lost"
            assert await loop.run_in_executor(pool, profiler.bind(guard), "found") == "found"
            assert list(pool.map(profiler.bind(guard), "abc")) == ["a", "b", "c"]
            # Binding leaves nothing behind on the pool's threads.
            assert await loop.run_in_executor(pool, guard, "lost again") == "lost again"
        assert await loop.run_in_executor(pool, guard, "outside") == "outside"
    assert len(request.trace.spans) == 4
    assert dropped(profiler) == {"orphan_span": 3}


def test_a_bound_function_is_the_function(profiler: Profiler, guard: Callable[[str], str]) -> None:
    def documented(text: str, *, twice: bool = False) -> str:
        """What it does."""
        return guard(guard(text) if twice else text)

    with profiler.request() as request:
        bound = profiler.bind(documented)
        assert bound("x", twice=True) == "x"
        with pytest.raises(TypeError, match="unexpected keyword"):
            bound("x", thrice=True)
    assert (bound.__name__, bound.__doc__) == ("documented", "What it does.")
    assert len(request.trace.spans) == 2
    assert profiler.bind(guard)("orphan") == "orphan"
    assert dropped(profiler) == {"orphan_span": 1}


def test_a_function_bound_in_a_layer_nests_in_it(profiler: Profiler, guard: Callable[[str], str]) -> None:
    with profiler.request() as request, profiler.layer("fan out"):
        bound = profiler.bind(guard)
        threads = [threading.Thread(target=bound, args=("x",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    nested = [span for span in request.trace.spans if span.layer.name == "guard"]
    assert len(nested) == 3
    assert {request.trace.spans[span.parent].layer.name for span in nested} == {"fan out"}


def test_spans_of_other_threads_do_not_nest_by_time_alone(profiler: Profiler, clock: FakeClock) -> None:
    inside = profiler.guard(lambda: clock.advance(5), name="inside")

    @profiler.guard
    def outer(thread: threading.Thread) -> None:
        clock.advance(1)
        thread.start()
        thread.join()
        clock.advance(1)

    with profiler.request() as request:
        outer(threading.Thread(target=profiler.bind(inside)))
    assert spans(request.trace) == [("outer", 0, 7, Verdict.ALLOW), ("inside", 1, 6, Verdict.ALLOW)]
    assert [span.parent for span in request.trace.spans] == [None, None]


def test_a_thread_that_outlives_its_request_is_late(profiler: Profiler) -> None:
    entered, release = threading.Event(), threading.Event()

    @profiler.guard
    def slow() -> str:
        entered.set()
        assert release.wait(10)
        return "done"

    with ThreadPoolExecutor(1) as pool:
        with profiler.request() as request:
            future = pool.submit(profiler.bind(slow))
            assert entered.wait(10)
        release.set()
        assert future.result() == "done"
    assert request.trace.spans == ()
    assert dropped(profiler) == {"late_span": 1}


async def test_a_task_that_outlives_its_request_is_late(profiler: Profiler, waiting: Callable[[str], Any]) -> None:
    async with profiler.request() as request:
        early = asyncio.create_task(waiting("begun within"))
        await asyncio.sleep(0)
        late = asyncio.create_task(waiting("begun after"))
    assert [await early, await late] == ["begun within", "begun after"]
    assert request.trace.spans == ()
    assert dropped(profiler) == {"late_span": 2}


async def test_a_task_left_over_from_a_request_may_open_one_of_its_own(
    profiler: Profiler, guard: Callable[[str], str]
) -> None:
    over = asyncio.Event()

    async def background() -> list[int]:
        await over.wait()
        counts = []
        for _ in range(2):
            async with profiler.request() as own:
                guard("x")
            counts.append(len(own.trace.spans))
        guard("between requests, which is nowhere")
        return counts

    async with profiler.request():
        task = asyncio.create_task(background())
    over.set()
    assert await task == [1, 1]
    assert dropped(profiler) == {"orphan_span": 1}


def test_a_context_copied_from_a_request_that_is_over_may_hold_another(profiler: Profiler) -> None:
    with profiler.request():
        context = contextvars.copy_context()

    def serve() -> str:
        with profiler.request() as request:
            pass
        return str(request.outcome)

    assert context.run(serve) == "allowed"
