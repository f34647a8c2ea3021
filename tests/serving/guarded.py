"""A middleware with guards around an application of a test, closed when the test is over."""

from __future__ import annotations

import json
from typing import Any

from tests.serving.upstream import chat_answer

from aligntax import Profiler
from aligntax.guards import PII
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

ADDRESS = "jo@example.com"
ANSWER = json.dumps(chat_answer(f"write to {ADDRESS}")).encode()

_open: list[TaxMiddleware] = []


def close_all() -> None:
    """Close every middleware that `guarding` has made."""
    while _open:
        _open.pop().close()


def guarding(application: Any, profiler: Profiler, *guards: Any, **settings: Any) -> TaxMiddleware:
    guards = guards or (PII(stage="stream"),)
    _open.append(TaxMiddleware(application, profiler=profiler, guards=guards, **settings))
    return _open[-1]


def outcomes(profiler: Profiler) -> list[Outcome]:
    profiler.drain()
    assert not any(profiler.in_progress().values())
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
    return [trace.outcome for trace in profiler.traces()]
