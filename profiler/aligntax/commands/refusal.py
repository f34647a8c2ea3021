"""How a command refuses bad input: one line on stderr, and exit code 3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
