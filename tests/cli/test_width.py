"""What `width` is of: every help says that both intervals count."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("command", ["bench", "sweep"])
def test_help_says_that_both_intervals_end_it(run: Run, command: str) -> None:
    said = " ".join(run(command, "--help").out.replace("│", " ").split())
    assert "the tax, absolute and relative, is known to ± this share" in said
    assert "known to this share" not in said


def test_help_of_the_plugin_says_so_too() -> None:
    ended = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, timeout=110)
    said = " ".join(ended.stdout.split())
    assert "end it when the tax, absolute and relative, is known to ± this share of a call" in said
