"""Workers in processes of their own, to be told what to do and to be killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("program.py")
SERIES = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class WorkerProcess:
    """One worker; all of them belong to the server called `test`, unless told otherwise."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        arguments = [
            sys.executable,
            "-W",
            "error",
            str(PROGRAM),
            str(folder),
            json.dumps({"server": "test", **settings}),
        ]
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.pid = 0

    def wait_until_ready(self) -> WorkerProcess:
        self.pid = self._answer()
        return self

    def __call__(self, command: str) -> Any:
        self.tell(command)
        return self._answer()

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the worker ended: {self.end()}")
        return json.loads(line)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> str:
        """Let the worker end by itself, and return what it wrote to standard error."""
        return self._process.communicate(timeout=30)[1]

    def clean_up(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers"


@pytest.fixture
def launch(folder: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start a worker without waiting for it."""
    started: list[WorkerProcess] = []

    def start(**settings: Any) -> WorkerProcess:
        started.append(WorkerProcess(folder, settings))
        return started[-1]

    yield start
    for worker in started:
        worker.clean_up()


@pytest.fixture
def start(launch: Callable[..., WorkerProcess]) -> Callable[..., WorkerProcess]:
    """Start a worker and wait until it is ready."""
    return lambda **settings: launch(**settings).wait_until_ready()


@pytest.fixture(scope="session")
def samples() -> Callable[[str], dict[tuple[str, str], float]]:
    """Read a page of metrics: values by name and labels; a series that is there twice is an error."""

    def parse(text: str) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for name, labels, value in SERIES.findall(text):
            assert (name, labels) not in found
            found[name, labels] = float(value)
        return found

    return parse
