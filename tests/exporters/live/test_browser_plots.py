"""The live page in a real browser, before its plot library is there and without it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import expect
from tests.chromium import IN_BROWSER

from aligntax.exporters.live import page as live_page
from aligntax.exporters.server import MetricsServer

from .browsing import Visit, figures, until_plots

pytestmark = IN_BROWSER


async def test_without_the_plot_library(visit: Visit, running: MetricsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_page, "plot_scripts", tuple)
    page = await visit.open(running.url)
    await expect(page.locator("#install")).to_contain_text("pip install 'aligntax[live]'")
    await expect(page.locator("#plots")).to_be_hidden()
    assert (await figures(page))["Requests"] == "12"
    assert await page.locator("#guards svg rect").count() == 2
    assert visit.wrong == []


async def test_plots_that_cannot_be_loaded_are_done_without(visit: Visit, running: MetricsServer) -> None:
    await visit.page.route("**/bokeh*", lambda route: route.abort())
    page = await visit.open(running.url)
    await expect(page.locator("#install")).to_have_text(re.compile("could not be loaded"))
    await expect(page.locator("#plots")).to_be_hidden()


async def test_the_plot_library_comes_after_the_first_numbers(visit: Visit, running: MetricsServer) -> None:
    held = asyncio.Event()

    async def hold(route: Any) -> None:
        await held.wait()
        await route.continue_()

    await visit.page.route("**/bokeh*", hold)
    page = await visit.open(running.url)
    assert (await figures(page))["Requests"] == "12"
    await expect(page.locator("#recent tbody tr")).to_have_count(12)
    held.set()
    await until_plots(page)
