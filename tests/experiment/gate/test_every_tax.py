"""Budgets on every figure of every kind of tax, as the commands really wrote them, and on the report that joins all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntax.experiment.gate import read_budget, read_measured
from aligntax.experiment.gate.judging import Standing, judge
from aligntax.taxes.record import KINDS
from aligntax.taxes.whole import join, read_inputs

RECORDS = Path(__file__).parents[3] / "examples" / "records" / "2026-03-01-v1.4"
Save = Callable[..., Path]
Run = Callable[..., Any]


def record(kind: str) -> dict[str, Any]:
    """Return what the example holds, which its commands wrote."""
    data: dict[str, Any] = json.loads((RECORDS / f"{kind}.json").read_text(encoding="utf-8"))
    assert data["kind"] == kind
    return data


def limits(figure: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Yield, of each measure of a figure, the limit that it just keeps, and one that it does not."""
    for measure in ("absolute", "relative"):
        found = figure[measure]
        if found is not None:
            low, high = (found["value"] if found[end] is None else found[end] for end in ("low", "high"))
            yield measure, high, low - max(1e-9, abs(low) * 0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_can_be_limited(kind: str, save: Save) -> None:
    data = record(kind)
    kept = broken = "judge_single_values = true\n"
    number = 0
    for figure in data["figures"]:
        for measure, least, less in limits(figure):
            section = f'[{kind}."{figure["name"]}"]\n' if measure == "absolute" or figure["absolute"] is None else ""
            kept += f"{section}{measure} = {least!r}\n"
            broken += f"{section}{measure} = {less!r}\n"
            number += 1
    measured = read_measured(save("t.json", data))
    for text, standing in ((kept, Standing.PASSED), (broken, Standing.FAILED)):
        found = judge(measured, read_budget(save("budget.toml", text)))
        assert [judgement.standing for judgement in found.judgements] == [standing] * number


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_by_its_exit_code_whether_the_headline_is_kept(kind: str, save: Save, run: Run) -> None:
    data = record(kind)
    save("t.json", data)
    measure, kept, broken = next(limits(data["figures"][0]))
    assert data["figures"][0][measure]["low"] is not None  # a headline has an interval, and needs no more to be judged
    for limit, code in ((kept, 0), (broken, 1)):
        save("budget.toml", f"[{kind}]\n{measure} = {limit!r}")
        ended = run("gate", "t.json", "--budget", "budget.toml", "--json", "gate.json")
        assert ended.code == code, ended.err
        assert json.loads(Path("gate.json").read_text())["limits"][0]["metric"] == f"{kind}.{measure}"


def test_one_budget_for_all_taxes_is_held_against_the_whole_report(save: Save, run: Run) -> None:
    folder = Path("all")
    folder.mkdir()
    texts: dict[bool, str] = {True: "", False: ""}
    for kind in KINDS:
        data = record(kind)
        (folder / f"{kind}.json").write_text(json.dumps(data))
        measure, kept, broken = next(limits(data["figures"][0]))
        texts[True] += f"[{kind}]\n{measure} = {kept!r}\n"
        texts[False] += f"[{kind}]\n{measure} = {broken!r}\n"
    save("whole.json", join(read_inputs([folder])))
    for keeps, text in texts.items():
        save("budget.toml", text)
        ended = run("gate", "whole.json", "--budget", "budget.toml", "--json", "gate.json")
        assert ended.code == (0 if keeps else 1), ended.err
        found = {
            each["metric"].partition(".")[0]: each["standing"]
            for each in json.loads(Path("gate.json").read_text())["limits"]
        }
        assert found == dict.fromkeys(KINDS, "passed" if keeps else "failed")
