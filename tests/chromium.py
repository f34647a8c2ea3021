"""A real browser: Chromium, headless, steered by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ViewportSize, async_playwright

_PROGRAM = shutil.which("chromium")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESK = ViewportSize(width=1280, height=900)
IN_BROWSER = [
    pytest.mark.skipif(_PROGRAM is None, reason="the Debian package chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]
"""Marks of tests that look at pages with it."""


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_PROGRAM, headless=True, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
