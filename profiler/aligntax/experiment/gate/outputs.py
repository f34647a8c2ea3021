"""Files that a command writes: none twice, none over what it reads, each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["require_apart", "write_text"]


def require_apart(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Find out before anything is written whether a file would be written twice, or over one that is read.

    Args:
        outputs: by option; None where the option was not given.
        inputs: what is read; None likewise.

    Raises:
        ValueError: if so; names the option and the file.
    """
    taken = {path.resolve(): "it is read" for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        reason = taken.get(path.resolve())
        if reason is not None:
            raise ValueError(f"{option} {path}: {reason}; name another file")
        taken[path.resolve()] = f"{option} writes it, too"


def write_text(path: Path, text: str) -> None:
    """Write a text; the file is complete or not there at all.

    Raises:
        OSError: if it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
