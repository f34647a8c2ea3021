"""Guards that redact and that block, in a stream and at its end, and a request that is answered through one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

REDACT = [PII(stage="stream"), PII(stage="output")]
BLOCK = [Blocklist(["forbidden"], on_hit="block", stage=stage) for stage in ("stream", "output")]  # type: ignore[arg-type]
both_stages = pytest.mark.parametrize("at", [0, 1], ids=["stream", "output"])


async def ask(profiler: Profiler, application: Any, guard: Any, document: Any, path: str = CHAT, **more: Any) -> Caller:
    middleware = TaxMiddleware(application, profiler=profiler, guards=[guard], **more)
    caller = await Caller(document, path).call(middleware)
    assert caller.ended
    middleware.close()
    return caller


def outcome(profiler: Profiler) -> Outcome:
    profiler.drain()
    (trace,) = profiler.traces()
    return trace.outcome
