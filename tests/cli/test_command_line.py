"""What holds for every command: help, version, wrong usage, and a fast start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import aligntax

HEAVY = ("torch", "onnxruntime", "onnx", "numba", "rich", "prometheus_client", "pynvml")

Run = Callable[..., Any]


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"aligntax {aligntax.__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_the_commands(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 0
    assert "demo" in result.out
    assert not result.err


def test_help_of_the_demo_has_examples_and_every_option(run: Run) -> None:
    result = run("demo", "--help")
    assert result.code == 0
    for option in ("--once", "--requests", "--prompts", "--json", "--port", "--trace", "--seed"):
        assert option in result.out
    assert "aligntax demo --once --json report.json" in result.out


@pytest.mark.parametrize(
    ("arguments", "message", "command"),
    [
        (["nothing"], "No such command", "aligntax"),
        (["--nothing"], "No such option", "aligntax"),
        (["demo", "--nothing"], "No such option", "aligntax demo"),
        (["demo", "extra"], "unexpected extra argument", "aligntax demo"),
        (["demo", "--requests", "0"], "--requests", "aligntax demo"),
        (["demo", "--requests", "many"], "--requests", "aligntax demo"),
        (["demo", "--port", "65536"], "--port", "aligntax demo"),
        (["demo", "--seed", "-1"], "--seed", "aligntax demo"),
        (["demo", "--json"], "--json", "aligntax demo"),
        (["bench"], "TARGET", "aligntax bench"),
        (["gate"], "RESULT", "aligntax gate"),
        (["tax", "nothing"], "No such command", "aligntax tax"),
        (["tax", "debt"], "INPUTS", "aligntax tax debt"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_3(run: Run, arguments: list[str], message: str, command: str) -> None:
    result = run(*arguments)
    assert result.code == 3
    assert not result.out
    assert result.err.startswith("aligntax: error: ")
    assert message in result.err
    assert result.err.endswith(f"see '{command} --help'\n")
    assert result.err.count("\n") == 1


def test_the_command_line_loads_nothing_heavy() -> None:
    code = f"import aligntax.cli, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_the_package_can_be_run_as_a_program() -> None:
    command = [sys.executable, "-m", "aligntax", "--version"]
    assert subprocess.check_output(command, text=True) == f"aligntax {aligntax.__version__}\n"
    assert subprocess.run([*command[:-1], "nothing"], capture_output=True, check=False).returncode == 3
