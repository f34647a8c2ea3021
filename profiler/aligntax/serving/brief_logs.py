"""What uvicorn says of an answer that was cut off on purpose, without the traceback that it thinks it deserves."""

from __future__ import annotations

import asyncio
import logging

from aligntax.serving.forward import AnswerBroken

__all__ = ["Brief"]


class Brief(logging.Filter):
    """Makes one line of an answer that the proxy has broken off, or that the end of the proxy has."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record where it is about one; all records go on."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (AnswerBroken, asyncio.CancelledError)):
            record.msg, record.args = "an answer was cut off (%s)", (str(error) or "the proxy stops",)
            record.exc_info = record.exc_text = None
        return True
