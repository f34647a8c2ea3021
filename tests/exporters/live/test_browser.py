"""The live page in a real browser: Chromium, headless, steered by Playwright."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from aligntax import Profiler
from aligntax.exporters.live import page as live_page
from aligntax.exporters.server import MetricsServer, serve

from .conftest import HOSTILE, Work

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=360, height=740)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the Debian package chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]


class Visit:
    """A page that has been opened, and whatever went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[int] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._listen)
        page.on("response", lambda reply: self.asked.append(reply.status) if "/api/live" in reply.url else None)

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"} and "getImageData" not in said.text:  # that is what these tests do
            self.wrong.append(said.text)

    async def open(self, url: str) -> Page:
        # The policy's violations are also written to the console, but not those of every kind in every place.
        await self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`))"
        )
        await self.page.goto(f"{url}/")
        await expect(self.page.locator("#state")).to_have_text("Connected")
        return self.page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium
        await chromium.close()


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


async def texts(page: Page, selector: str) -> list[str]:
    return [re.sub(r"[\s\u00a0]+", " ", text).strip() for text in await page.locator(selector).all_text_contents()]


async def figures(page: Page) -> dict[str, str]:
    return dict(zip(await texts(page, "#figures dt"), await texts(page, "#figures dd"), strict=True))


async def plotted(page: Page, plot: str, colour: str) -> int:
    """Return how many pixels of a plot's canvases have a colour, given as `rrggbb`."""
    count: int = await page.locator(f"#{plot} canvas").evaluate_all(
        """(canvases, colour) => canvases.flatMap((canvas) => {
            if (!canvas.width || !canvas.height) return [];
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const wanted = [0, 2, 4].map((at) => parseInt(colour.slice(at, at + 2), 16));
            let found = 0;
            for (let at = 0; at < data.length; at += 4)
                found += wanted.every((value, part) => data[at + part] === value) && data[at + 3] === 255;
            return [found];
        }).reduce((sum, found) => sum + found, 0)""",
        colour,
    )
    return count


async def until_plotted(page: Page, plot: str, colour: str) -> None:
    async with asyncio.timeout(20):
        while not await plotted(page, plot, colour):
            await page.wait_for_timeout(100)


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


async def until_plots(page: Page) -> None:
    await expect(page.locator("#plot-rate canvas").first).to_be_visible()


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


async def test_it_follows_the_colours_of_the_system(visit: Visit, running: MetricsServer, work: Work) -> None:
    page = await visit.open(running.url)
    await until_plots(page)
    work(2)
    await until_plotted(page, "plot-tax", "0072b2")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert await page.evaluate(ground) == "rgb(255, 255, 255)"
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(ground) == "rgb(20, 23, 27)"
    await until_plotted(page, "plot-tax", "56b4e9")
    assert await plotted(page, "plot-tax", "0072b2") == 0
    assert visit.wrong == []


@pytest.mark.parametrize("width", [320, 360, 640, 1280])
async def test_it_fits_every_width(visit: Visit, running: MetricsServer, width: int) -> None:
    """640 is what a window of 1280 has left at a zoom of 200 %."""
    await visit.page.set_viewport_size({"width": width, "height": 740})
    page = await visit.open(running.url)
    await until_plots(page)
    await page.locator("#recent button").first.click()
    await page.locator("#trend-details summary").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    inner = "[...document.querySelectorAll('.scroll, section, table')].filter((e) => e.scrollWidth > e.clientWidth + 1)"
    assert await page.evaluate(f"{inner}.map((e) => e.id || e.className)") == []


async def test_by_keyboard_alone(visit: Visit, running: MetricsServer, real: Profiler, work: Work) -> None:
    page = await visit.open(running.url)
    await until_plots(page)
    focus = "document.activeElement.id || document.activeElement.className || document.activeElement.textContent"
    order = []
    for _ in range(5):
        await page.keyboard.press("Tab")
        order.append(await page.evaluate(focus))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert order == ["skip", "pause", "Metrics", "Trend as a table", "scroll"]
    await page.keyboard.press("Tab")
    button = page.locator("#recent button").first
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    newest = real.traces()[-1]
    assert await texts(page, "#spans tbody th span") == [
        re.sub(r"\s+", " ", span.layer.name) for span in sorted(newest.spans, key=lambda span: span.start_ns)
    ]
    await expect(page.locator("#detail-text")).to_contain_text("Trace trace-12")
    # News pushes the rows down, and leaves the focus and the choice where they are.
    handle = await button.element_handle()
    work(4)
    await expect(page.locator("#figures dd").first).to_have_text("16", timeout=10_000)
    assert handle is not None
    assert await handle.evaluate("(button) => button === document.activeElement")
    assert await handle.get_attribute("aria-pressed") == "true"
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#requests")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_barriers(
    visit: Visit, running: MetricsServer, work: Work, scheme: Any, size: ViewportSize
) -> None:
    await visit.page.emulate_media(color_scheme=scheme)
    await visit.page.set_viewport_size(size)
    page = await visit.open(running.url)
    await until_plots(page)
    await page.locator("#recent button").first.click()
    await page.locator("#trend-details summary").click()
    await expect(page.locator("#trend tbody tr")).not_to_have_count(0)
    # What is scrolled out of sight cannot be judged.
    await page.locator(".scroll").evaluate("(list) => { list.style.maxHeight = 'none'; }")
    found = await Axe().run(page)
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found.response["violations"]] == []
    assert len(found.response["passes"]) > 20
    unsure = [(check["id"], [node["html"] for node in check["nodes"]]) for check in found.response["incomplete"]]
    assert unsure == []
    assert await page.evaluate("document.getAnimations().length") == 0


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
