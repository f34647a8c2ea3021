"""What a target raises: passed on as it is, and told apart from what is wrong with the experiment."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["raised_by_target", "running_target"]

_NOTE = "aligntax: the target raised this, and not the experiment"
_RAISED = (Exception, SystemExit, asyncio.CancelledError)


@contextmanager
def running_target() -> Iterator[None]:
    """Mark whatever the target raises in the block."""
    try:
        yield
    except _RAISED as error:
        if _NOTE not in getattr(error, "__notes__", ()):
            error.add_note(_NOTE)
        raise


def raised_by_target(error: BaseException) -> str | None:
    """Return what a target raised and where, in words without its message, which may quote a prompt.

    None if it was not the target that raised it.
    """
    if _NOTE not in getattr(error, "__notes__", ()):
        return None
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"the target raised {type(error).__name__}, in {frame.name} ({Path(frame.filename).name}:{frame.lineno})"
