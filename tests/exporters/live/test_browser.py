"""The live page in a real browser: what it shows, and to whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Error, expect
from tests.chromium import IN_BROWSER

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve

from .browsing import Visit, figures, texts, until_plots
from .conftest import Work

pytestmark = IN_BROWSER


async def test_it_shows_what_the_report_says(visit: Visit, running: MetricsServer, real: Profiler) -> None:
    page = await visit.open(running.url)
    report = real.report()
    data = report.to_dict()
    await expect(page.locator("#headline")).to_have_text(report.headline)
    shown = await figures(page)
    assert shown["Requests"] == str(data["requests"]) == "12"
    assert shown["Outcomes"] == "9 allowed, 2 modified, 1 blocked output"
    assert shown["Tax p99"] == "n too small"
    guards = sorted(
        (layer for layer in data["layers"] if layer["kind"] == "guard"), key=lambda layer: -layer["tax_share"]
    )
    assert await texts(page, "#guards tbody th span") == [re.sub(r"\s+", " ", layer["layer"]) for layer in guards]
    assert await texts(page, "#guards tbody th small") == [
        f"{layer['stage']}, {layer['tax_share'] * 100:.1f} %" for layer in guards
    ]
    assert await texts(page, "#guards tbody td:nth-child(2)") == [str(layer["calls"]) for layer in guards]
    assert await texts(page, "#verdicts tbody td span") == ["9 allow, 3 modify", "11 allow, 1 block"]
    assert len(await texts(page, "#recent tbody tr")) == 12
    await expect(page.locator("#scope")).to_contain_text("of this process")
    assert await page.locator("img").count() == 0
    assert await page.title() == "aligntax"
    await until_plots(page)
    assert visit.wrong == []


async def test_it_opens_with_a_user_name_and_a_password(browser: Browser, real: Profiler, work: Work) -> None:
    work(1)
    with serve(real, port=0, username="ann", password="pass", token="t0ken") as server:  # noqa: S106 (a test's)
        async with await browser.new_context(http_credentials={"username": "ann", "password": "pass"}) as known:
            visit = Visit(await known.new_page())
            page = await visit.open(server.url)
            await until_plots(page)
            assert (await figures(page))["Requests"] == "1"
        async with await browser.new_context() as unknown:
            page = await unknown.new_page()
            with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
                await page.goto(f"{server.url}/")


async def test_without_a_request_it_says_so(visit: Visit, real: Profiler) -> None:
    with serve(real, port=0) as server:
        page = await visit.open(server.url)
        await until_plots(page)
        await expect(page.locator("#headline")).to_contain_text("no request has run to its end yet")
        assert (await figures(page))["Tax p50"] in {"-", "n too small"}
    assert visit.wrong == []


async def test_several_workers_are_named(visit: Visit, tmp_path: Any) -> None:
    with Profiler(ledger_dir=tmp_path, drain_seconds=0) as profiler, profiler.request():
        pass
    with Profiler(ledger_dir=tmp_path, drain_seconds=0) as profiler, serve(profiler, port=0) as server:
        with profiler.request():
            pass
        page = await visit.open(server.url)
        await expect(page.locator("#scope")).to_contain_text("each of which knows its own requests only")
        await expect(page.locator("#figures dd").first).to_have_text("2")
        await expect(page.locator("#recent tbody tr")).to_have_count(1)
        await page.locator("#recent button").click()
        await expect(page.locator("#detail-text")).to_contain_text("Process ")
