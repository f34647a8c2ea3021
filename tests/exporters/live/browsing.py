"""Visits to the live page, and what can be seen there."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import ConsoleMessage, Page, ViewportSize, expect

PHONE = ViewportSize(width=360, height=740)


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


async def until_plots(page: Page) -> None:
    await expect(page.locator("#plot-rate canvas").first).to_be_visible()
