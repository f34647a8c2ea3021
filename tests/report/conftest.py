"""Reports whose numbers are known, on a clock that moves only when it is told to; and a real browser for pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from tests.chromium import DESK, started

from aligntax import Profiler, Report
from aligntax.testing import FakeClock, taking

from .browsing import Visit

MILLISECOND = 1_000_000

pytest.register_assert_rewrite("tests.report.any_page")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with started() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport=DESK, locale="en-GB", color_scheme="light")
    yield Visit(await context.new_page())
    await context.close()


@pytest.fixture
def make_report() -> Callable[[int], Report]:
    """Makes reports on requests of 107 ms: guards of 2 and 3 ms, a model of 100 ms, and 2 ms in no layer."""

    def make(requests: int) -> Report:
        clock = FakeClock()
        profiler = Profiler(clock=clock, cpu_clock=clock, cpu_share=1.0, drain_seconds=0)
        redact = profiler.guard(taking(clock, 2 * MILLISECOND, "changed"), name="redact", stage="input")
        model = profiler.model(taking(clock, 100 * MILLISECOND), name="model")
        check = profiler.guard(taking(clock, 3 * MILLISECOND), name="[red]check[/]", stage="output")
        for _ in range(requests):
            with profiler.request():
                check(model(redact("text")))
                clock.advance(2 * MILLISECOND)
        return profiler.report()

    return make


@pytest.fixture
def report(make_report: Callable[[int], Report]) -> Report:
    return make_report(60)
