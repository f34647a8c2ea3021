"""The file with the page of an experiment. What draws it is loaded when the first page is written, and not before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_page"]


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
    try:
        from aligntax.report.experiment.page import render_page
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the page needs {error.name}, which is not installed; run: pip install 'aligntax[bench]'", name=error.name
        ) from error
    target = Path(path)
    page = render_page(result, history)
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
