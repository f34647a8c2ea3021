"""Files that are complete or not there at all."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path | str, text: str) -> None:
    """Write a text as UTF-8 beside its place, and put it there once it is whole; what was there before is replaced.

    Raises:
        OSError: if it cannot be written.
        UnicodeError: if it holds half of a surrogate pair.
    """
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except (OSError, UnicodeError):
        partial.unlink(missing_ok=True)
        raise
