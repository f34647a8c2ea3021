"""The cold start, in processes that really start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from aligntax.experiment import cold
from aligntax.experiment.cold import measure_cold_start

PIPELINES = "tests.experiment.pipelines"
TARGET = """
import subprocess, sys, time
from pathlib import Path
from aligntax import Profiler
{before}
profiler = Profiler(drain_seconds=0)
prompts = ["a prompt"]
guard = profiler.guard(lambda text: text, name="guard")
def pipeline(prompt):
    {inside}
    with profiler.request():
        return guard(prompt)
"""


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    yield
    assert [each for each in psutil.Process().children(recursive=True) if "cold" in " ".join(each.cmdline())] == []


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a target of its own, and returns its name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(before: str = "", inside: str = "") -> str:
        (tmp_path / "cold_target.py").write_text(TARGET.format(before=before, inside=inside))
        return "cold_target:pipeline"

    return write


@pytest.mark.parametrize(
    ("name", "opens_requests"), [("pipeline", True), ("without_request", False), ("later", True), ("pieces", True)]
)
def test_the_first_request_of_fresh_processes(name, opens_requests, monkeypatch):
    monkeypatch.setattr(cold, "RUNS", 2)
    found = measure_cold_start(f"{PIPELINES}:{name}", None, opens_requests=opens_requests)
    assert found["runs"] == 2
    assert set(found["guards"]) == {"first", "second"}
    assert found["guards"]["first"]["value"] >= 0.001
    raw, guarded = (found[arm]["first_call_seconds"]["value"] for arm in ("raw", "guarded"))
    assert raw >= 0.002
    assert guarded - raw >= 0.0015
    assert found["raw"]["import_seconds"]["value"] > 0
    assert found["guarded"]["first_call_seconds"]["low"] is None  # two runs are too few for an interval


def test_prompts_come_from_the_file_that_was_given(target, tmp_path, monkeypatch):
    monkeypatch.setattr(cold, "RUNS", 1)
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("another one\n")
    name = target(inside="assert prompt == 'another one'")
    assert measure_cold_start(name, prompts, opens_requests=True)["runs"] == 1
    with pytest.raises(
        RuntimeError, match=r"code 1: the target raised AssertionError, in pipeline \(cold_target.py:\d+"
    ):
        measure_cold_start(name, None, opens_requests=True)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("no.such.module:pipeline", "it ended with code 1: ValueError: .*there is no module 'no'"),
        (f"{PIPELINES}:nothing", "it ended with code 1: ValueError: .*has no 'nothing'"),
        ("str:upper", "it ended with code 1: "),
    ],
)
def test_a_target_that_is_none_says_so(name, complaint):
    with pytest.raises(RuntimeError, match=complaint):
        measure_cold_start(name, None, opens_requests=True)


def test_what_a_target_prints_is_neither_kept_nor_taken_for_the_answer(target, monkeypatch):
    monkeypatch.setattr(cold, "RUNS", 1)
    name = target(
        before="print('x' * 300_000, end='')\nsys.stderr.write('y' * 300_000)",
        inside="print('ALIGNTAX-COLD-START nonsense ' * 1000, end='')",
    )
    assert measure_cold_start(name, None, opens_requests=True)["runs"] == 1


def test_threads_and_processes_that_a_target_leaves_behind_end_with_it(tmp_path, target, monkeypatch):
    monkeypatch.setattr(cold, "RUNS", 1)
    noted = tmp_path / "process"
    name = target(
        before=(
            "import threading\nthreading.Thread(target=time.sleep, args=(3600,)).start()\n"
            "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
            f"Path({str(noted)!r}).write_text(str(left.pid))"
        )
    )
    assert measure_cold_start(name, None, opens_requests=True)["runs"] == 1
    left = int(noted.read_text())
    deadline = time.monotonic() + 10
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.02)


def test_a_target_that_does_not_answer_is_given_up(target, monkeypatch):
    monkeypatch.setattr(cold, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(RuntimeError, match=r"nothing came within 0\.5 s: it said nothing"):
        measure_cold_start(target(before="time.sleep(3600)"), None, opens_requests=True)


def test_a_target_that_ends_its_process_is_told_of(target):
    with pytest.raises(RuntimeError, match=r"it ended with code 1: the target raised SystemExit, in <module> "):
        measure_cold_start(target(before="sys.exit(0)"), None, opens_requests=True)
    with pytest.raises(RuntimeError, match=r"it ended with code 7: it said nothing"):
        measure_cold_start(target(before="import os; os._exit(7)"), None, opens_requests=True)


def test_whoever_is_asked_can_end_it(target):
    asked: list[None] = []

    def go_on() -> bool:
        asked.append(None)
        return len(asked) < 3

    with pytest.raises(KeyboardInterrupt):
        measure_cold_start(target(before="time.sleep(3600)"), None, opens_requests=True, go_on=go_on)
    assert len(asked) == 3


def test_what_is_measured_is_not_burdened_with_statistics():
    code = "import aligntax.experiment.cold, sys; print('scipy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
