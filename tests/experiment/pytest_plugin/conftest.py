"""Runs of pytest with the plugin, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PLUGIN = "aligntax.pytest_plugin"
WIDE = ("--tax-benchmark-width=0.5", "--tax-benchmark-budget=5")
"""Ends with the fewest pairs that there is an interval for, however long these take on a busy machine."""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run pytest on files that were written; with the plugins that are named, whichever are installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)

    def run_pytest(
        *arguments: str, plugins: tuple[str, ...] = (), measuring: tuple[str, ...] = WIDE
    ) -> pytest.RunResult:
        named = [part for plugin in (PLUGIN, *plugins) for part in ("-p", plugin)]
        command = ("-p", "no:cacheprovider", "-W", "error", "-ra", *named, *measuring, *arguments)
        return pytester.runpytest_subprocess(*command, timeout=100)

    return run_pytest
