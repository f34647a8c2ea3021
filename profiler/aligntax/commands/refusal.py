"""How a command refuses bad input: one line on stderr, and exit code 3."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import typer

BAD_INPUT = 3


def complain(message: object) -> None:
    """Write one line to stderr."""
    typer.echo(f"aligntax: error: {message}", err=True)


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Turn what is wrong with the user's files or values into one line and an exit code."""
    try:
        yield
    except (OSError, ValueError) as error:
        complain(error)
        raise typer.Exit(BAD_INPUT) from error


@contextmanager
def refusing_missing_extra() -> Iterator[None]:
    """Turn the want of a module that an extra brings into one line that says which extra, and an exit code."""
    try:
        yield
    except ModuleNotFoundError as error:
        if "pip install" not in str(error):
            raise
        complain(error)
        raise typer.Exit(BAD_INPUT) from error


def require_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None] = ()) -> None:
    """Find out before the run whether all files can be written after it, none twice and none over what is read.

    Args:
        outputs: by option; None where the option was not given.
        inputs: what is read; None likewise.

    Raises:
        ValueError: if not; names the option, the path and the mend.
    """
    taken = {path.resolve(): "it is read" for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        reason = taken.get(path.resolve())
        if reason is not None:
            raise ValueError(f"{option} {path}: {reason}; name another file")
        taken[path.resolve()] = f"{option} writes it, too"
    for option, path in outputs.items():
        if path is not None:
            require_writable(option, path)


def require_writable(option: str, path: Path) -> None:
    """Find out before the run whether a file can be written after it.

    Raises:
        ValueError: if it cannot; names the option, the path and the mend.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{option} {path}: is no regular file; name a file to create or replace")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass  # it is the making of a file beside it that may fail
    except OSError as error:
        raise ValueError(
            f"{option} {path}: cannot write there ({error.strerror}); name a file in a folder that exists and is yours"
        ) from error
