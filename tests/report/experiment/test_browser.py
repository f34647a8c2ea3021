"""The page of an experiment in a real browser: Chromium, headless, steered by Playwright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.chromium import IN_BROWSER

from aligntax.report.experiment import write_page

from ...experiment.results import make_result
from ..any_page import AnyPage, Written
from ..browsing import PHONE, Visit, assert_no_barriers
from .conftest import MakeResult, Traces

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def written(whole: dict[str, Any], history: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Written:
    path = tmp_path_factory.mktemp("pages") / "whole.html"
    write_page(whole, path, history)
    return Written(
        path, drawings=10, tax="waterfall", folded="request", sheets=range(6, 17),
        table="guards", columns=7, row="pii", label="busy",
    )  # fmt: skip


class TestExperiment(AnyPage):
    """The page of a result with every part that there is."""


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
    await assert_no_barriers(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert visit.wrong == []
