"""The page of the whole tax in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from tests.chromium import IN_BROWSER

from aligntax.report.whole import write_whole_page

from ..any_page import AnyPage, Written

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def written(whole: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Written:
    path = tmp_path_factory.mktemp("pages") / "whole.html"
    note = "All of this is made up: no model was asked, and nobody attacked anything. " * 3
    write_whole_page({**whole, "notes": [{"source": "shop/note.txt", "text": note}]}, path)
    return Written(
        path, drawings=7, tax="scale", folded="taxes", sheets=range(4, 17),
        table="taxes", columns=6, row="Latency: Time of a request", label="absolute",
    )  # fmt: skip


class TestWhole(AnyPage):
    """The page of a report with every kind of tax but cost."""
