"""Runs one command of `aligntax tax` in this process, as the command line does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from aligntax.taxes.record import SCHEMA, TaxRecord

from ..experiment.running import Result, runner


def run(capfd: pytest.CaptureFixture[str], name: str, *arguments: object) -> Result:
    """Run it; exceptions that it lets through fail the test."""
    module = import_module(f"aligntax.commands.tax.{name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")  # so that no cell is broken over lines
        return runner(getattr(module, name), capfd)(*arguments)


def refused(ended: Result, message: str) -> None:
    """Assert that it refused its input in one line."""
    assert ended.code == 3
    assert not ended.out
    assert ended.err.startswith("aligntax: error: ")
    assert ended.err.count("\n") == 1
    assert message in ended.err


def reasons(record: TaxRecord) -> dict[str, str]:
    """Return why figures of a record are missing, by what is missing."""
    return {refusal.what: refusal.reason for refusal in record.refusals}


def figures(record: TaxRecord) -> dict[str, Any]:
    """Return the figures of a record by name; checks that each name is there once, and that all of it is plain data."""
    found = {figure.name: figure for figure in record.figures}
    assert len(found) == len(record.figures)
    assert record.to_dict()["schema"] == SCHEMA
    return found
