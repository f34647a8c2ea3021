"""`aligntax sweep` on real pipelines whose guard takes as long as the parameter says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax.experiment.paired import Design
from aligntax.experiment.scaling import sweep_target

from ..results import make_result
from .sized import UNIT_SECONDS

SIZED = "tests.experiment.scaling.sized"
SHORT = ("--pairs", "30", "--budget", "20", "--width", "1e-9")
Run = Callable[..., Any]


def going_on(stage: str, done: float, detail: str) -> bool:
    return True


def test_a_guard_whose_time_is_proportional_has_an_exponent_of_one() -> None:
    design = Design(width=1e-9, max_pairs=60)
    scaling = sweep_target(SIZED, "patterns", (1, 2, 4, 8, 16), design=design, progress=going_on)
    assert scaling.fit is not None
    assert scaling.fit.exponent.value == pytest.approx(1, abs=0.15)
    assert [point.value for point in scaling.points] == [1, 2, 4, 8, 16]
    for point in scaling.points:
        assert point.n == 60
        assert point.tax.value > 0.9 * point.value * UNIT_SECONDS
        assert point.distinguishable


def test_the_prompts_that_come_with_a_pipeline_are_asked(asked: set[Any]) -> None:
    design = Design(max_pairs=6)
    sweep_target(SIZED, "prompt_length", (3, 5), design=design, progress=going_on)
    assert asked == {"xxx", "xxxxx"}


def test_looking_at_a_pipeline_takes_no_longer_than_the_budget_and_can_be_ended() -> None:
    design = Design(width=1e-9, budget_seconds=1e-6)
    scaling = sweep_target(SIZED, "patterns", (4, 2), design=design, progress=going_on)
    assert any(warning.startswith("at 2, 4: 1 of 5 prompts were looked at within") for warning in scaling.warnings)
    with pytest.raises(KeyboardInterrupt):
        sweep_target(
            SIZED, "patterns", (2,), design=Design(), progress=lambda stage, *_: not stage.endswith("at the target")
        )


def test_it_prints_a_table_and_writes_the_curves(run: Run, tmp_path: Path) -> None:
    file, page = tmp_path / "scaling.json", tmp_path / "result.json"
    page.write_text(json.dumps({**make_result([1.0] * 6, [2.0] * 6), "scaling": {"other": {"points": []}}}))
    html = tmp_path / "page.html"
    result = run(SIZED, "--over", "patterns=1,2,4,8", *SHORT, "--json", file, "--into", page, "--html", html)
    assert result.code == 0, result.err
    assert "Tax over patterns" in result.out
    assert "The tax grows as patterns to the power " in result.out
    assert f"Curves: {file}" in result.out
    data = json.loads(file.read_text())
    assert (data["schema"], data["target"]) == ("aligntax.scaling/1", SIZED)
    assert [point["value"] for point in data["scaling"]["patterns"]["points"]] == [1, 2, 4, 8]
    assert json.loads(page.read_text())["scaling"] == {"other": {"points": []}, **data["scaling"]}
    drawn = html.read_text(encoding="utf-8")
    assert "Tax by patterns" in drawn  # beside the rest of the result
    assert "How was it measured?" in drawn or 'id="method"' in drawn


@pytest.mark.parametrize(
    ("values", "headline"),
    [
        ("1,2,4,8", "The tax grows as patterns to the power "),
        ("1,2", "The tax by patterns; how it grows cannot be told."),
    ],
)
def test_it_draws_the_curves_on_a_page_of_their_own(run: Run, tmp_path: Path, values: str, headline: str) -> None:
    html = tmp_path / "page.html"
    result = run(SIZED, "--over", f"patterns={values}", *SHORT, "--html", html)
    assert result.code == 0, result.err
    assert f"Report: {html}" in result.out
    page = html.read_text(encoding="utf-8")
    assert headline in page
    assert "<svg" in page
    assert "Tax by patterns" in page
    assert ("fit, exponent" in page) is (values == "1,2,4,8")


def test_a_tax_below_0_is_not_said_to_be_above(run: Run) -> None:
    result = run(f"{SIZED}:saving", "--over", "patterns=20", *SHORT)
    assert result.code == 0, result.err
    (line,) = [line for line in result.out.splitlines() if line.strip().startswith("20 ")]
    assert " -" in line
    assert line.split()[-1] == "below"
    above = run(SIZED, "--over", "patterns=4", *SHORT)
    (line,) = [line for line in above.out.splitlines() if line.strip().startswith("4 ")]
    assert line.split()[-1] == "yes"


def test_several_parameters_one_after_the_other(run: Run) -> None:
    result = run(SIZED, "--over", "patterns=1,2", "--over", "prompt_length=1.5", *SHORT)
    assert result.code == 0, result.err
    assert "No exponent: 2 sizes are too few for an exponent; measure at 4 or more." in result.out
    assert "Tax over prompt_length" in result.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((SIZED, "--over", "patterns"), ["--over patterns: write each name once"]),
        ((SIZED, "--over", "patterns=1,two"), ["'1,two' are no numbers"]),
        ((SIZED, "--over", "patterns="), ["are no numbers"]),
        ((SIZED, "--over", "patterns=0,1"), ["patterns: 0 is no size; use numbers above 0"]),
        ((SIZED, "--over", "patterns=1,1"), ["patterns: 1 is there twice"]),
        ((SIZED, "--over", "a=1", "--over", "a=2"), ["write each name once"]),
        ((SIZED, "--over", "colour=1"), ["colour=1: cannot vary 'colour'; use patterns or prompt_length"]),
        ((SIZED, "--over", "no_prompts=1"), ["returned no prompts"]),
        (("nowhere", "--over", "patterns=1"), ["nowhere"]),
        ((f"{SIZED}:prompts", "--over", "patterns=1"), ["is a list"]),
        ((f"{SIZED}:no_pipeline", "--over", "patterns=1"), ["returned 17; return a function"]),
        ((f"{SIZED}:unguarded", "--over", "patterns=1"), ["no guard was called"]),
        ((SIZED, "--over", "patterns=1", "--pairs", "0"), ["max_pairs=0"]),
        ((SIZED, "--over", "patterns=1", "--budget", "-1"), ["budget_seconds=-1.0"]),
    ],
    ids=str,
)
def test_refused(run: Run, tmp_path: Path, arguments: tuple[str, ...], parts: list[str]) -> None:
    file = tmp_path / "scaling.json"
    result = run(*arguments, "--json", file)
    assert result.code == 3, result
    assert result.err.startswith("aligntax: error: ")
    assert result.err.count("\n") == 1
    for part in parts:
        assert part in result.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("parameter", "error"), [("patterns", "KeyError"), ("concurrency", "RuntimeError"), ("batch_size", "SystemExit")]
)
def test_what_the_targets_function_raises_is_said_to_be_its_own(run: Run, parameter: str, error: str) -> None:
    result = run(f"{SIZED}:breaking", "--over", f"{parameter}=1")
    assert result.code == 3
    assert result.err.startswith(f"aligntax: error: the target raised {error}, in breaking (sized.py:")
    assert "secret" not in result.err
    assert result.err.count("\n") == 1


def test_a_file_that_is_no_result_is_refused_before_anything_is_measured(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "result.json"
    page.write_text("{}")
    result = run(SIZED, "--over", "patterns=1", "--into", page)
    assert result.code == 3
    assert "is JSON, but no result" in result.err
    assert page.read_text() == "{}"


def test_one_file_for_both_is_refused_and_so_is_one_that_is_read(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    for arguments, reason in (
        (("--json", path, "--into", path), f"--into {path}: --json writes it, too"),
        (("--prompts", path, "--json", path), f"--json {path}: it is read"),
        (("--into", path, "--html", path), f"--html {path}: --into writes it, too"),
    ):
        result = run(SIZED, "--over", "patterns=1", *arguments)
        assert result.code == 3
        assert reason in result.err
    assert not path.exists()


def test_ctrl_c_keeps_what_is_done(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aligntax.commands.measuring import Shown

    show = Shown.__call__

    def stopping(self: Shown, stage: str, done: float, detail: str) -> bool:
        self.stopped = self.stopped or stage.endswith("2 of 4, measuring")
        return show(self, stage, done, detail)

    monkeypatch.setattr(Shown, "__call__", stopping)
    file = tmp_path / "scaling.json"
    result = run(SIZED, "--over", "patterns=1,2,4,8", *SHORT, "--json", file)
    assert result.code == 130
    data = json.loads(file.read_text())["scaling"]["patterns"]
    assert data["stopped"] == "interrupted"
    assert "Interrupted: these are the sizes that were done by then." in result.out
    assert len(data["points"]) == 1
