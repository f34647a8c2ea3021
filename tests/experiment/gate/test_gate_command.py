"""`aligntax gate`: exit codes, and all that it writes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.experiment.results import make_result

from .simulated import simulated

Save = Callable[..., Path]
Run = Callable[..., Any]


def _xml(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314 (the test's own file)


@pytest.fixture
def results(save: Save) -> None:
    """Four results: a base, one that is like it, a slower one, and one of too few requests."""
    save("base.json", simulated(1))
    save("alike.json", simulated(2))
    save("slow.json", simulated(3, slowdown=1.07))
    save("few.json", simulated(4, 4))


@pytest.mark.usefixtures("results", "budget")
@pytest.mark.parametrize(
    ("result", "more", "code", "headline"),
    [
        ("alike.json", [], 0, "Within budget: of 3 limits, 3 passed"),
        ("slow.json", [], 1, "Over budget: of 3 limits, "),
        ("few.json", [], 2, "Cannot tell: of 3 limits, "),
        ("few.json", ["--cannot-tell", "pass"], 0, "Within budget: of 3 limits, "),
        ("few.json", ["--cannot-tell", "fail"], 1, "Over budget: of 3 limits, "),
        ("slow.json", ["--cannot-tell", "pass"], 1, "Over budget: of 3 limits, "),
    ],
)
def test_the_exit_code_says_how_it_stands(run: Run, result: str, more: list[str], code: int, headline: str) -> None:
    found = run("gate", result, "--budget", "budget.toml", "--base", "base.json", *more)
    assert (found.code, found.err) == (code, "")
    assert found.out.startswith(headline)
    assert "tax.max_regression" in found.out
    assert "in relation to raw" in found.out


@pytest.mark.usefixtures("results", "budget")
def test_without_a_base_a_regression_cannot_be_told(run: Run) -> None:
    found = run("gate", "alike.json", "--budget", "budget.toml")
    assert found.code == 2
    assert "no base; pass --base FILE" in found.out


@pytest.mark.usefixtures("results", "budget")
def test_everything_is_written_at_once(run: Run, tmp_path: Path) -> None:
    found = run(
        "gate",
        "slow.json",
        *("--budget", "budget.toml", "--base", "base.json", "--json", "g.json", "--junit", "g.xml"),
        *("--markdown", "g.md", "--bencher", "b.json", "--pytest-benchmark", "p.json", "--otava", "trend.csv"),
    )
    assert found.code == 1
    assert json.loads((tmp_path / "g.json").read_text())["standing"] == "failed"

    suites = _xml(tmp_path / "g.xml")
    assert suites.tag == "testsuites"
    assert set(suites.keys()) <= {"name", "time", "tests", "failures", "errors"}, (
        "Jenkins's junit-10.xsd refuses others"
    )
    (suite,) = suites
    assert set(suite.keys()) == {"name", "tests", "failures", "errors", "skipped"}
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["tax.absolute", "tax.relative", "tax.max_regression"]
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) >= 1
    assert (suite.get("tests"), suite.get("errors"), suite.get("name")) == ("3", "0", "shop.chat:pipeline")

    page = MarkdownIt("commonmark").enable("table").render((tmp_path / "g.md").read_text())
    assert "<h2>❌ Alignment tax: Over budget: of 3 limits, " in page
    assert "<td>tax.max_regression</td>" in page
    assert "<h3>Against the base</h3>" in page
    assert page.count("<table>") == 2

    bencher = json.loads((tmp_path / "b.json").read_text())
    assert set(bencher) == {
        "shop.chat:pipeline",
        *(f"shop.chat:pipeline {name}" for name in ("guard pii", "guard toxicity", "stage input", "stage output")),
    }
    assert (tmp_path / "trend.csv").read_text().startswith("time,file,cpu_model,tax.relative,tax.absolute,")
    assert not [path.name for path in tmp_path.iterdir() if "partial" in path.name]


@pytest.mark.usefixtures("results", "budget")
def test_bencher_metric_format_has_numbers_within_their_bounds(run: Run, tmp_path: Path) -> None:
    """The schema: benchmark, measure, then `value` and, where there is an interval, both bounds; nothing else."""
    run("gate", "base.json", "--budget", "budget.toml", "--bencher", "b.json")
    result = json.loads((tmp_path / "base.json").read_text())
    found = json.loads((tmp_path / "b.json").read_text())
    for measures in found.values():
        for name, metric in measures.items():
            assert len(name) <= 64
            assert set(metric) in ({"value"}, {"value", "lower_value", "upper_value"})
            if len(metric) == 3:
                assert metric["lower_value"] <= metric["value"] <= metric["upper_value"]
    whole = found["shop.chat:pipeline"]
    assert whole["latency"]["value"] == pytest.approx(result["latency"]["guarded"]["p50"]["value"] * 1e9)
    assert whole["tax"]["value"] == pytest.approx(result["tax"]["seconds"]["value"] * 1e9)
    assert whole["relative-tax"]["value"] == result["tax"]["relative"]["value"]
    assert "lower_value" not in whole["cold-start-first-call"]


@pytest.mark.usefixtures("results", "budget")
def test_a_forced_base_is_marked_everywhere(run: Run, save: Save, tmp_path: Path) -> None:
    save("other.json", simulated(5, environment={"cpu_model": "Slow CPU"}))
    refused = run("gate", "alike.json", "--budget", "budget.toml", "--base", "other.json", "--json", "g.json")
    assert refused.code == 3
    assert not (tmp_path / "g.json").exists()
    arguments = ("--json", "g.json", "--junit", "g.xml", "--markdown", "g.md")
    found = run("gate", "alike.json", "--budget", "budget.toml", "--base", "other.json", "--force", *arguments)
    assert found.code == 0
    assert found.out.count("FORCED: these results should not be compared") == 2
    assert json.loads((tmp_path / "g.json").read_text())["forced"] is True
    assert "[!WARNING]" in (tmp_path / "g.md").read_text()
    suite = _xml(tmp_path / "g.xml")[0]
    assert {each.get("name"): each.get("value") for each in suite.iter("property")}["forced"] == "true"
    assert all("FORCED" in (each.text or "") for each in suite.iter("system-out"))


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize("width", [60, 80, 160])
def test_it_fits_the_terminal(run: Run, save: Save, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """At the usual 80 columns no name is broken in two: what was not measured is said below the table."""
    monkeypatch.setenv("COLUMNS", str(width))
    names = ("tax.absolute", "guards.toxicity.relative", "guards.pii.max_regression")
    save(
        "budget.toml",
        '[tax]\nabsolute = "1 ms"\n[guards.toxicity]\nrelative = "1%"\n[guards.pii]\nmax_regression = "2%"',
    )
    out = run("gate", "alike.json", "--budget", "budget.toml").out
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    whole = [any(line.startswith(f"{name} ") for line in lines) for name in names]
    assert all(whole) == (width >= 80)
    assert ("guards.pii.max_regression: no base; pass --base FILE" in lines) == (width < 160)


@pytest.mark.usefixtures("results", "budget")
def test_github_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = run("gate", "slow.json", "--budget", "budget.toml", "--github")
    stopped, resumed, *lines = [line for line in found.out.splitlines() if line.startswith("::")]
    assert found.code == 1
    assert stopped == found.out.splitlines()[0] == f"::stop-commands::{resumed.strip(':')}"
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert lines[0].startswith("::error title=alignment tax::tax.absolute: +")
    assert "%25" in "".join(lines)
    text = summary.read_text()
    assert text.startswith("# before\n## ❌ Alignment tax: Over budget")


@pytest.mark.usefixtures("results", "budget")
def test_outside_of_a_job_github_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    found = run("gate", "slow.json", "--budget", "budget.toml", "--github", "--json", "g.json", "--history", "h")
    assert found.code == 3
    assert "GITHUB_STEP_SUMMARY is not set" in found.err
    assert not (tmp_path / "g.json").exists()
    assert not (tmp_path / "h").exists()


def test_annotations_are_bounded_and_on_one_line(run: Run, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty guards over budget, whose names would be commands of their own if they stood at the start of a line."""
    names = [f"::warning::% {number}" for number in range(30)]
    raw = [0.1] * 20
    save("r.json", make_result(raw, [0.4] * 20, shares={name: [0.01] * 20 for name in names}))
    save("budget.toml", "\n".join(f'[guards."{name}"]\nabsolute = "1 ms"' for name in names))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(save("summary.md", "")))
    monkeypatch.setenv("COLUMNS", "60")  # so that names are folded
    found = run("gate", "r.json", "--budget", "budget.toml", "--github")
    out = found.out.splitlines()
    lines = out[out.index(f"::{out[0].removeprefix('::stop-commands::')}::") + 1 :]
    assert len(lines) == 10
    assert all(line.startswith("::error title=alignment tax::") for line in lines)
    assert lines[0].count("%25 0") == 1
    assert lines[-1] == "::error title=alignment tax::Over budget: of 30 limits, 30 failed"


def test_a_summary_is_no_longer_than_it_may_be(tmp_path: Path) -> None:
    from aligntax.experiment.gate.github import add_to_summary

    path = tmp_path / "summary.md"
    add_to_summary(path, "é" * 600_000)
    add_to_summary(path, "é" * 600_000)
    assert path.stat().st_size == 2**20
    path.read_text(encoding="utf-8")


def test_characters_that_xml_cannot_hold_are_replaced(run: Run, save: Save, tmp_path: Path) -> None:
    raw = [0.1] * 20
    save("r.json", make_result(raw, [0.11] * 20, target={"name": 'a\x00b<&">\ud800'}))
    save("budget.toml", '[tax]\nabsolute = "1 ms"')
    run("gate", "r.json", "--budget", "budget.toml", "--junit", "g.xml")
    suite = _xml(tmp_path / "g.xml")[0]
    assert suite.get("name") == 'a\ufffdb<&">\ufffd'


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize(
    ("budget", "arguments", "message"),
    [
        (None, [], "budget.toml: cannot be read"),
        ('[tax]\nabsolut = "5 ms"', [], "the key 'tax.absolut' is unknown; known are absolute, relative"),
        ('[guards.nobody]\nabsolute = "5 ms"', [], "its guards are pii, toxicity"),
        ('[tax]\nabsolute = "5 ms"', ["--base", "nothing.json"], "nothing.json: cannot be read"),
        ('[tax]\nabsolute = "5 ms"', ["--json", "base.json"], "--json base.json: it is read"),
        ('[tax]\nabsolute = "5 ms"', ["--json", "budget.toml"], "--json budget.toml: it is read"),
        ('[tax]\nabsolute = "5 ms"', ["--json", "x", "--junit", "x"], "--junit x: --json writes it, too"),
        ('[tax]\nabsolute = "5 ms"', ["--otava", "x.yaml"], "--otava (its settings) x.yaml: --otava writes it, too"),
        ('[tax]\nabsolute = "5 ms"', ["--junit", "no/x"], "--junit no/x: cannot write there"),
        ('[tax]\nabsolute = "5 ms"', ["--history", "base.json"], "--history base.json: is no folder"),
        ('[tax]\nabsolute = "5 ms"', ["--cannot-tell", "maybe"], "--cannot-tell"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run: Run, save: Save, tmp_path: Path, budget: str | None, arguments: list[str], message: str
) -> None:
    if budget is not None:
        save("budget.toml", budget)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = run("gate", "base.json", "--budget", "budget.toml", "--markdown", "m.md", *arguments)
    assert (found.code, found.out) == (3, "")
    assert message in found.err
    assert found.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_broken_result_is_bad_input_and_is_not_kept(run: Run, save: Save, budget: Path, tmp_path: Path) -> None:
    save("cut.json", json.dumps(simulated(1, 20))[:1000])
    found = run("gate", "cut.json", "--budget", budget, "--history", "h")
    assert found.code == 3
    assert not (tmp_path / "h").exists()


def test_help_has_an_example_of_a_budget(run: Run) -> None:
    found = run("gate", "--help")
    assert found.code == 0
    for text in ("--budget", "--base", "--junit", "--github", "--history", "--otava", "max_regression", "cold_start"):
        assert text in found.out
