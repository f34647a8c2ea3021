"""The file with the page of the whole tax."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aligntax.report.page.writing import write

__all__ = ["write_whole_page"]


def write_whole_page(whole: Mapping[str, Any], path: Path | str) -> None:
    """Write the page of a whole report; the file is complete, or what was there before is left.

    Args:
        whole: what `aligntax report --json` wrote, schema `aligntax.whole/1`.
        path: of the HTML file.

    Raises:
        ValueError: for another schema, or parts that are missing. Nothing is written then.
        OSError: if the file cannot be written.
        ModuleNotFoundError: if what draws the page is not installed; says how to.
    """

    def page() -> str:
        from aligntax.report.whole.page import render_whole

        return render_whole(whole)

    write(path, page)
