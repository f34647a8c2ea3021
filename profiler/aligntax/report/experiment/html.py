"""The file with the page of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aligntax.report.page.writing import write

__all__ = ["write_page", "write_scaling_page"]


def write_page(result: Mapping[str, Any], path: Path | str, history: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write the page of a result; the file is complete, or what was there before is left.

    Args:
        result: what `aligntax bench --json` wrote, schema `aligntax.bench/1`.
        path: of the HTML file.
        history: earlier runs, for the trend; see `aligntax.report.experiment.sections.trend.trend`.

    Raises:
        ValueError: for another schema, missing parts, or numbers that are not finite. Nothing is written then.
        OSError: if the file cannot be written.
        ModuleNotFoundError: if what draws the page is not installed; says how to.
    """

    def page() -> str:
        from aligntax.report.experiment.page import render_page

        return render_page(result, history)

    write(path, page)


def write_scaling_page(found: Mapping[str, Any], path: Path | str) -> None:
    """Write the page of the curves of a sweep; the file is complete, or what was there before is left.

    Args:
        found: what `aligntax sweep --json` writes.
        path: of the HTML file.

    Raises:
        OSError: if the file cannot be written.
        ModuleNotFoundError: if what draws the page is not installed; says how to.
    """

    def page() -> str:
        from aligntax.report.experiment.scaling_page import render_scaling

        return render_scaling(found)

    write(path, page)
