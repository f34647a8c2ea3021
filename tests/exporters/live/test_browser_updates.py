"""The live page in a real browser as time goes on: news, an idle page, and a server that is gone."""

from __future__ import annotations

import re

from playwright.async_api import expect
from tests.chromium import IN_BROWSER

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve

from .browsing import Visit, texts, until_plots, until_plotted
from .conftest import HOSTILE, Work

pytestmark = IN_BROWSER


async def test_it_updates_by_itself_and_draws_the_trend(visit: Visit, running: MetricsServer, work: Work) -> None:
    page = await visit.open(running.url)
    row = await page.locator("#guards tbody tr").first.element_handle()
    work(9)
    await expect(page.locator("#figures dd").first).to_have_text("21", timeout=10_000)
    assert len(await texts(page, "#recent tbody tr")) == 21
    assert row is not None
    assert await row.evaluate("(row) => row.isConnected")  # rows are kept, and not made anew
    for plot, colour in (
        ("plot-tax", "0072b2"),
        ("plot-tax", "d55e00"),
        ("plot-guards", "0072b2"),
        ("plot-rate", "0072b2"),
    ):
        await until_plotted(page, plot, colour)
    await page.locator("#trend-details summary").click()
    await expect(page.locator("#trend tbody tr")).not_to_have_count(0)
    label = await page.locator("#plot-tax").get_attribute("aria-label")
    assert re.search(r"lately p50 [\d.]+\sms, p95 [\d.]+\sms", label or "")
    # By their tax, and the machine may have held up either of them.
    assert sorted(await texts(page, "#legend-guards .key")) == sorted(["pii", re.sub(r"\s+", " ", HOSTILE)])
    assert visit.wrong == []


async def test_it_says_that_the_server_is_gone_and_comes_back(visit: Visit, real: Profiler, work: Work) -> None:
    with serve(real, port=0) as server:
        page = await visit.open(server.url)
        await until_plots(page)
    state = page.locator("#state")
    await expect(state).to_have_text(re.compile(r"^Disconnected since \d\d:\d\d:\d\d$"), timeout=10_000)
    assert await state.get_attribute("data-state") == "lost"
    since = await state.text_content()
    assert await state.get_attribute("role") == "status"
    visit.wrong.clear()  # the browser complains of a refused connection
    work(3)
    with serve(real, port=server.port):
        await expect(state).to_have_text("Connected", timeout=20_000)
        await expect(page.locator("#figures dd").first).to_have_text("3")
    assert since


async def test_it_backs_off_while_the_server_is_gone(visit: Visit, real: Profiler) -> None:
    with serve(real, port=0) as server:
        await visit.page.clock.install()
        page = await visit.open(server.url)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    for _ in range(90):
        await page.clock.run_for(2_000)
        await page.evaluate("fetch('/-/healthy').catch(() => null)")  # by then, an earlier request has failed as well
    asked = sum("/api/live" in url for url in failed)
    # After 2, 4, 8, 16 seconds, and every 30 from then on: 8 in three minutes. Without backing off it would be 90.
    assert 5 <= asked <= 9


async def test_an_idle_page_costs_little_and_a_hidden_or_paused_one_nothing(
    visit: Visit, running: MetricsServer
) -> None:
    await visit.page.clock.install()
    page = await visit.open(running.url)
    visit.asked.clear()

    async def turns(times: int) -> list[int]:
        visit.asked.clear()
        for _ in range(times):
            await page.clock.run_for(2_000)
            await page.evaluate("fetch('/-/healthy').then((reply) => reply.text())")
        return list(visit.asked)

    asked = await turns(5)
    assert len(asked) >= 4
    assert set(asked) == {304}
    # That nothing happens is shown.
    assert (await texts(page, "#trend tbody td:nth-child(3)"))[0] == "0.00"
    await page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert await turns(5) == []
    async with page.expect_response("**/api/live"):
        await page.evaluate("() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }")
    await page.locator("#pause").click()
    await expect(page.locator("#state")).to_have_text("Paused")
    await expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    assert await turns(5) == []
    async with page.expect_response("**/api/live"):
        await page.locator("#pause").click()
    await expect(page.locator("#state")).to_have_text("Connected")
