"""Figures per request that are too small: told per million, and the title says the same as the unit, everywhere."""

from __future__ import annotations

import copy
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aligntax.inference import Estimate
from aligntax.report.whole import WholeTable, whole_markdown, write_whole_page
from aligntax.report.whole.per_million import per_million
from aligntax.taxes.record import Figure, TaxVerdict
from aligntax.taxes.whole import join, read_inputs

from ...taxes.whole.records import benefit, record, write
from ..pages import words

PRICE = Estimate(2e-6, 1.9e-6, 2.1e-6)
EFFORT = Estimate(0.0007, 0.0003, 0.002)


def cost(times: float = 1.0) -> dict[str, Any]:
    """Return a price per useful request."""
    price = Estimate(*(end * times for end in PRICE if end is not None))
    figure = Figure(
        "currency.request", "Price per useful request", price, "USD per useful request", Estimate(0.08, 0.07, 0.09),
        2.5e-5, TaxVerdict.TAX, 60, "sum / useful",
    )  # fmt: skip
    return record("cost", [figure])


def development() -> dict[str, Any]:
    """Return an effort that the file tells in both ways."""
    millions = Estimate(*(end * 1e6 for end in EFFORT if end is not None))
    figures = [
        Figure("ledger.million_requests", "Effort per million requests", millions, "USD per million requests"),
        Figure("ledger.request", "Effort per request", EFFORT, "USD per request"),
    ]
    return record("development", figures)


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, Any]:
    """Four releases with a price that declines; the last one with a benefit, too."""
    files = {f"2026-0{month}-v{month}/cost.json": cost(5.0 - month) for month in range(1, 5)}
    latest = {"2026-04-v4/benefit.json": benefit(), "2026-04-v4/development.json": development()}
    return join(read_inputs([write(tmp_path / "shop", {**files, **latest})]))


def written(whole: dict[str, Any], folder: Path) -> dict[str, str]:
    """Return the report as its page, its Markdown and its table are read."""
    out = StringIO()
    Console(file=out, width=400, highlight=False, markup=False, emoji=False).print(WholeTable(whole))
    write_whole_page(whole, folder / "page.html")
    page = words((folder / "page.html").read_text(encoding="utf-8"))
    return {"page": page, "markdown": whole_markdown(whole).replace("\\", ""), "terminal": out.getvalue()}


def test_titles_and_units_agree_wherever_a_small_figure_stands(whole: dict[str, Any], tmp_path: Path) -> None:
    for name, text in written(whole, tmp_path).items():
        said = " ".join(text.split())
        assert "Cost: Price per million useful requests" in said, name
        assert "+2 USD per million useful requests (+1.90 to +2.10)" in said, name
        assert "USD per useful request" not in said, name
        assert "Price per useful request" not in said, name


def test_a_figure_that_is_told_per_million_already_is_not_told_twice(whole: dict[str, Any], tmp_path: Path) -> None:
    for name, text in written(whole, tmp_path).items():
        said = " ".join(text.split())
        assert said.count("Effort per million requests") >= 1, name
        assert not re.search(r"Effort per request [^a-z]*700 USD", said), name
        if name == "markdown":
            assert "| Development: Effort per request | 7.00e-04 USD per request (3.00e-04 to 0.00200) |" in said
    rows = {row["name"]: row for row in per_million(whole)["taxes"]}
    assert rows["ledger.request"]["unit"] == "USD per request"
    assert rows["ledger.request"]["absolute"]["value"] == EFFORT.value


def test_everything_of_a_figure_is_scaled_and_the_report_left_as_it_was(whole: dict[str, Any]) -> None:
    before = copy.deepcopy(whole)
    front = whole["trade_off"]["front"]
    front["tax"] = {"title": "Price per useful request", "unit": "USD per useful request"}
    for point in front["points"]:
        point["tax"] = {**point["tax"], "value": point["tax"]["value"] / 1000}
    given = copy.deepcopy(whole)
    told = per_million(whole)
    assert whole == given
    (price,) = (one for one in told["trade_off"]["prices"] if one["kind"] == "cost")
    (old,) = (one for one in before["trade_off"]["prices"] if one["kind"] == "cost")
    assert (price["title"], price["unit"]) == ("Price per million useful requests", "USD per million useful requests")
    assert price["estimate"]["low"] == pytest.approx(old["estimate"]["low"] * 1e6)
    absolute = [one for one in told["trend"] if one["kind"] == "cost"]
    for figure, known in zip(absolute, (one for one in before["trend"] if one["kind"] == "cost"), strict=True):
        factor = 1.0 if figure["measure"] == "relative" else 1e6
        assert figure["title"] == "Price per million useful requests"
        assert figure["slope"]["value"] == pytest.approx(known["slope"]["value"] * factor)
        assert figure["points"][0]["estimate"]["high"] == pytest.approx(known["points"][0]["estimate"]["high"] * factor)
    assert told["trade_off"]["front"]["tax"]["title"] == "Price per million useful requests"
    assert told["trade_off"]["front"]["points"][0]["tax"]["value"] == pytest.approx(
        front["points"][0]["tax"]["value"] * 1e6
    )


@pytest.mark.parametrize(
    ("estimate", "unit"),
    [
        (Estimate(0.002, 0.001, 0.003), "USD per useful request"),
        (Estimate(0.0, -1e-6, 1e-6), "USD per useful request"),
        (Estimate(2e-6, 1e-6, 3e-6), "USD per million useful requests"),
        (Estimate(2e-6, 1e-6, 3e-6), "seconds"),
        (None, "USD per useful request"),
    ],
)
def test_others_stay_as_they_are(estimate: Estimate | None, unit: str, tmp_path: Path) -> None:
    figure = Figure("f", "Price per useful request", estimate, unit, Estimate(0.1))
    whole = join(read_inputs([write(tmp_path, {"cost.json": record("cost", [figure])})]))
    assert per_million(whole)["taxes"] == whole["taxes"]
