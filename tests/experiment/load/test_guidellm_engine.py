"""GuideLLM as an engine: the real one where it is installed, and a program in its place for what it may do wrong."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import stat
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.experiment.load.chat_server import MODEL, Behaviour, serving

from aligntax.experiment.load import Arrivals, Objective, Plan, SearchPlan
from aligntax.experiment.load.foreign import load_of
from aligntax.experiment.load.guidellm_engine import find_guidellm, load_by_guidellm, run_guidellm

GUIDELLM_VARIABLE = "GUIDELLM"
DATA = Path(__file__).parent / "data"
POISSON = Arrivals("poisson", 20.0, seed=3)
KEY = "sk-very-secret"


def _installed() -> str | None:
    here = Path(sys.executable).with_name("guidellm")
    return os.environ.get(GUIDELLM_VARIABLE) or (str(here) if here.is_file() else shutil.which("guidellm"))


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    _installed() is None,
    reason=f"GuideLLM is not installed; it may have an environment of its own, named by {GUIDELLM_VARIABLE}",
)
def test_the_real_guidellm_is_started_and_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    behaviour = Behaviour(first_seconds=0.02, gap_seconds=0.005, chunks=5)
    with serving(behaviour) as url:
        run = run_guidellm(
            url,
            ["Tell me of the fox", "Say forbidden things"],
            POISSON,
            model=MODEL,
            seconds=4.0,
            key_variable="SOME_KEY",
            blocked_statuses=[400],
            program=_installed(),
        )
    assert run.program.startswith("guidellm ")
    assert run.rate == 20.0
    outcomes = Counter(call.outcome for call in run.calls)
    assert outcomes["allowed"] > 20
    assert outcomes["blocked"] > 20
    assert min(call.service_ns for call in run.calls if call.outcome == "allowed") > 0.035e9
    gaps = np.diff([call.intended_ns for call in run.calls]) / 1e9
    assert gaps.std() > 0.5 * gaps.mean()  # Poisson; evenly it would be 0
    asked = {message["content"][0]["text"] for body in behaviour.bodies for message in body["messages"]}
    assert asked == {"Tell me of the fox", "Say forbidden things"}
    assert {headers.get("Authorization") for headers in behaviour.headers} == {f"Bearer {KEY}"}
    found = load_of({"raw": run})
    assert KEY not in json.dumps(found)
    assert found["arms"]["raw"]["latency"]["scheduled"]["n"] == outcomes["allowed"]


STAND_IN = """#!{python}
import json, os, shutil, sys, time
from pathlib import Path
assert sys.argv[1:3] == ["run", "--config"], sys.argv
config = Path(sys.argv[3])
spec = json.loads(config.read_text())["spec"]
prompts = Path(spec["data"][0]["path"]).read_text().splitlines()
log = Path({log!r})
runs = json.loads(log.read_text()) if log.exists() else []
runs.append({{"spec": spec, "prompts": prompts[:3], "count": len(prompts), "arguments": sys.argv,
             "mode": config.parent.stat().st_mode & 0o777, "folder": str(config.parent),
             "workers": os.environ.get("GUIDELLM__MAX_WORKER_PROCESSES"), "offline": os.environ.get("HF_HUB_OFFLINE")}})
log.write_text(json.dumps(runs))
files = {files!r}
{more}
shutil.copy(files[min(len(runs), len(files)) - 1], spec["outputs"][0]["path"])
"""


class StandIn:
    """A program that notes what it was asked to do, and answers with files that the real one wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log.json"

    def __call__(self, *names: str, more: str = "") -> str:
        files = []
        for name in names:
            path = self._folder / name
            path.write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
            files.append(str(path))
        program = self._folder / "guidellm"
        program.write_text(STAND_IN.format(python=sys.executable, log=str(self._log), files=files, more=more))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    @property
    def runs(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self._log.read_text())
        return found


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


def test_what_it_is_asked_to_do(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    program = stand_in("guidellm-0.8.1.json")
    run = run_guidellm("http://127.0.0.1:9/v1", ["a", "b"], POISSON, model=MODEL, seconds=2.0, program=program)
    assert len(run.calls) == 12
    (asked,) = stand_in.runs
    spec = asked["spec"]
    assert spec["backend"]["target"] == "http://127.0.0.1:9"
    assert spec["backend"]["api_key"] == KEY
    assert spec["profile"] == {"kind": "poisson", "rate": [20.0]}
    assert spec["seed"]["value"] == 3
    assert spec["constraints"] == [{"kind": "max_duration", "seconds": 2.0}]
    assert [json.loads(line)["prompt"] for line in asked["prompts"]] == ["a", "b", "a"]
    assert asked["count"] > 40
    # Neither prompts nor key are in the list of processes, nor in a folder that others can read, nor left behind.
    assert KEY not in str(asked["arguments"])
    assert asked["mode"] == 0o700
    assert not Path(str(asked["folder"])).exists()
    assert (asked["workers"], asked["offline"]) == ("1", "1")


def test_arms_are_run_one_after_the_other(stand_in: StandIn) -> None:
    program = stand_in("guidellm-0.8.1.json")
    urls = {"raw": "http://127.0.0.1:9", "guarded": "http://127.0.0.1:10"}
    found = load_by_guidellm(urls, ["a"], Plan(POISSON, seconds=2.0), model=MODEL, program=program)
    assert [run["spec"]["backend"]["target"] for run in stand_in.runs] == list(urls.values())
    assert found["engine"] == "guidellm 0.8.1"
    assert found["tax"]["scheduled"]["seconds"]["value"] == 0.0  # the same file twice
    assert any("one after the other" in warning for warning in found["warnings"])
    search = SearchPlan(Objective.parse("p99<=1s"))
    with pytest.raises(ValueError, match="highest rate"):
        load_by_guidellm(urls, ["a"], Plan(POISSON, search=search), model=MODEL, program=program)


def test_a_run_that_kept_no_schedule_is_run_again(stand_in: StandIn) -> None:
    program = stand_in("guidellm-0.8.1-unscheduled.json", "guidellm-0.8.1.json")
    run = run_guidellm("http://127.0.0.1:9", ["a"], POISSON, model=MODEL, seconds=2.0, program=program)
    assert len(run.calls) == 12
    assert len(stand_in.runs) == 2


def test_one_that_never_keeps_it_is_refused(stand_in: StandIn) -> None:
    program = stand_in("guidellm-0.8.1-unscheduled.json")
    with pytest.raises(RuntimeError, match="it was, 3 times"):
        run_guidellm("http://127.0.0.1:9", ["a"], POISSON, model=MODEL, seconds=2.0, program=program)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("sys.exit('no such backend')", "code 1: no such backend"),
        ("sys.exit(0)", "wrote no result"),
        ("sys.exit(3)", "code 3: it said nothing"),
        ("files = [__file__]", "no JSON"),
    ],
)
def test_its_failures_are_told(stand_in: StandIn, more: str, message: str) -> None:
    program = stand_in("guidellm-0.8.1.json", more=more)
    with pytest.raises((RuntimeError, ValueError), match=message):
        run_guidellm("http://127.0.0.1:9", ["a"], POISSON, model=MODEL, seconds=2.0, program=program)


WITH_WORKER = (
    "worker = __import__('subprocess').Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
    "Path(__file__).with_name('worker').write_text(str(worker.pid))\n"
)


def _is_gone(folder: Path) -> bool:
    """Return whether the worker of a stand-in is; where nobody collects orphans, one that has ended stays a zombie."""
    pid = int((folder / "worker").read_text())
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_it_is_not_waited_for_without_end(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.experiment.load.guidellm_engine.START_SECONDS", 0.5)
    program = stand_in("guidellm-0.8.1.json", more=f"{WITH_WORKER}time.sleep(60)")
    with pytest.raises(RuntimeError, match="did not end within"):
        run_guidellm(
            "http://127.0.0.1:9", ["a"], POISSON, model=MODEL, seconds=0.5, timeout_seconds=0.5, program=program
        )
    assert _is_gone(tmp_path)


def test_one_that_is_not_wanted_any_more_is_ended_with_its_workers(stand_in: StandIn, tmp_path: Path) -> None:
    program = stand_in("guidellm-0.8.1.json", more=f"{WITH_WORKER}time.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        run_guidellm(
            "http://127.0.0.1:9",
            ["a"],
            POISSON,
            model=MODEL,
            seconds=2.0,
            program=program,
            go_on=lambda elapsed: not (tmp_path / "worker").exists() and elapsed < 30,
        )
    assert _is_gone(tmp_path)
    assert not Path(str(stand_in.runs[0]["folder"])).exists()


def test_workers_that_it_leaves_behind_are_ended_and_not_waited_for(stand_in: StandIn, tmp_path: Path) -> None:
    program = stand_in("guidellm-0.8.1.json", more=WITH_WORKER)
    run = run_guidellm("http://127.0.0.1:9", ["a"], POISSON, model=MODEL, seconds=2.0, program=program)
    assert len(run.calls) == 12
    assert _is_gone(tmp_path)


def test_when_it_is_ended_the_arms_that_are_done_are_kept(stand_in: StandIn) -> None:
    program = stand_in("guidellm-0.8.1.json", more="time.sleep(60 * (len(runs) - 1))")
    urls = {"raw": "http://127.0.0.1:9", "guarded": "http://127.0.0.1:10"}
    shown: list[tuple[str, float, str]] = []

    def show(stage: str, done: float, detail: str) -> bool:
        shown.append((stage, done, detail))
        return not detail.startswith("guarded")

    found = load_by_guidellm(urls, ["a"], Plan(POISSON, seconds=2.0), show, model=MODEL, program=program)
    assert (found["stopped"], list(found["arms"])) == ("interrupted", ["raw"])
    assert shown[-1][0] == "load by GuideLLM"
    assert shown[-1][2] == "guarded, 20 requests/s"
    assert all(0 <= done <= 1 for _, done, _ in shown)
    with pytest.raises(KeyboardInterrupt):
        load_by_guidellm(urls, ["a"], Plan(POISSON, seconds=2.0), lambda *_: False, model=MODEL, program=program)


def test_without_it_the_install_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="pip install guidellm"):
        find_guidellm()


@pytest.mark.parametrize(
    ("url", "prompts", "rate", "message"),
    [
        ("http://127.0.0.1:9", [], 20.0, "no prompts"),
        ("http://127.0.0.1:9", ["a"], 1e5, "too many"),
        ("http://127.0.0.1:9/other/chat/completions", ["a"], 20.0, "puts /v1"),
        ("nowhere", ["a"], 20.0, "URL"),
    ],
)
def test_what_it_cannot_do_is_refused(url: str, prompts: list[str], rate: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_guidellm(url, prompts, Arrivals("constant", rate), model=MODEL, seconds=100.0, program=sys.executable)
