"""The table at the end of a run: what each test measured."""

from __future__ import annotations

from typing import TypedDict

import pytest

from aligntax.figures import MISSING

__all__ = ["ATTRIBUTE", "Row", "Summary", "empty_row"]

ATTRIBUTE = "aligntax_rows"
"""Of a report: its rows. Reports travel from a worker to where the summary is written, with what can be JSON."""

_TITLES = ("test", "guards", "tax", "95 % interval", "of raw", "n", "limit", "verdict")
_RIGHT = frozenset({2, 4, 5})


class Row(TypedDict):
    """One measurement, as text."""

    test: str
    guards: str
    tax: str
    interval: str
    relative: str
    n: str
    limit: str
    verdict: str


def empty_row(test: str) -> Row:
    """Return the row of a measurement of which only the test is known."""
    return {
        "test": test,
        "guards": MISSING,
        "tax": MISSING,
        "interval": MISSING,
        "relative": MISSING,
        "n": MISSING,
        "limit": MISSING,
        "verdict": "measured",
    }


class Summary:
    """Collects the rows of all tests, and writes them."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows of a test."""
        self._rows += getattr(report, ATTRIBUTE, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the table, if anything was measured."""
        if not self._rows:
            return
        terminalreporter.write_sep("=", "alignment tax")
        lines = [_TITLES, *(tuple(str(cell) for cell in row.values()) for row in self._rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = [
                cell.rjust(width) if column in _RIGHT else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            terminalreporter.write_line("  ".join(cells).rstrip())
