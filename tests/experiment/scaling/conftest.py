"""`aligntax sweep`, run in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aligntax.commands.sweep import sweep

from ..running import Result, runner


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("COLUMNS", "160")
    return runner(sweep, capfd)
