"""Visits to pages, and what can be seen there."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

PHONE = ViewportSize(width=390, height=844)
LIGHT = {"ground": "rgb(255, 255, 255)", "paper": "#ffffff", "tax": "#d55e00"}
DARK = {"ground": "rgb(20, 23, 27)", "paper": "#14171b", "tax": "#ff9a5c"}
WIDTHS = (320, 390, 640, 830, 840, 1040, 1280)
"""640 is what a window of 1280 has left at a zoom of 200 %."""


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


def pixels(screenshot: bytes) -> Counter[str]:
    """Return how many pixels of a screenshot have each colour."""
    seen = (matplotlib.image.imread(BytesIO(screenshot))[..., :3] * 255).round().astype(np.uint32).reshape(-1, 3)
    colours, counts = np.unique(seen @ np.array([1 << 16, 1 << 8, 1], np.uint32), return_counts=True)
    return Counter({f"#{colour:06x}": int(count) for colour, count in zip(colours, counts, strict=True)})


async def open_details(page: Page) -> None:
    """Open all that is folded."""
    await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")


async def too_wide(page: Page) -> list[str]:
    """Return the parts of a page that are wider than their place."""
    return await page.locator("section, table, dl, figure").evaluate_all(
        "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.textContent.slice(0, 40))"
    )


async def texts_outside(page: Page, drawings: str) -> list[str]:
    """Return the texts of drawings that lie outside of them."""
    return await page.locator(drawings).evaluate_all(
        """(all) => all.flatMap((drawing) => {
            const frame = drawing.getBoundingClientRect();
            return [...drawing.querySelectorAll("text")].filter((text) => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
                    || box.bottom > frame.bottom + 2;
            }).map((text) => text.textContent);
        })"""
    )


async def assert_no_barriers(page: Page) -> None:
    """Let axe look at a page with all details open, and at the contrast of all of its texts."""
    await open_details(page)
    found = await Axe().run(page)
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found.response["violations"]] == []
    assert len(found.response["passes"]) > 20
    nodes = [(check["id"], node) for check in found.response["incomplete"] for node in check["nodes"]]
    # It does not judge colours within drawings: `test_the_palette_has_contrast` does.
    unsure = [(name, node["html"]) for name, node in nodes if not node["html"].startswith(("<text", "<tspan"))]
    assert unsure == []
    assert await page.evaluate("document.getAnimations().length") == 0
