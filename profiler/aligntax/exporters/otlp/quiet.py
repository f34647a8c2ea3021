"""Keeps the SDK from logging every attempt of ours that fails; what it logs for others goes through."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

_LOGGERS = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


class _Said(threading.local):
    """What the SDK has had to say about the export that this thread is at; None while it is at none."""

    messages: list[str] | None = None


_said = _Said()


class _OfOthers(logging.Filter):
    """Lets through what does not concern an export of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _said.messages is None:
            return True
        if not _said.messages:
            _said.messages.append(_described(record))
        return False


def _described(record: logging.LogRecord) -> str:
    """Return what was logged; of an error in it only the type, since it quotes addresses, which may hold a key."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    errors = [type(argument).__name__ for argument in arguments if isinstance(argument, BaseException)]
    return errors[0] if errors else record.getMessage().rstrip(".")


_of_others = _OfOthers()


@contextmanager
def quietly() -> Iterator[list[str]]:
    """Hold back what the SDK logs about the exports of the block, and fill the list with the first message.

    Nor do instrumented HTTP clients make spans of these exports.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_of_others)  # once is enough, and more often does nothing
    messages: list[str] = []
    _said.messages = messages
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield messages
    finally:
        detach(token)
        _said.messages = None
