"""Results over time: kept, never overwritten, read back, and looked at for change points by the real Otava."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.experiment.results import make_result

from aligntax.experiment.gate import history, read_measured, store, trend
from aligntax.experiment.gate.otava import PROGRAM, change_points, otava_csv, plotted, told

from .simulated import simulated

Save = Callable[..., Path]
Run = Callable[..., Any]

FIRST = datetime(2025, 1, 1, tzinfo=UTC)  # more than a year ago, which Otava leaves out by default
CHANGE = 12


def _day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


@pytest.fixture
def past(save: Save, tmp_path: Path) -> Path:
    """A folder of 24 results, a day apart; from the thirteenth on one guard makes requests 6 % slower."""
    folder = tmp_path / "history"
    for day in range(24):
        result = simulated(100 + day, 100, slowdown=1.06 if day >= CHANGE else 1.0, created=_day(day))
        store(save("result.json", result), _day(day), folder)
    return folder


@pytest.fixture
def otava() -> str:
    found = shutil.which(PROGRAM)
    if found is None:
        pytest.skip("Apache Otava is not installed; run: pipx install apache-otava")
    return found


def test_a_result_is_kept_as_it_is_under_its_date(save: Save, tmp_path: Path) -> None:
    path = save("result.json", simulated(1, 20))
    kept = store(path, "2026-03-01T13:00:00+01:00", tmp_path / "deep" / "history")
    assert kept.name.startswith("20260301T120000Z-")
    assert kept.read_bytes() == path.read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o644
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


def test_the_same_result_is_kept_once_and_another_one_beside_it(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    path = save("result.json", simulated(1, 20))
    first = store(path, "2026-03-01T12:00:00Z", folder)
    before = first.stat()
    assert store(path, "2026-03-01T12:00:00Z", folder) == first
    assert first.stat() == before
    other = store(save("other.json", simulated(2, 20)), "2026-03-01T12:00:00Z", folder)
    assert len({first, other}) == len(list(folder.iterdir())) == 2
    assert first.read_bytes() == path.read_bytes()


def test_what_cannot_be_written_leaves_nothing_behind(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "history"
    path = save("result.json", simulated(1, 20))

    def fail(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        store(path, "2026-03-01T12:00:00Z", folder)
    assert list(folder.iterdir()) == []


def test_what_is_no_time_or_no_folder_is_refused(save: Save, tmp_path: Path) -> None:
    path = save("result.json", simulated(1, 20))
    with pytest.raises(ValueError, match="created='yesterday' is no time in ISO 8601"):
        store(path, "yesterday", tmp_path / "history")
    with pytest.raises(ValueError, match=r"created='0001-01-01.*' is no time in ISO 8601"):
        store(path, "0001-01-01T00:00:00+01:00", tmp_path / "history")
    with pytest.raises(ValueError, match=r"result\.json: is no folder"):
        store(path, "2026-03-01T12:00:00Z", path)


def test_a_trend_is_in_the_order_of_time(past: Path, save: Save) -> None:
    found = trend(past, read_measured(save("new.json", simulated(1, 20))))
    assert [row.created for row in found.rows] == [FIRST + timedelta(days=day) for day in range(24)]
    assert found.left_out == ()
    data = json.loads(json.dumps(found.rows[0].to_dict()))
    assert set(data) == {"file", "created", "cpu_model", "tax", "metrics"}
    assert data["metrics"]["tax.relative"] == data["tax"]["relative"]


def test_other_targets_and_broken_files_are_left_out_and_named(past: Path, save: Save) -> None:
    other = simulated(1, 20, target={"name": "other:pipeline"})
    store(save("result.json", other), _day(30), past)
    (past / "20250201T000000Z-broken.json").write_text("{")
    found = trend(past, read_measured(save("new.json", simulated(1, 20))))
    assert len(found.rows) == 24
    assert len(found.left_out) == 2
    assert "is no JSON" in found.left_out[1]
    assert "is of 'other:pipeline'" in found.left_out[0]


def test_of_a_long_history_the_last_results_are_read(past: Path, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_RESULTS", 5)
    found = trend(past, read_measured(save("new.json", simulated(1, 20))))
    assert [row.created.day for row in found.rows] == [20, 21, 22, 23, 24]
    assert found.left_out == ("19 files are older than the last 5",)


def test_without_otava_the_command_says_so(run: Run, save: Save, budget: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    save("result.json", simulated(1))
    found = run("gate", "result.json", "--budget", budget, "--history", "history")
    assert "History: 1 result from 2026-03-01 to 2026-03-01." in found.out
    assert "Otava is not installed (pipx install apache-otava)" in found.out


def test_a_failed_result_is_kept_too_and_once(run: Run, save: Save, tmp_path: Path) -> None:
    save("result.json", simulated(1, 60))
    save("budget.toml", '[tax]\nabsolute = "1 us"')
    for _ in range(2):
        assert run("gate", "result.json", "--budget", "budget.toml", "--history", "history").code == 1
    assert len(list((tmp_path / "history").iterdir())) == 1


def test_the_csv_has_a_line_for_each_result_and_no_gap(past: Path, save: Save, run: Run, tmp_path: Path) -> None:
    """A metric that one result lacks is left out: Otava's reader knows no gaps."""
    without = make_result([0.1] * 20, [0.11] * 20, shares={"pii": [0.01] * 20}, created=_day(40))
    save("result.json", without)
    save("budget.toml", '[tax]\nabsolute = "1 s"')
    arguments = ("--history", past, "--otava", "trend.csv")
    assert run("gate", "result.json", "--budget", "budget.toml", *arguments).code == 0
    with (tmp_path / "trend.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [
        *("time", "file", "cpu_model", "tax.relative", "tax.absolute", "latency.guarded", "latency.raw"),
        "guards.pii.absolute",
    ]
    assert len(rows) == 25
    assert all(len(row) == len(header) and all(row) for row in rows)
    assert (tmp_path / "trend.yaml").exists()


@pytest.mark.usefixtures("otava")
def test_otava_finds_the_change(past: Path, save: Save) -> None:
    rows = trend(past, read_measured(save("new.json", simulated(1, 20)))).rows
    found = {point.metric: point for point in change_points(rows)}
    assert {"tax.relative", "tax.absolute", "guards.toxicity.absolute", "cpu.absolute"} <= set(found)
    assert not {"guards.pii.absolute", "latency.raw", "memory.absolute", "cold_start.import"} & set(found)
    point = found["tax.relative"]
    assert point.created == FIRST + timedelta(days=CHANGE)
    assert point.before == pytest.approx(sum(row.metrics["tax.relative"].value for row in rows[:CHANGE]) / CHANGE)
    assert point.after - point.before == pytest.approx(0.06, abs=0.02)


@pytest.mark.usefixtures("otava")
def test_plots_are_told_where_the_tax_moved(past: Path, save: Save) -> None:
    found = trend(past, read_measured(save("new.json", simulated(1, 20))))
    lines, points = told(found)
    assert lines[1] == f"Change points: {len(points)}."
    rows = plotted(found, points)
    assert [place for place, row in enumerate(rows) if row["change_point"]] == [CHANGE]
    assert {"created", "tax", "metrics"} <= set(rows[0])


@pytest.mark.usefixtures("otava")
def test_otava_finds_nothing_where_nothing_changed(past: Path, save: Save) -> None:
    rows = trend(past, read_measured(save("new.json", simulated(1, 20)))).rows[:CHANGE]
    assert change_points(rows) == []
    with pytest.raises(ValueError, match="there are too few, 3; at least 4 are needed"):
        change_points(rows[:3])


@pytest.mark.usefixtures("otava")
def test_a_guard_that_came_later_has_a_trend_of_its_own(past: Path, save: Save) -> None:
    for day in range(24, 30):
        extra = simulated(day, 100, slowdown=1.06, created=_day(day))
        extra["guards"].append({**extra["guards"][0], "name": "late"})
        extra["samples"]["shares_seconds"]["late"] = [0.001] * 100
        store(save("result.json", extra), _day(day), past)
    rows = trend(past, read_measured(save("new.json", simulated(1, 20)))).rows
    metrics = {point.metric for point in change_points(rows)}
    assert "tax.relative" in metrics
    assert "guards.late.absolute" not in metrics


def test_the_command_tells_of_the_change(
    past: Path, run: Run, save: Save, budget: Path, otava: str, tmp_path: Path
) -> None:
    save("result.json", simulated(1, 100, slowdown=1.06, created=_day(24)))
    arguments = ("--history", past, "--otava", "trend.csv", "--markdown", "g.md")
    found = run("gate", "result.json", "--budget", budget, *arguments)
    assert "History: 25 results from 2025-01-01 to 2025-01-25." in found.out
    (line,) = [line for line in found.out.splitlines() if line.startswith("tax, of raw: ")]
    assert "% until 2025-01-13 00:00 (20250113T000000Z-" in line
    assert "### Over time" in (tmp_path / "g.md").read_text()

    # The files that are written for it are read by the program itself.
    command = [otava, "analyze", "--config-file", "trend.yaml", "--output", "json", "--since", "2024-12-31", "aligntax"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100)
    changes = json.loads(done.stdout)["aligntax"]
    assert {"tax.relative"} <= {change["metric"] for group in changes for change in group["changes"]}


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('no such thing')", "ended with code 1: no such thing"),
        ("import sys; print('ERROR: Column not found', file=sys.stderr)", "ended with code 0: ERROR: Column not found"),
        ("import time; time.sleep(60)", "no answer within 1 s"),
        ("pass", "ended with code 0: it said nothing"),
        (
            "import sys, json; print(json.dumps({name: [{}] for name in sys.argv if name[:9] == 'aligntax-'}))",
            "wrote something else than version 0.8 does (KeyError('changes'))",
        ),
    ],
)
def test_an_otava_that_fails_is_told_and_changes_no_verdict(
    past: Path, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    script = tmp_path / "bin" / PROGRAM
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\n{program}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setattr("aligntax.experiment.gate.otava.PATIENCE_SECONDS", 1)
    lines, points = told(trend(past, read_measured(save("new.json", simulated(1, 20)))))
    assert points == []
    assert lines[0] == "History: 24 results from 2025-01-01 to 2025-01-24."
    assert lines[1].startswith("Change points are not known: ")
    assert reason in lines[1]


def test_an_otava_that_cannot_be_run_is_told(
    past: Path, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / PROGRAM
    script.parent.mkdir()
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    lines, points = told(trend(past, read_measured(save("new.json", simulated(1, 20)))))
    assert points == []
    assert lines[1].endswith("cannot be run (No such file or directory).")


def test_of_a_target_whose_results_are_all_too_old_nothing_is_told(
    past: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_RESULTS", 1)
    found = trend(past, read_measured(save("new.json", simulated(1, 20, target={"name": "other:pipeline"}))))
    assert found.rows == ()
    assert told(found) == (["History: no result of this target among those that are read."], [])


def test_names_with_commas_and_quotes_stay_in_their_cell(save: Save, tmp_path: Path) -> None:
    names = ['a,b"c', "d\te"]
    result = make_result([0.1] * 20, [0.11] * 20, shares={name: [0.01] * 20 for name in names})
    measured = read_measured(save("r.json", result))
    rows = trend(store(measured.path, measured.created, tmp_path / "h").parent, measured).rows
    header, row = csv.reader(otava_csv(rows, list(rows[0].metrics)).splitlines())
    assert len(header) == len(row)
    assert 'guards.a,b"c.absolute' in header
