"""The command line, run in this process and in one of its own, with a decoder so small that requests are fast."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from aligntax.cli import main

from .benching import GUARDS

TINY_DEMO = Path(__file__).with_name("tiny_demo.py")


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs one command in this process. Exceptions that the command line lets through fail the test."""
    monkeypatch.setenv("COLUMNS", "140")

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the demo's decoder tiny."""
    from aligntax.demo.decoder import DecoderConfig

    shape = partial(DecoderConfig, layers=1, width=32, heads=2, vocabulary=8192)
    monkeypatch.setattr("aligntax.demo.pipeline.DecoderConfig", shape)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `aligntax demo` in a process of its own, with the tiny decoder; ends it with the test.

    `before` runs in the new process ahead of the program.
    """
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, before: Callable[[], object] | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, str(TINY_DEMO), "demo", *map(str, arguments)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with one guard."""
    path = tmp_path / "guards.toml"
    path.write_text(GUARDS)
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Prompts of which that guard blocks one."""
    path = tmp_path / "prompts.txt"
    path.write_text("one\ntwo\na secretword\nfour\n")
    return path
