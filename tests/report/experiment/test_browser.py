"""The page of an experiment in a real browser: Chromium, headless, steered by Playwright."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from aligntax.report.experiment import write_page

from ...experiment.results import make_result
from .conftest import MakeResult, Traces

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
LIGHT, DARK = {"ground": "rgb(255, 255, 255)", "tax": "#d55e00"}, {"ground": "rgb(20, 23, 27)", "tax": "#ff9a5c"}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="the Debian package chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]


class Visit:
    """A page that is open, whatever it asked for, and whatever went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text))
        page.on("request", lambda request: self.asked.append(request.url))

    async def open(self, path: Path) -> Page:
        await self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`))"
        )
        await self.page.goto(path.as_uri())
        return self.page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport=DESK, locale="en-GB", color_scheme="light")
    yield Visit(await context.new_page())
    await context.close()


@pytest.fixture(scope="module")
def whole_page(whole: dict[str, Any], history: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "whole.html"
    write_page(whole, path, history)
    return path


async def open_details(page: Page) -> None:
    await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")


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


@pytest.mark.parametrize("width", [320, 390, 640, 830, 840, 1040, 1280])
async def test_it_fits_every_width(visit: Visit, whole_page: Path, width: int) -> None:
    """640 is what a window of 1280 has left at a zoom of 200 %."""
    await visit.page.set_viewport_size({"width": width, "height": 844})
    page = await visit.open(whole_page)
    await open_details(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    wide = await page.locator("section, table, dl, figure").evaluate_all(
        "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.textContent.slice(0, 40))"
    )
    assert wide == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_texts_of_drawings_are_readable_and_inside(visit: Visit, whole_page: Path, size: ViewportSize) -> None:
    await visit.page.set_viewport_size(size)
    page = await visit.open(whole_page)
    drawings = page.locator("svg.wide" if size is DESK else "svg.narrow")
    assert await drawings.count() == 10
    outside = await drawings.evaluate_all(
        """(all) => all.flatMap((drawing) => {
            const frame = drawing.getBoundingClientRect();
            return [...drawing.querySelectorAll("text")].filter((text) => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
                    || box.bottom > frame.bottom + 2;
            }).map((text) => text.textContent);
        })"""
    )
    assert outside == []
    scale = "(all) => all.map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"
    scales = await drawings.evaluate_all(scale)
    assert min(scales) > 0.9  # letters of 11.5 pixels


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_axe_finds_no_barriers(visit: Visit, whole_page: Path, scheme: Any, size: ViewportSize) -> None:
    await visit.page.emulate_media(color_scheme=scheme)
    await visit.page.set_viewport_size(size)
    page = await visit.open(whole_page)
    await open_details(page)
    found = await Axe().run(page)
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found.response["violations"]] == []
    assert len(found.response["passes"]) > 20
    nodes = [(check["id"], node) for check in found.response["incomplete"] for node in check["nodes"]]
    # It does not judge colours within drawings: `test_the_palette_has_contrast` does.
    unsure = [(name, node["html"]) for name, node in nodes if node["any"][0]["data"]["messageKey"] != "imgNode"]
    assert unsure == []
    assert await page.evaluate("document.getAnimations().length") == 0


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
