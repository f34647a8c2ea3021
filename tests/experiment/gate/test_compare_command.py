"""`aligntax compare`: what it prints, writes, and ends with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .simulated import simulated

Save = Callable[..., Path]
Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("n", "slowdown", "code", "headline"),
    [
        (400, 1.05, 1, "Regression: a guarded request takes +"),
        (400, 1.0, 0, "Unchanged within margin: a guarded request takes "),
        (4, 1.0, 2, "Cannot tell: a guarded request takes "),
        (400, 0.93, 0, "Improvement: a guarded request takes -"),
    ],
)
def test_the_verdict_is_the_headline_and_the_exit_code(
    run: Run, save: Save, n: int, slowdown: float, code: int, headline: str
) -> None:
    save("base.json", simulated(1, n))
    save("new.json", simulated(2, n, slowdown=slowdown))
    found = run("compare", "base.json", "new.json")
    assert found.code == code
    assert found.out.startswith(headline)
    assert not found.err
    for title in ("tax, of raw", "share of toxicity", "raw request, median", "CPU time of guards", "p (Holm)"):
        assert title in found.out
    assert "What decides is the tax of raw" in found.out


def test_a_wider_margin_forgives(run: Run, save: Save) -> None:
    save("base.json", simulated(1))
    save("new.json", simulated(2, slowdown=1.05))
    assert run("compare", "base.json", "new.json", "--margin", "15%").code == 0


def test_raw_that_moved_is_told(run: Run, save: Save) -> None:
    base, new = simulated(1), simulated(2)
    for arm in ("raw", "guarded", "null"):
        new["samples"]["seconds"][arm] = [1.3 * seconds for seconds in new["samples"]["seconds"][arm]]
    save("base.json", base)
    save("new.json", new)
    out = " ".join(run("compare", "base.json", "new.json").out.split())
    assert re.search(r"Raw itself moved by \+(29|30|31)\.\d %: machine or model differ between the runs", out)


def test_json_and_markdown_say_the_same(run: Run, save: Save, tmp_path: Path) -> None:
    save("base.json", simulated(1))
    save("new.json", simulated(2, slowdown=1.05))
    found = run("compare", "base.json", "new.json", "--json", "c.json", "--markdown", "c.md")
    assert found.code == 1
    data = json.loads((tmp_path / "c.json").read_text())
    assert (data["schema"], data["verdict"], data["forced"]) == ("aligntax.comparison/1", "regression", False)
    markdown = (tmp_path / "c.md").read_text()
    assert "**Regression: a guarded request takes +" in markdown
    # A change of a ratio and its interval are in points: of "+5 %" nobody could tell whether it is 5 % of the tax.
    assert re.search(
        r"^\| tax, of raw \| .* \| \+\d\.\d+ points \| \+\d\.\d+ to \+\d\.\d+ points \|", markdown, re.MULTILINE
    )
    assert len(re.findall(r"^\| .* \| regression \|$", markdown, re.MULTILINE)) == 5


def test_results_of_two_machines_are_refused_with_all_that_differs(run: Run, save: Save, tmp_path: Path) -> None:
    save("base.json", simulated(1))
    save("new.json", simulated(2, environment={"cpu_model": "Slow CPU", "python": "3.12.1"}))
    found = run("compare", "base.json", "new.json", "--json", "c.json")
    assert found.code == 3
    assert not found.out
    assert found.err.count("\n") == 1
    assert "cpu_model: 'Fast CPU 9000' in the base, 'Slow CPU' in the new result; python: '3.11.7'" in found.err
    assert "measure both alike, or pass --force" in found.err
    assert not (tmp_path / "c.json").exists()


def test_a_forced_comparison_is_marked_everywhere(run: Run, save: Save, tmp_path: Path) -> None:
    save("base.json", simulated(1))
    save("new.json", simulated(2, environment={"cpu_model": "Slow CPU"}))
    found = run("compare", "base.json", "new.json", "--force", "--json", "c.json", "--markdown", "c.md")
    assert found.code == 0
    assert found.out.startswith("FORCED: these results should not be compared")
    assert "differs: cpu_model: 'Fast CPU 9000' in the base, 'Slow CPU' in the new result" in found.out
    data = json.loads((tmp_path / "c.json").read_text())
    assert data["forced"] is True
    assert len(data["differences"]) == 1
    markdown = (tmp_path / "c.md").read_text()
    assert "> [!WARNING]\n> FORCED: these results should not be compared" in markdown


@pytest.mark.parametrize("width", [40, 80, 100, 160, 400])
def test_it_fits_the_terminal(run: Run, save: Save, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    save("base.json", simulated(1, 60))
    save("new.json", simulated(2, 60))
    out = run("compare", "base.json", "new.json").out
    assert max(map(len, out.splitlines())) <= width
    assert ("p (Holm)" in out) == (width >= 160)


def test_names_that_look_like_markup_are_printed_as_they_are(run: Run, save: Save, tmp_path: Path) -> None:
    raw = [0.1] * 30
    shares = {"[red]<b>|x|`y`*z*": [0.01] * 30}
    target = {"target": {"name": "[link]@all <script>"}}
    from tests.experiment.results import make_result

    for name in ("base.json", "new.json"):
        save(name, make_result(raw, [0.11] * 30, shares=shares, **target))
    found = run("compare", "base.json", "new.json", "--markdown", "c.md")
    assert "[red]<b>|x|`y`*z*" in found.out
    markdown = (tmp_path / "c.md").read_text()
    assert r"\[red\]&lt;b&gt;\|x\|\`y\`\*z\*" in markdown
    assert "<b>" not in markdown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["base.json", "nothing.json"], "nothing.json: cannot be read (No such file or directory)"),
        (["nothing.json", "new.json"], "nothing.json: cannot be read"),
        (["base.json", "cut.json"], "cut.json: is no JSON"),
        (["base.json", "foreign.json"], "foreign.json: is JSON, but no result"),
        (["base.json", "later.json"], "later.json: has schema 'aligntax.bench/9'"),
        (["base.json", "empty.json"], "empty.json: has no samples"),
        (["base.json", "nan.json"], "nan.json: holds NaN"),
        (["base.json", "new.json", "--margin", "2"], None),
        (["base.json", "new.json", "--margin", "two"], "--margin='two' is no limit; write e.g. '2%' or 0.02"),
        (["base.json", "new.json", "--margin", "0"], "margin=0.0 must be above 0"),
        (["base.json", "new.json", "--alpha", "0"], "alpha=0.0 must lie between 0 and 1"),
        (["base.json", "new.json", "--json", "base.json"], "--json base.json: it is read; name another file"),
        (["base.json", "new.json", "--json", "x", "--markdown", "x"], "--markdown x: --json writes it, too"),
        (["base.json", "new.json", "--json", "nowhere/x"], "--json nowhere/x: cannot write there"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run: Run, save: Save, tmp_path: Path, arguments: list[str], message: str | None
) -> None:
    good = simulated(1, 20)
    save("base.json", good)
    save("new.json", simulated(2, 20))
    save("cut.json", json.dumps(good)[: len(json.dumps(good)) // 2])
    save("foreign.json", {"results": []})
    save("later.json", {**good, "schema": "aligntax.bench/9"})
    save("empty.json", {**good, "samples": {**good["samples"], "prompt": []}})
    save("nan.json", json.dumps(good).replace("0.95", "NaN", 1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = run("compare", *arguments)
    if message is None:  # 200 % is a margin, if a strange one
        assert found.code == 0
        return
    assert found.code == 3
    assert not found.out
    assert found.err.startswith("aligntax: error: ")
    assert message in found.err
    assert found.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_help_has_examples_and_what_decides(run: Run) -> None:
    found = run("compare", "--help")
    assert found.code == 0
    for text in ("--margin", "--alpha", "--force", "aligntax compare base.json new.json"):
        assert text in found.out
