"""Timeouts and cancellation: what a guard was, and what became of its request."""

from __future__ import annotations

import asyncio

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import spans


@pytest.mark.parametrize("suspended", [False, True])
async def test_a_timeout_inside_of_a_guard_is_its_verdict(suspended: bool, profiler: Profiler) -> None:
    @profiler.guard
    async def guard() -> None:
        if not suspended:
            raise TimeoutError
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with profiler.request() as request:
            await guard()
    assert request.trace.spans[0].verdict is Verdict.TIMEOUT
    assert request.trace.spans[0].error_type == "TimeoutError"
    assert request.outcome is Outcome.TIMEOUT


async def test_a_timeout_around_a_guard_cancels_it(profiler: Profiler) -> None:
    @profiler.guard
    async def guard() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with profiler.request() as request, asyncio.timeout(0):
            await guard()
    assert request.trace.spans[0].verdict is Verdict.CANCELLED
    assert request.trace.spans[0].error_type is None
    assert request.outcome is Outcome.TIMEOUT


async def test_a_cancelled_task_cancels_its_guard_and_its_request(profiler: Profiler, clock: FakeClock) -> None:
    started = asyncio.Event()
    requests = []

    @profiler.guard
    async def guard() -> None:
        started.set()
        await asyncio.Event().wait()

    async def serve() -> None:
        async with profiler.request() as request:
            requests.append(request)
            await guard()

    task = asyncio.create_task(serve())
    await started.wait()
    clock.advance(9)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spans(requests[0].trace) == [("guard", 0, 9, Verdict.CANCELLED)]
    assert requests[0].outcome is Outcome.CANCELLED
    assert profiler.in_progress() == {"guard": 0}
