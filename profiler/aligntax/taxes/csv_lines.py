"""Lines of CSV files, none of them so long that it fills the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

__all__ = ["MAX_LINE_CHARACTERS", "short_lines"]

MAX_LINE_CHARACTERS = 1 << 16


def short_lines(path: Path, file: TextIO) -> Iterator[str]:
    """Yield the lines of a text file, as a CSV reader wants them.

    Args:
        path: of the file, for the message.
        file: to read.

    Raises:
        ValueError: if one is longer than `MAX_LINE_CHARACTERS`; names it and the mend.
    """
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_CHARACTERS + 1), ""), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ValueError(
                f"{path}:{number}: longer than {MAX_LINE_CHARACTERS:,} characters; write one row on each line"
            )
        yield line
