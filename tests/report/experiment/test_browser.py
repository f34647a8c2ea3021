"""The page of an experiment in a real browser: Chromium, headless, steered by Playwright."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ViewportSize

from aligntax.report.experiment import write_page

from ...experiment.results import make_result
from ..browsing import (
    CHROMIUM,
    DARK,
    DESK,
    LIGHT,
    PHONE,
    WIDTHS,
    Visit,
    assert_no_barriers,
    open_details,
    texts_outside,
    too_wide,
)
from .conftest import MakeResult, Traces

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the Debian package chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def whole_page(whole: dict[str, Any], history: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "whole.html"
    write_page(whole, path, history)
    return path


async def test_it_needs_nothing_else_and_nothing_goes_wrong(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    await page.wait_for_load_state("networkidle")
    assert [url for url in visit.asked if not url.startswith("data:")] == [whole_page.as_uri()]
    assert visit.wrong == []
    assert await page.title() == "shop.chat:pipeline - alignment tax"
    assert await page.locator("h1").inner_text() == "shop.chat:pipeline"
    assert await page.locator("script, img, iframe, object, link[rel=stylesheet]").count() == 0


async def test_it_needs_no_script(browser: Browser, whole_page: Path) -> None:
    async with await browser.new_context(java_script_enabled=False, viewport=DESK) as context:
        page = await context.new_page()
        await page.goto(whole_page.as_uri())
        assert await page.locator("#headline").is_visible()
        assert await page.locator("svg.wide").first.is_visible()
        await page.locator("#request summary").click()
        assert await page.locator("#request table").is_visible()


async def test_it_follows_the_colours_of_the_system(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == colours["ground"]
        tax = await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--tax')")
        assert tax.strip() == colours["tax"]
        bar = page.locator("#waterfall-wide-title >> xpath=.. >> css=path[style*='--tax']").first
        red, green, blue = (int(colours["tax"][at : at + 2], 16) for at in (1, 3, 5))
        assert await bar.evaluate("(bar) => getComputedStyle(bar).fill") == f"rgb({red}, {green}, {blue})"


async def test_paper_is_light_even_where_the_screen_is_dark(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    await page.emulate_media(color_scheme="dark", media="print")
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == LIGHT["ground"]
    assert await page.locator("nav").is_hidden()
    assert await page.locator("svg.wide").first.is_visible()
    assert await page.locator("svg.narrow").first.is_hidden()


async def test_it_prints_with_its_details_open(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    printed = await page.pdf(format="A4")
    assert printed.startswith(b"%PDF-")
    assert 6 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 16
    assert await page.locator("#request table").is_hidden()
    await page.emulate_media(media="print")
    assert await page.locator("#request table").is_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_fits_every_width(visit: Visit, whole_page: Path, width: int) -> None:
    await visit.page.set_viewport_size({"width": width, "height": 844})
    page = await visit.open(whole_page)
    await open_details(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await too_wide(page) == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_texts_of_drawings_are_readable_and_inside(visit: Visit, whole_page: Path, size: ViewportSize) -> None:
    await visit.page.set_viewport_size(size)
    page = await visit.open(whole_page)
    drawings = page.locator("svg.wide" if size is DESK else "svg.narrow")
    assert await drawings.count() == 10
    assert await texts_outside(page, "svg.wide" if size is DESK else "svg.narrow") == []
    scale = "(all) => all.map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"
    scales = await drawings.evaluate_all(scale)
    assert min(scales) > 0.9  # letters of 11.5 pixels


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_barriers(visit: Visit, whole_page: Path, scheme: Any, size: ViewportSize) -> None:
    await visit.page.emulate_media(color_scheme=scheme)
    await visit.page.set_viewport_size(size)
    page = await visit.open(whole_page)
    await assert_no_barriers(page)


async def test_tables_keep_their_meaning_on_a_phone(visit: Visit, whole_page: Path) -> None:
    await visit.page.set_viewport_size(PHONE)
    page = await visit.open(whole_page)
    table = page.locator("#guards table").first
    assert await table.get_by_role("columnheader").count() == 7
    assert await table.get_by_role("rowheader", name="pii").count() == 1
    label = "(cell) => getComputedStyle(cell, '::before').content"
    assert await table.locator("td").first.evaluate(label) == '"busy"'


async def test_by_keyboard_alone(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the result"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("Tab")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    assert await page.locator("#request details").get_attribute("open") is not None


@pytest.mark.parametrize("kind", ["bonus", "one pair", "blocked", "guards"])
async def test_unusual_results_are_pages_as_well(
    visit: Visit, make: MakeResult, blocked_traces: Traces, many_traces: Traces, tmp_path: Path, kind: str
) -> None:
    shares = {f"guard-{number:02}": [0.001] * 40 for number in range(12)}
    results = {
        "bonus": lambda: make(60, cost=-0.2),
        "one pair": lambda: make(1),
        "blocked": lambda: make_result([0.1] * 9, [0.01] * 9, outcomes=["blocked_input"] * 9, traces=blocked_traces),
        "guards": lambda: make_result([0.1] * 40, [0.112] * 40, [0.1] * 40, shares, traces=many_traces),
    }
    path = tmp_path / "page.html"
    write_page(results[kind](), path)
    await visit.page.set_viewport_size(PHONE)
    page = await visit.open(path)
    await open_details(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    found = await Axe().run(page)
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found.response["violations"]] == []
    assert visit.wrong == []
