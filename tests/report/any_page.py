"""What is true of every page in a real browser; the tests of each page run it on their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.async_api import Browser, ViewportSize
from tests.chromium import DESK

from .browsing import (
    DARK,
    LIGHT,
    PHONE,
    WIDTHS,
    Visit,
    assert_no_barriers,
    open_details,
    pixels,
    texts_outside,
    too_wide,
)


class Written(NamedTuple):
    """A page on disk, of a target called `shop.chat:pipeline`, and what to look at on it.

    Attributes:
        path: of the file.
        drawings: how many it has.
        tax: the drawing that has a bar of a tax.
        folded: the first section with a table that is folded.
        sheets: how many it may have on paper.
        table: the section of the table that is read on a phone.
        columns: how many it has.
        row: the name of one of its lines.
        label: of the first cell in it.
    """

    path: Path
    drawings: int
    tax: str
    folded: str
    sheets: range
    table: str
    columns: int
    row: str
    label: str


class AnyPage:
    """Takes the fixture `written`, a `Written` page."""

    async def test_it_needs_nothing_else_and_nothing_goes_wrong(self, visit: Visit, written: Written) -> None:
        page = await visit.open(written.path)
        await page.wait_for_load_state("networkidle")
        assert [url for url in visit.asked if not url.startswith("data:")] == [written.path.as_uri()]
        assert visit.wrong == []
        assert await page.title() == "shop.chat:pipeline - alignment tax"
        assert await page.locator("h1").inner_text() == "shop.chat:pipeline"
        assert await page.locator("script, img, iframe, object, link[rel=stylesheet]").count() == 0
        targets = await page.locator("nav a").evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
        assert len(targets) >= 8
        for target in targets:
            assert await page.locator(target).count() == 1

    async def test_it_needs_no_script(self, browser: Browser, written: Written) -> None:
        async with await browser.new_context(java_script_enabled=False, viewport=DESK) as context:
            page = await context.new_page()
            await page.goto(written.path.as_uri())
            assert await page.locator("#headline").is_visible()
            assert await page.locator("svg.wide").first.is_visible()
            await page.locator(f"#{written.folded} summary").first.click()
            assert await page.locator(f"#{written.folded} details table").first.is_visible()

    async def test_it_follows_the_colours_of_the_system(self, visit: Visit, written: Written) -> None:
        page = await visit.open(written.path)
        for scheme, colours in (("light", LIGHT), ("dark", DARK)):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
            assert ground == colours["ground"]
            tax = await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--tax')")
            assert tax.strip() == colours["tax"]
            bar = page.locator(f"#{written.tax}-wide-title >> xpath=.. >> css=path[style*='--tax']").first
            red, green, blue = (int(colours["tax"][at : at + 2], 16) for at in (1, 3, 5))
            assert await bar.evaluate("(bar) => getComputedStyle(bar).fill") == f"rgb({red}, {green}, {blue})"

    async def test_paper_is_light_even_where_the_screen_is_dark(self, visit: Visit, written: Written) -> None:
        page = await visit.open(written.path)
        await page.emulate_media(color_scheme="dark", media="print")
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == LIGHT["ground"]
        assert await page.locator("nav").is_hidden()
        assert await page.locator("svg.wide").first.is_visible()
        assert await page.locator("svg.narrow").first.is_hidden()

    @pytest.mark.parametrize(
        ("scheme", "media", "panel", "colours"),
        [
            ("light", "screen", "#f6f7f9", LIGHT),
            ("dark", "screen", "#1d2126", DARK),
            ("dark", "print", "#ffffff", LIGHT),
        ],
        ids=["light", "dark", "print"],
    )
    async def test_screenshots_show_the_drawing_on_its_ground(
        self, visit: Visit, written: Written, scheme: Any, media: Any, panel: str, colours: Mapping[str, str]
    ) -> None:
        page = await visit.open(written.path)
        await page.emulate_media(color_scheme=scheme, media=media)
        drawing = page.locator(f"#{written.tax}-wide-title >> xpath=..")
        seen = pixels(await drawing.screenshot(animations="disabled"))
        assert seen[panel] > 0.5 * seen.total()  # most of it is ground
        assert seen[colours["tax"]] > 200  # a bar of the tax
        assert len(seen) > 20  # letters, with their soft edges
        whole = pixels(await page.screenshot(full_page=True))
        assert whole.most_common(1)[0][0] in {panel, colours["paper"]}

    async def test_it_prints_with_its_details_open(self, visit: Visit, written: Written) -> None:
        page = await visit.open(written.path)
        printed = await page.pdf(format="A4")
        assert printed.startswith(b"%PDF-")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) in written.sheets
        table = page.locator(f"#{written.folded} details table").first
        assert await table.is_hidden()
        await page.emulate_media(media="print")
        assert await table.is_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]

    @pytest.mark.parametrize("width", WIDTHS)
    async def test_it_fits_every_width(self, visit: Visit, written: Written, width: int) -> None:
        await visit.page.set_viewport_size({"width": width, "height": 844})
        page = await visit.open(written.path)
        await open_details(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await too_wide(page) == []

    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    async def test_texts_of_drawings_are_readable_and_inside(
        self, visit: Visit, written: Written, size: ViewportSize
    ) -> None:
        await visit.page.set_viewport_size(size)
        page = await visit.open(written.path)
        shown = "svg.wide" if size is DESK else "svg.narrow"
        drawings = page.locator(shown)
        assert await drawings.count() == written.drawings
        assert await texts_outside(page, shown) == []
        scale = "(all) => all.map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"
        scales = await drawings.evaluate_all(scale)
        assert min(scales) > 0.9  # letters of 11.5 pixels

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    async def test_axe_finds_no_barriers(self, visit: Visit, written: Written, scheme: Any, size: ViewportSize) -> None:
        await visit.page.emulate_media(color_scheme=scheme)
        await visit.page.set_viewport_size(size)
        await assert_no_barriers(await visit.open(written.path))

    async def test_tables_keep_their_meaning_on_a_phone(self, visit: Visit, written: Written) -> None:
        await visit.page.set_viewport_size(PHONE)
        page = await visit.open(written.path)
        table = page.locator(f"#{written.table} table").first
        assert await table.get_by_role("columnheader").count() == written.columns
        assert await table.get_by_role("rowheader", name=written.row).count() == 1
        label = "(cell) => getComputedStyle(cell, '::before').content"
        assert await table.locator("td").first.evaluate(label) == f'"{written.label}"'

    async def test_by_keyboard_alone(self, visit: Visit, written: Written) -> None:
        page = await visit.open(written.path)
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the result"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.keyboard.press("Tab")
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        assert await page.locator(f"#{written.folded} details").first.get_attribute("open") is not None
