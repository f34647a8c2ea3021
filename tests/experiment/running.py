"""Commands of experiments, run in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import typer


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def runner(command: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Return what runs a command with arguments; exceptions that it lets through are the test's."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        code = app(args=[str(argument) for argument in arguments], standalone_mode=False)
        return Result(int(code or 0), *capfd.readouterr())

    return run
