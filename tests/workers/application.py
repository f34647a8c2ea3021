"""A tiny ASGI application that counts in the folder of its server and serves the metrics on a port of all workers."""

from __future__ import annotations

import os
from typing import Any

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve

profiler = Profiler(ledger_dir=os.environ["LEDGER_DIR"], drain_seconds=0.05, cpu_share=0)
guard = profiler.guard(lambda text: text, name="guard")
model = profiler.model(lambda text: text, name="model")
metrics: list[MetricsServer] = []


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    with profiler.request():
        model(guard("text"))
    body = str(os.getpid()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    metrics.append(serve(profiler, int(os.environ["METRICS_PORT"]), shared=True))
    await send({"type": "lifespan.startup.complete"})
    await receive()
    metrics.pop().close()
    profiler.close()
    await send({"type": "lifespan.shutdown.complete"})
