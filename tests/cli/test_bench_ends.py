"""`aligntax bench`: Ctrl-C keeps what there is, and whatever ends it, nothing that it has started is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.experiment.load.chat_server import Behaviour, serving

from aligntax.experiment.remote import NOT_COMPARED

from .bench_targets import CALLS_VARIABLE
from .benching import DEADLINE_SECONDS, ENDLESS, TARGETS, written

TEMPORARY = "temporary"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `aligntax bench` in a process group of its own; ends it with the test."""
    started: list[subprocess.Popen[str]] = []
    (tmp_path / TEMPORARY).mkdir()
    environment = {**os.environ, CALLS_VARIABLE: str(tmp_path / "calls"), "TMPDIR": str(tmp_path / TEMPORARY)}

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "aligntax", "bench", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until(process: subprocess.Popen[str], done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def proxies_of(config: Path) -> list[psutil.Process]:
    """Return the proxies that run with a configuration, whoever their parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if "aligntax.experiment.proxies" in line and str(config) in line[-1]:
            found.append(process)
    return found


def test_ctrl_c_keeps_what_there_is_and_exits_with_130(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    json_file, html_file = tmp_path / "result.json", tmp_path / "report.html"
    process = start(f"{TARGETS}:counted", *ENDLESS, "--json", json_file, "--html", html_file)
    wait_until(process, (tmp_path / "calls").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130, err
    assert not err
    assert "Alignment tax: +" in out
    data = written(json_file)
    assert data["design"]["stopped"] == "interrupted"
    assert data["design"]["pairs"] >= 10
    assert "memory_bytes" not in data["compute"]
    assert html_file.stat().st_size > 10_000


@pytest.mark.parametrize("target", ["hanging", "hanging_async"])
def test_a_second_ctrl_c_ends_a_target_that_hangs(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, target: str
) -> None:
    path = tmp_path / "result.json"
    process = start(f"{TARGETS}:{target}", *ENDLESS, "--json", path)
    wait_until(process, (tmp_path / "calls").exists)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130, err
    assert err == "aligntax: error: interrupted\n"
    assert not out
    assert not path.exists()


def test_ctrl_c_in_a_terminal_leaves_the_proxies_to_the_experiment(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, config: Path, questions: Path
) -> None:
    """A terminal sends it to the whole group; a proxy that ended by itself would leave its traces incomplete."""
    path, behaviour = tmp_path / "result.json", Behaviour(first_seconds=0.003)
    with serving(behaviour) as url:
        process = start(config, "--upstream", url, "--prompts", questions, *ENDLESS, "--json", path)
        wait_until(process, lambda: len(behaviour.bodies) > 60)
        assert len(proxies_of(config)) == 2
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130, err
    assert "Alignment tax: +" in out
    data = written(path)
    assert data["design"]["stopped"] == "interrupted"
    assert data["warnings"] == [NOT_COMPARED]  # and nothing of traces
    assert data["guards"][0]["name"] == "blocklist"
    assert proxies_of(config) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_proxies_end_with_an_experiment_that_is_ended_by_force(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, config: Path, questions: Path, number: signal.Signals
) -> None:
    behaviour = Behaviour(first_seconds=0.003)
    with serving(behaviour) as url:
        process = start(config, "--upstream", url, "--prompts", questions, *ENDLESS)
        wait_until(process, lambda: len(behaviour.bodies) > 10)
        process.send_signal(number)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == (130 if number is signal.SIGTERM else -signal.SIGKILL), err
        if number is signal.SIGTERM:
            assert list((tmp_path / TEMPORARY).iterdir()) == []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while proxies_of(config):
            assert time.monotonic() < deadline, "a proxy was left behind"
            time.sleep(0.05)
