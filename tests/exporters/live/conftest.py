"""A profiler on the real clock that is asked to work, and a real browser to look at it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext
from tests.chromium import DESK, started

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve
from aligntax.testing import spinning

from .browsing import Visit

HOSTILE = "<img src=x onerror=\"document.title='broken in'\"> $$x^2$$ & " + "long " * 11 + "λ 检"

Work = Callable[[int], None]


@pytest.fixture
def real() -> Iterator[Profiler]:
    with Profiler(drain_seconds=0, cpu_share=0) as profiler:
        yield profiler


@pytest.fixture
def work(real: Profiler) -> Work:
    """Serve some requests; every fourth one is changed by a guard, and every eighth blocked by another."""
    numbers = count(1)
    turn = {"number": 0}
    redact = real.guard(spinning(0.002), name="pii", verdict=lambda _: "allow" if turn["number"] % 4 else "modify")
    model = real.model(spinning(0.004), name="gpt2")
    hostile = real.guard(
        spinning(0.001), name=HOSTILE, stage="output", verdict=lambda _: "allow" if turn["number"] % 8 else "block"
    )

    def serve_requests(times: int) -> None:
        for _ in range(times):
            turn["number"] = next(numbers)
            with real.request(trace_id=f"trace-{turn['number']}"):
                hostile(model(redact("text")))

    return serve_requests


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with started() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    made = await browser.new_context(viewport=DESK, locale="en-GB", color_scheme="light")
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(context: BrowserContext) -> Visit:
    return Visit(await context.new_page())


@pytest_asyncio.fixture(loop_scope="module")
async def running(real: Profiler, work: Work) -> AsyncIterator[MetricsServer]:
    work(12)
    with serve(real, port=0) as server:
        yield server
