"""Results on disk, and the command line run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aligntax.cli import main
from aligntax.experiment.gate import Measured, read_measured

from .simulated import simulated

BUDGET = """
[tax]
absolute = "8 ms"
relative = "15%"
max_regression = "2%"
"""


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ended]:
    """Runs one command in this process, in a folder of its own. Exceptions that get through fail the test."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes JSON, or text as it is, into the test's folder."""

    def save(name: str, content: Mapping[str, Any] | str) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return save


@pytest.fixture
def measured(save: Callable[..., Path]) -> Callable[..., Measured]:
    """Writes a simulated run and reads it back."""

    def measured(seed: int, *arguments: Any, **settings: Any) -> Measured:
        return read_measured(save(f"run-{seed}.json", simulated(seed, *arguments, **settings)))

    return measured


@pytest.fixture
def budget(save: Callable[..., Path]) -> Path:
    return save("budget.toml", BUDGET)
