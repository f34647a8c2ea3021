"""The live page in a real browser for everybody: colours, widths, by keyboard, and what axe finds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ViewportSize, expect
from tests.chromium import DESK, IN_BROWSER

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer

from .browsing import PHONE, Visit, plotted, texts, until_plots, until_plotted
from .conftest import Work

pytestmark = IN_BROWSER


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
