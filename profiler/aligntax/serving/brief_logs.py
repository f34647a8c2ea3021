"""What uvicorn says of an answer that was cut off on purpose, without the traceback that it thinks it deserves."""

from __future__ import annotations

import asyncio
import logging

from aligntax.clock import Clock, wall_clock
from aligntax.serving.forward import AnswerBroken
from aligntax.serving.repeats import Repeats

__all__ = ["Brief"]


class Brief(logging.Filter):
    """Makes one line of an answer that the proxy has broken off, or that the end of the proxy has.

    Args:
        clock: by which the first of these are held back where they repeat.
    """

    def __init__(self, clock: Clock = wall_clock) -> None:
        super().__init__()
        self._repeats = Repeats(clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record where it is about one, and return whether it goes on; all others do."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, (AnswerBroken, asyncio.CancelledError)):
            return True
        others: str | None = ""
        if isinstance(error, AnswerBroken):
            others = self._repeats.passes(str(error).partition(":")[0])
        record.msg, record.args = "an answer was cut off (%s)%s", (str(error) or "the proxy stops", others or "")
        record.exc_info = record.exc_text = None
        return others is not None
