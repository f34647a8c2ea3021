"""`aligntax whatif`: what it prints and writes, what it verifies, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax import Trace, Verdict, attribute
from aligntax.exporters.record import record

from ..results import make_result
from .test_prediction import TEN, served

SLEEPERS = "tests.experiment.whatif.sleepers"
SHORT = ("--pairs", "6", "--budget", "20")
Run = Callable[..., Any]


def lines(*traces: Trace) -> str:
    return "".join(json.dumps(record(trace, attribute(trace), 0)) + "\n" for trace in traces)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "traces.jsonl"
    path.write_text(lines(*TEN, served(2, 10, 0, Verdict.BLOCK)))
    return path


def row(output: str, name: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if line.startswith(name)]
    return [cell.strip() for cell in line[len(name) :].split("  ") if cell.strip()]


def test_it_prints_before_after_and_difference(run: Run, file: Path) -> None:
    result = run(file, "--faster", "toxicity=2", "--drop", "pii")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("What if: drop pii, toxicity 2 times as fast\n")
    before, after, difference = row(result.out, "tax, mean")
    assert before.startswith("+7.50 ms (")
    assert after.startswith("+2.75 ms (")
    assert difference.startswith("-4.75 ms (")
    assert [cell.split(" (")[0] for cell in row(result.out, "tax / raw")] == ["+7.50 %", "+2.75 %"]
    assert row(result.out, "tax, p99") == ["n too small"] * 3
    assert row(result.out, "duration, mean")[0].startswith("107 ms (")
    assert row(result.out, "time to a block, mean (n = 1)") == [
        "12.0 ms (n too small)",
        "5.00 ms (n too small)",
        "-7.00 ms (n too small)",
    ]
    assert "Requests: 11 read, 10 ran to their end, 1 blocked, 0 failed or given up." in result.out
    assert "n too small: a p99 takes 299 that ran to their end." in result.out


def test_it_says_what_a_change_does_beyond_its_time(run: Run, file: Path) -> None:
    result = run(file, "--drop", "toxicity")
    assert "1 request would not be blocked any more; what would happen instead is not known." in result.out
    assert "Note: without toxicity, 1 request that it blocked and 0 that it modified pass as they are" in result.out


def test_it_writes_the_prediction_and_adds_it_to_a_result(run: Run, tmp_path: Path) -> None:
    page, other, written = tmp_path / "result.json", tmp_path / "other.json", tmp_path / "whatif.json"
    traces = [json.loads(line) for line in lines(*TEN).splitlines()]
    page.write_text(json.dumps(make_result([1.0], [2.0], traces=traces), indent=1))
    for factor in (2, 3, 2):
        result = run(page, "--faster", f"toxicity={factor}", "--json", written, "--into", page)
        assert result.code == 0, result.err
    assert f"Prediction: {written}" in result.out
    assert f"Added to: {page}" in result.out
    data = json.loads(written.read_text())
    assert (data["schema"], data["verification"]) == ("aligntax.whatif/1", None)
    scenarios = json.loads(page.read_text())["whatif"]
    assert [each["scenario"] for each in scenarios] == ["toxicity 3 times as fast", "toxicity 2 times as fast"]
    assert scenarios[1] == data
    assert not other.exists()


def test_guards_in_another_order(run: Run, file: Path) -> None:
    result = run(file, "--reorder", "toxicity, pii")
    assert result.code == 0
    before, after, _ = row(result.out, "time to a block, mean (n = 1)")
    assert (before, after) == ("12.0 ms (n too small)", "10.0 ms (n too small)")
    assert "What if: order toxicity, pii" in result.out


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("pipeline", ("--drop", "toxicity")),
        ("unchangeable", ("--drop", "toxicity", "--drop", "pii")),
        ("pipeline", ("--parallel", "toxicity")),
    ],
)
def test_it_runs_the_change_for_real(
    run: Run, file: Path, tmp_path: Path, target: str, arguments: tuple[str, ...]
) -> None:
    written = tmp_path / "whatif.json"
    result = run(file, *arguments, "--verify", f"{SLEEPERS}:{target}", *SHORT, "--json", written)
    assert result.code == 0, result.err
    assert f"{SLEEPERS}:{target} (6 pairs)" in result.out
    assert "Verified on 5 prompts in " in result.out
    assert "until --pairs was reached (6)." in result.out
    found = json.loads(written.read_text())["verification"]
    assert found["n"] == 6
    predicted, measured = row(result.out, "tax as it is, p50")
    assert predicted.startswith("+7.50 ms")
    assert float(measured.split()[0]) == pytest.approx(
        found["before"]["p50_seconds"]["measured"]["value"] * 1e3, rel=0.01
    )
    assert found["tax"]["p50_seconds"]["measured"]["value"] < found["before"]["p50_seconds"]["measured"]["value"]
    assert found["saving"]["p50_seconds"]["measured"]["value"] < 0
    assert found["error"]["request"] == pytest.approx(
        found["request"]["p50_seconds"]["predicted"]["value"] / found["request"]["p50_seconds"]["measured"]["value"] - 1
    )


def test_a_verification_that_is_cut_says_so(run: Run, file: Path, tmp_path: Path) -> None:
    """In the table, and in the JSON."""
    written = tmp_path / "whatif.json"
    cut = ("--verify", f"{SLEEPERS}:pipeline", "--budget", "1e-6", "--json", written)
    result = run(file, "--drop", "pii", *cut)
    assert result.code == 0, result.err
    assert f"{SLEEPERS}:pipeline (1 pair)" in result.out
    assert "until --budget was used up (1e-06 s)." in result.out
    assert (
        "Note: 1 of 5 prompts were looked at within 1e-06 s, and are all that was asked; give it more time."
        in result.out
    )
    found = json.loads(written.read_text())["verification"]
    assert (found["design"]["stopped"], found["design"]["pairs"]) == ("budget", 1)
    assert found["warnings"][0].startswith("1 of 5 prompts were looked at")
    assert row(result.out, "duration with the change, p50")[1:] == ["n too small"]  # and no error


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "no change was named"),
        (("--drop", "pi"), "'pi' is not among the guards of the recorded requests; those are: pii, toxicity"),
        (("--drop", "model"), "'model' is the model"),
        (("--faster", "pii"), "--faster pii: write a guard and how many times as fast it is, such as toxicity=2"),
        (("--faster", "=2"), "--faster =2: write a guard"),
        (("--faster", "pii=fast"), "--faster pii=fast: write a guard"),
        (("--faster", "pii=0"), "pii cannot be 0 times as fast; use a number from 0.001"),
        (("--faster", "pii=-1"), "pii cannot be -1 times as fast"),
        (("--faster", "pii=nan"), "pii cannot be nan times as fast"),
        (("--reorder", "pii"), "name two or more"),
        (("--reorder", "pii,pii"), "pii is there twice"),
        (("--reorder", "pii,nobody"), "'nobody' is not among the guards"),
        (("--drop", "pii", "--parallel", "pii"), "pii is dropped, so it cannot be run in parallel"),
        (("--drop", "pii", "--pairs", "0"), "max_pairs=0"),
        (("--drop", "pii", "--prompts", "p.txt"), "--prompts p.txt: is for --verify"),
        (("--drop", "pii", "--into", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
    ids=str,
)
def test_refused(run: Run, file: Path, tmp_path: Path, arguments: tuple[str, ...], part: str) -> None:
    written = tmp_path / "whatif.json"
    result = run(file, *arguments, "--json", written)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("aligntax: error: ")
    assert result.err.count("\n") == 1
    assert part in result.err
    assert not written.exists()


@pytest.mark.parametrize(
    ("arguments", "target", "part"),
    [
        (("--drop", "pii"), "nowhere:pipeline", "there is no module 'nowhere'"),
        (("--faster", "pii=2"), f"{SLEEPERS}:unchangeable", "cannot be run with pii 2 times as fast; give its module"),
        (("--parallel", "pii"), f"{SLEEPERS}:pipeline", "cannot be run with pii in parallel"),
        (("--drop", "rail"), f"{SLEEPERS}:pipeline", "has no guard 'rail'; its guards are: pii, toxicity, shield"),
    ],
    ids=str,
)
def test_refused_to_verify(run: Run, tmp_path: Path, arguments: tuple[str, ...], target: str, part: str) -> None:
    file, written = tmp_path / "traces.jsonl", tmp_path / "whatif.json"
    text = lines(*TEN)
    file.write_text(text.replace('"toxicity"', '"rail"') if "rail" in arguments else text)
    result = run(file, *arguments, "--verify", target, "--json", written, *SHORT)
    assert result.code == 3
    assert result.out.startswith("What if: ")  # the prediction stands
    assert result.err.count("\n") == 1
    assert part in result.err
    assert not written.exists()


def test_ctrl_c_keeps_the_prediction(run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aligntax.commands.measuring import Shown

    monkeypatch.setattr(Shown, "__call__", lambda self, stage, done, detail: stage != "measuring")
    written = tmp_path / "whatif.json"
    result = run(file, "--drop", "pii", "--verify", f"{SLEEPERS}:pipeline", "--json", written)
    assert result.code == 130
    assert result.err == "The verification was interrupted, and tells nothing; the prediction stands.\n"
    assert json.loads(written.read_text())["verification"] is None
