"""The file with a page. What draws one is loaded when the first page is written, and not before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aligntax.whole_file import write_whole

__all__ = ["write"]


def write(path: Path | str, page: Callable[[], str]) -> None:
    """Write a page; the file is complete, or what was there before is left.

    Args:
        path: of the HTML file.
        page: imports what draws the page, and returns its text.

    Raises:
        OSError: if the file cannot be written.
        UnicodeError: if the text holds half of a surrogate pair.
        ModuleNotFoundError: if what draws the page is not installed; says how to.
    """
    try:
        text = page()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise ModuleNotFoundError(
            f"the page needs {package}, which is not installed; run: pip install 'aligntax[bench]'", name=package
        ) from error
    write_whole(path, text)
