"""Files that are complete or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident

__all__ = ["write_whole"]


def write_whole(path: Path | str, content: str | bytes) -> None:
    """Write a file beside its place, and put it there once it is whole; what was there before is replaced.

    Several threads and processes may do so at the same time: one of them is the last.

    Args:
        path: of the file.
        content: bytes, or a text that is written as UTF-8.

    Raises:
        OSError: if it cannot be written.
        UnicodeError: if it holds half of a surrogate pair.
    """
    data = content.encode() if isinstance(content, str) else content
    target = Path(path)
    partial = target.with_name(f"{target.name}.{os.getpid()}.{get_ident()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)  # there only if it did not get to its place
