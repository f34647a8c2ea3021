"""Every number carries its provenance: file, formula and n, in the JSON, in Markdown, on the page, in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aligntax.report.whole import whole_markdown
from aligntax.report.whole.page import render_whole
from aligntax.report.whole.per_million import per_million
from aligntax.report.whole.wording import cells
from aligntax.taxes.whole import join, read_inputs

from ..pages import words

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    return join(read_inputs([EXAMPLES / "records"]))


def estimates(data: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return where plain data has an estimate."""
    if isinstance(data, Mapping):
        if {"value", "low", "high"} <= data.keys():
            return [place]
        return [found for key, inner in data.items() for found in estimates(inner, (*place, key))]
    return [found for inner in data for found in estimates(inner, place)] if isinstance(data, list) else []


def test_the_data_say_of_every_estimate_where_it_is_from(examples: dict[str, Any]) -> None:
    files = {one["file"]: one["sha256"] for release in examples["releases"] for one in release["sources"]}
    assert {one["file"]: one["sha256"] for one in examples["sources"]}.items() <= files.items()
    for told in (
        *examples["taxes"],
        *examples["scale"],
        *(point for one in examples["trend"] for point in one["points"]),
    ):
        assert told["source"] in files
        assert told["formula"]
        assert "n" in told
    for price in examples["trade_off"]["prices"]:
        assert (price["n"], price["formula"]) == (120, "tax / (raw - guarded attack success), Fieller")
        assert {*price["sources"]} <= files.keys()
    assert {*examples["trade_off"]["front"]["sources"]} <= files.keys()
    assert {one["source"] for one in examples["details"]} <= files.keys()
    known = {"taxes", "scale", "trend", "trade_off", "details"}
    assert {place[0] for place in estimates(examples)} == known  # whatever else has estimates needs a check above


def test_a_first_call_says_of_how_many_processes_it_is(examples: dict[str, Any]) -> None:
    found = next(row for row in examples["taxes"] if row["name"] == "cold_start.first_call")
    result = json.loads((EXAMPLES / "records" / found["source"]).read_text(encoding="utf-8"))
    assert found["n"] == result["cold_start"]["runs"]


def test_the_page_has_every_figure_with_its_formula_n_and_file(examples: dict[str, Any]) -> None:
    said = words(render_whole(examples))
    for row in per_million(examples)["taxes"]:
        tax, absolute, _, _, count, formula, file, sha = cells(examples, row)
        start = said.index(f"{tax} {formula} {absolute} ")
        assert f" {count} {file} {sha} " in said[start : start + 600]
    for release in examples["releases"]:
        for one in release["sources"]:
            assert f"{one['file']} {one['sha256']} " in said
    for figure in examples["trend"]:
        for point in figure["points"] if figure["headline"] else ():
            assert f" {point['n']:,} {point['source']} " in said
    assert "n = 120 attacks; 2026-03-01-v1.4/cost.json; 2026-03-01-v1.4/benefit.json" in said
    assert "guarded - raw, Newcombe, arms as if independent" in said[said.index("What the guards changed.") :]
    assert "n = 5 sizes, from 2026-03-01-v1.4/scaling.json" in said
    assert "; from 2026-03-01-v1.4/debt.json" in said


def test_markdown_has_all_of_it_too(examples: dict[str, Any]) -> None:
    text = whole_markdown(examples)
    for release in examples["releases"]:
        for one in release["sources"]:
            assert f"| {one['file']} |" in text
            assert f"| {one['sha256']} |" in text
    for one in examples["scale"]:
        assert one["sentence"] in text
    assert "| Performance: Macro average of all tasks | +3.29 points (+1.46 to +5.41 points) | 120 | tax / " in text
    assert "| classifier | 29.2 % (21.8 to 37.8 %) | 8.33 % (5.46 to 12.5 %) | +1.7" in text
    assert (
        "(no\\_sensor): no energy counter of the machine could be read (NVML, or RAPL as root) (2026-03-01-v1.4/"
        in text
    )


def test_a_newcomer_is_told_what_each_tax_and_each_verdict_is(examples: dict[str, Any]) -> None:
    said = words(render_whole(examples))
    explained = said[said.index("How to read this page What the words mean.") :]
    for term in (
        *("Tax and bonus", "Interval", "Verdict", "Performance", "Latency", "Capability", "Compute", "Cost", "Benefit"),
        *("Scaling", "Development", "Debt", "Refused", "File and SHA-256"),
    ):
        assert f" {term}. " in explained
    few = {**examples, "taxes": [row for row in examples["taxes"] if row["kind"] == "debt"], "refusals": []}
    said = words(render_whole(few))
    explained = said[said.index("How to read this page What the words mean.") :]
    assert " Debt. " in explained
    assert " Capability. " not in explained
    assert " Refused. " not in explained
