"""The page of the whole tax in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ViewportSize

from aligntax.report.whole import write_whole_page

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

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the Debian package chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def whole_page(whole: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "whole.html"
    write_whole_page(whole, path)
    return path


async def test_it_needs_nothing_else_and_nothing_goes_wrong(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    await page.wait_for_load_state("networkidle")
    assert [url for url in visit.asked if not url.startswith("data:")] == [whole_page.as_uri()]
    assert visit.wrong == []
    assert await page.title() == "shop.chat:pipeline - alignment tax"
    assert await page.locator("script, img, iframe, object, link[rel=stylesheet]").count() == 0
    for target in await page.locator("nav a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))"):
        assert await page.locator(target).count() == 1


async def test_it_needs_no_script(browser: Browser, whole_page: Path) -> None:
    async with await browser.new_context(java_script_enabled=False, viewport=DESK) as context:
        page = await context.new_page()
        await page.goto(whole_page.as_uri())
        assert await page.locator("#headline").is_visible()
        assert await page.locator("svg.wide").first.is_visible()
        await page.locator("#taxes summary").first.click()
        assert await page.locator("#taxes details table").first.is_visible()


async def test_it_follows_the_colours_of_the_system_and_paper_is_light(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    for scheme, colours in (("light", LIGHT), ("dark", DARK)):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert await page.evaluate(ground) == colours["ground"]
        bar = page.locator("#scale-wide-title >> xpath=.. >> css=path[style*='--tax']").first
        red, green, blue = (int(colours["tax"][at : at + 2], 16) for at in (1, 3, 5))
        assert await bar.evaluate("(bar) => getComputedStyle(bar).fill") == f"rgb({red}, {green}, {blue})"
    await page.emulate_media(color_scheme="dark", media="print")
    assert await page.evaluate(ground) == LIGHT["ground"]
    assert await page.locator("nav").is_hidden()


async def test_it_prints_with_its_details_open(visit: Visit, whole_page: Path) -> None:
    page = await visit.open(whole_page)
    printed = await page.pdf(format="A4")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 16
    await page.emulate_media(media="print")
    assert await page.locator("#taxes details table").first.is_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_fits_every_width(visit: Visit, whole_page: Path, width: int) -> None:
    await visit.page.set_viewport_size({"width": width, "height": 844})
    page = await visit.open(whole_page)
    await open_details(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await too_wide(page) == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_texts_of_drawings_are_inside(visit: Visit, whole_page: Path, size: ViewportSize) -> None:
    await visit.page.set_viewport_size(size)
    page = await visit.open(whole_page)
    drawings = "svg.wide" if size is DESK else "svg.narrow"
    assert await page.locator(drawings).count() == 7
    assert await texts_outside(page, drawings) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_barriers(visit: Visit, whole_page: Path, scheme: Any, size: ViewportSize) -> None:
    await visit.page.emulate_media(color_scheme=scheme)
    await visit.page.set_viewport_size(size)
    await assert_no_barriers(await visit.open(whole_page))


async def test_tables_keep_their_meaning_on_a_phone(visit: Visit, whole_page: Path) -> None:
    await visit.page.set_viewport_size(PHONE)
    page = await visit.open(whole_page)
    table = page.locator("#taxes table").first
    assert await table.get_by_role("columnheader").count() == 6
    assert await table.get_by_role("rowheader", name="Latency: Time of a request").count() == 1
    label = "(cell) => getComputedStyle(cell, '::before').content"
    assert await table.locator("td").first.evaluate(label) == '"absolute"'
