"""Budgets on other taxes: on one record, and on a whole report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aligntax.taxes.record as taxes
import aligntax.taxes.whole.joining as whole_taxes
from aligntax.experiment.gate import (
    Judged,
    compare_measured,
    judge,
    read_budget,
    read_measured,
    sections,
    tax_record,
)
from aligntax.experiment.gate.bencher import to_bencher
from aligntax.experiment.gate.judging import Standing
from aligntax.experiment.gate.words import judged_cells, judged_sentence
from aligntax.inference import Estimate
from aligntax.taxes.whole import join, read_inputs

from ...taxes.whole.records import benefit, debt, development, performance, record, result, write

Save = Callable[..., Path]
Run = Callable[..., Any]
PASSED, FAILED, CANNOT_TELL = Standing.PASSED, Standing.FAILED, Standing.CANNOT_TELL


@pytest.fixture
def judged(save: Save) -> Callable[..., Judged]:
    def judged(text: str, data: dict[str, Any]) -> Judged:
        return judge(read_measured(save("t.json", data)), read_budget(save("budget.toml", text)))

    return judged


@pytest.fixture
def whole(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def whole(**files: Any) -> dict[str, Any]:
        folder = tmp_path / "records"
        return join(read_inputs([write(folder, {f"{name}.json": data for name, data in files.items()})]))

    return whole


LIMITS = [
    (performance(), "[performance]\nrelative = {}", '"7%"', '"2%"', '"5%"'),
    (performance(), "[performance]\nabsolute = {}", '"4 points"', "2", "3.1"),
    (performance(), '[performance."squad_v2.f1"]\nrelative = {}', "0.2", "0.02", "0.1"),
    (performance(), "[performance.squad_v2.f1]\nabsolute = {}", "7.5", '"1 points"', "6.5"),
    (benefit(), "[benefit]\nabsolute = {}", '"-30 points"', '"-60 points"', "-0.48"),
    (benefit(), "[benefit.attack_success.change]\nrelative = {}", '"-50%"', '"-90%"', '"-80%"'),
    (benefit(), "[benefit.false_positives.change]\nabsolute = {}", '"5%"', '"0.1%"', '"1.5 points"'),
    (debt(), "[debt]\nabsolute = {}", '"5e6 USD a year"', "1e5", "900000"),
]


@pytest.mark.parametrize(("data", "text", "kept", "broken", "unclear"), LIMITS)
def test_any_figure_of_a_record_can_be_limited(
    judged: Callable[..., Judged], data: dict[str, Any], text: str, kept: str, broken: str, unclear: str
) -> None:
    for limit, standing in ((kept, PASSED), (broken, FAILED), (unclear, CANNOT_TELL)):
        assert judged(text.format(limit), data).standing is standing


def test_all_limits_stand_in_the_table_with_the_figures_unit(judged: Callable[..., Judged]) -> None:
    found = judged('[performance]\nabsolute = "2 points"\n[performance.wsc.acc]\nabsolute = 20', performance())
    assert [each.limit.written for each in found.judgements] == ["2.00 points", "20.0 points"]
    plain = found.to_dict()
    assert [(one["limit"], one["unit"]) for one in plain["limits"]] == [
        ("performance.absolute", "points"),
        ("performance.wsc.acc.absolute", "points"),
    ]
    assert json.loads(json.dumps(plain)) == plain


def test_the_table_says_how_sure_the_intervals_are(
    run: Run, save: Save, whole: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """A record's intervals may be of another confidence than 95 %, and those of a whole report of several."""
    bold = performance()
    bold["parameters"]["confidence"] = 0.8
    save("record.json", bold)
    save("whole.json", whole(p=bold, b=benefit()))
    save("one.toml", '[performance]\nrelative = "7%"')
    save("two.toml", '[performance]\nrelative = "7%"\n[benefit]\nabsolute = "-30 points"')
    found = run("gate", "record.json", "--budget", "one.toml", "--markdown", "g.md", "--json", "g.json")
    assert found.code == 0
    assert "80 % interval" in found.out
    assert "| 80 % interval |" in (tmp_path / "g.md").read_text()
    assert [one["confidence"] for one in json.loads((tmp_path / "g.json").read_text())["limits"]] == [0.8]
    found = run("gate", "whole.json", "--budget", "two.toml", "--markdown", "g.md", "--json", "g.json")
    assert found.code == 0
    assert "%, 80 %  passed" in found.out
    assert re.search(r"points, 95 % +passed", found.out)
    assert "| interval |" in (tmp_path / "g.md").read_text()
    assert [one["confidence"] for one in json.loads((tmp_path / "g.json").read_text())["limits"]] == [0.8, 0.95]


def test_what_was_refused_cannot_be_told_and_says_why(judged: Callable[..., Judged]) -> None:
    text = '[performance.wsc.acc]\nrelative = "5%"\n[performance.mmlu.acc]\nrelative = "5%"\nabsolute = 1'
    found = judged(text, performance())
    assert {each.standing for each in found.judgements} == {CANNOT_TELL}
    assert found.judgements[0].reason == "refused: the interval of raw includes 0"
    assert found.judgements[1].reason.startswith("refused: raw has version 1 and aligned version 2")


def test_a_headline_that_was_refused_says_why(judged: Callable[..., Judged]) -> None:
    made = performance()
    made["figures"][0]["relative"] = None
    made["refusals"].append({"what": "macro, relative", "reason": "x", "message": "raw is 0"})
    assert judged('[performance]\nrelative = "5%"', made).judgements[0].reason == "refused: raw is 0"


def test_kinds_and_schemas_are_those_of_the_taxes() -> None:
    assert (sections.KINDS, tax_record.RECORD, tax_record.WHOLE) == (taxes.KINDS, taxes.SCHEMA, whole_taxes.SCHEMA)


def test_exact_counts_are_judged_only_where_the_budget_says_so(judged: Callable[..., Judged]) -> None:
    text = '[development.dependencies]\nabsolute = "20 packages"'
    found = judged(text, development())
    assert found.standing is CANNOT_TELL
    assert found.judgements[0].reason == "it has no interval; judge_single_values = true goes by the value"
    assert judged(f"judge_single_values = true\n{text}", development()).standing is PASSED


@pytest.mark.parametrize(
    ("data", "text", "cells"),
    [
        (development(), '[development.dependencies]\nabsolute = "20 packages"', ("20 packages", "14 packages", "-")),
        (development(), "[development]\nabsolute = 300", ("300 hours", "190 hours", "120 to 260 hours")),
        (
            benefit(),
            '[benefit."attack_success.with_guards"]\nabsolute = 0.2',
            ("20.0 %", "12.0 %", "8.00 to 17.0 %"),
        ),
        (
            benefit(),
            "[benefit]\nabsolute = -0.2",
            ("-20.0 points", "-48.0 points", "-57.0 to -38.0 points"),
        ),
        (performance(), "[performance]\nabsolute = 9", ("9.00 points", "+3.10 points", "+2.48 to +3.72 points")),
    ],
)
def test_a_state_has_no_sign_and_a_count_no_interval(
    judged: Callable[..., Judged], data: dict[str, Any], text: str, cells: tuple[str, ...]
) -> None:
    found = judged(text, data)
    assert judged_cells(found.judgements[0], found)[1:4] == cells
    interval = "" if cells[2] == "-" else f" ({cells[2]})"
    assert f": {cells[1]}{interval}, at most {cells[0]}: " in judged_sentence(found.judgements[0])


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("performance", "score more items"),
        ("capability", "sample more prompts"),
        ("benefit", "judge more labelled texts"),
        ("development", "give narrower ranges of hours in the ledger"),
        ("debt", "count more attacks, or give narrower ranges of losses and costs"),
        ("scaling", "measure more sizes"),
        ("cost", "run aligntax bench for longer"),
    ],
)
def test_a_limit_within_an_interval_says_what_would_help(
    judged: Callable[..., Judged], kind: taxes.Kind, mend: str
) -> None:
    data = record(kind, [taxes.Figure("one", "One", Estimate(2.0, 1.0, 3.0), "units")])
    (found,) = judged(f"[{kind}]\nabsolute = 2", data).judgements
    assert (found.standing, found.reason) == (CANNOT_TELL, f"the limit lies within the interval; {mend}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[performance.mmlu]\nrelative = 0.1", r"\[performance.mmlu\] limits what .*; its performance are macro, "),
        (
            '[performance]\nabsolute = "5 ms"',
            r"performance\.absolute='5 ms' is not in points; write e\.g\. '1\.5 points'",
        ),
        ('[performance]\nrelative = "5 points"', r"performance\.relative='5 points' is no limit"),
        ("[performance]\nspeed = 1", r"the key 'performance\.speed' is unknown; known are absolute, relative"),
        ("[performance.macro]\nmax_regression = 0.1", r"the key 'performance\.macro\.max_regression' is unknown"),
        ('[performance]\nabsolute = "much"', r"performance\.absolute='much' is not a limit; write a number and a unit"),
        ("[performance]\nabsolute = true", r"performance\.absolute=True is not a limit"),
        ("[performance]\nabsolute = nan", r"performance\.absolute=nan is not a limit"),
        ("performance = 1", r"performance=1 is no table"),
    ],
)
def test_limits_that_do_not_fit_are_refused(judged: Callable[..., Judged], text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"budget\.toml: {message}"):
        judged(text, performance())


def test_a_budget_for_all_taxes_can_be_held_against_one_of_them(judged: Callable[..., Judged]) -> None:
    text = "[tax]\nrelative = 0.1\n[performance]\nrelative = 0.2\n[benefit.attack_success.change]\nabsolute = 0"
    found = judged(text, performance())
    assert [(each.standing, each.reason) for each in found.judgements] == [
        (CANNOT_TELL, "not measured"),
        (PASSED, ""),
        (CANNOT_TELL, "not measured"),
    ]
    assert judged(text, result()).judgements[0].standing is FAILED


def test_a_whole_report_is_held_against_limits_on_every_kind(
    judged: Callable[..., Judged], whole: Callable[..., dict[str, Any]]
) -> None:
    made = whole(p=performance(), b=benefit(), r=result())
    text = """
        [tax]
        absolute = "3 ms"
        relative = "25%"
        [guards.pii]
        absolute = "2 ms"
        [cpu]
        absolute = "2 ms"
        [performance]
        relative = "10%"
        [benefit.attack_success.change]
        absolute = "-30 points"
    """
    found = judged(text, made)
    assert {each.standing for each in found.judgements} == {PASSED}, found.judgements
    assert judged('[guards.pii]\nabsolute = "1 us"', made).standing is FAILED
    with pytest.raises(ValueError, match="its guards are pii, toxicity"):
        judged('[guards.none]\nabsolute = "1 us"', made)


def test_of_several_files_none_is_the_headline(
    judged: Callable[..., Judged], whole: Callable[..., dict[str, Any]]
) -> None:
    made = whole(one=performance(), two=performance(0.5), r1=result(1), r2=result(2))
    found = judged(
        '[performance]\nrelative = 0.9\n[tax]\nrelative = 0.9\n[performance."two:macro"]\nrelative = 0.2', made
    )
    assert [each.standing for each in found.judgements] == [CANNOT_TELL, FAILED, CANNOT_TELL]
    assert found.judgements[0].reason == "several files have one: one.json, two.json; name the figure"
    assert found.judgements[2].reason == "several results have one: r1.json, r2.json; gate each of them"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**performance(), "kind": "speed"}, "kind 'speed' is no tax that is known"),
        ({**performance(), "figures": [], "refusals": []}, "holds no figure and no refusal"),
        ({"schema": "aligntax.tax/1"}, "is not whole ('kind' is missing); write it anew with aligntax"),
        ({"schema": "aligntax.whole/1", "taxes": []}, "is not whole ('refusals' is missing)"),
        ({"schema": "aligntax.tax/2"}, "has schema 'aligntax.tax/2'"),
    ],
)
def test_damaged_records_are_refused(save: Save, data: dict[str, Any], message: str) -> None:
    path = save("t.json", data)
    with pytest.raises(ValueError, match=r"t\.json: ") as refused:
        read_measured(path)
    assert message in str(refused.value)


def test_an_interval_that_is_none_is_refused_by_its_name(save: Save) -> None:
    made = performance()
    made["figures"][1]["relative"] = {"value": 1, "low": 2, "high": 3}
    with pytest.raises(ValueError, match=r"t\.json: performance\.squad_v2\.f1\.relative: .*low <= value <= high"):
        read_measured(save("t.json", made))


def test_records_have_no_samples_to_compare(save: Save) -> None:
    one = read_measured(save("t.json", performance()))
    with pytest.raises(ValueError, match=r"t\.json: aligntax\.tax/1 has no samples to compare; hold its figures"):
        compare_measured(one, one)


def test_the_command_gates_a_record_and_writes_everything(run: Run, save: Save, tmp_path: Path) -> None:
    save("t.json", performance())
    save("budget.toml", '[performance]\nrelative = "2%"')
    found = run(
        *("gate", "t.json", "--budget", "budget.toml", "--json", "g.json", "--junit", "g.xml", "--markdown", "g.md"),
        *("--bencher", "b.json", "--history", "history"),
    )
    assert (found.code, found.err) == (1, "")
    assert "performance.relative" in found.out
    assert "pairs of requests" not in (tmp_path / "g.md").read_text()
    bencher = json.loads((tmp_path / "b.json").read_text())
    assert bencher["Performance tax performance squad_v2.f1"]["relative-tax"]["value"] == pytest.approx(0.1)
    assert len([*(tmp_path / "history").iterdir()]) == 1
    refused = run("gate", "t.json", "--budget", "budget.toml", "--pytest-benchmark", "p.json")
    assert refused.code == 3
    assert "pytest-benchmark shows requests" in refused.err


def test_times_of_a_whole_report_are_in_the_unit_of_a_results(save: Save, whole: Callable[..., dict[str, Any]]) -> None:
    made = result()
    one, joined = (to_bencher(read_measured(save("r.json", data))) for data in (made, whole(r=made)))
    (title,) = {name.partition(" guard ")[0] for name in joined if " guard " in name}
    assert joined[title]["tax"] == one["shop.chat:pipeline"]["tax"]


def test_the_command_gates_a_whole_report(run: Run, save: Save, whole: Callable[..., dict[str, Any]]) -> None:
    save("w.json", whole(p=performance(), r=result()))
    save("budget.toml", '[performance]\nrelative = "8%"\n[tax]\nabsolute = "4 ms"')
    assert run("gate", "w.json", "--budget", "budget.toml").code == 0


def test_a_record_of_refusals_alone_can_be_read(save: Save) -> None:
    made = {**record("performance", []), "refusals": performance()["refusals"]}
    assert read_measured(save("t.json", made)).metrics == {}
