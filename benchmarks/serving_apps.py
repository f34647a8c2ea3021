"""One application behind each middleware that is compared, as factories for uvicorn."""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import Any

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aligntax.serving.asgi import TaxMiddleware

PATH = "/v1/chat/completions"
WORK_VARIABLE = "SERVING_WORK_NS"


def bare() -> Any:
    """Return the application alone."""
    work_ns = int(os.environ.get(WORK_VARIABLE, "0"))

    async def respond(_: Request) -> JSONResponse:
        until_ns = perf_counter_ns() + work_ns
        while perf_counter_ns() < until_ns:
            pass
        return JSONResponse({"choices": []})

    return Starlette(routes=[Route(PATH, respond, methods=["POST"])])


def ours() -> Any:
    """Return it behind the middleware, which takes the ledger's folder from the environment."""
    return TaxMiddleware(bare(), model="model")


def instrumentator() -> Any:
    """Return it behind prometheus-fastapi-instrumentator, with its default metrics."""
    application = bare()
    Instrumentator().instrument(application)
    return application


def opentelemetry() -> Any:
    """Return it behind OpenTelemetry's middleware, whose spans and metrics nobody collects."""
    return OpenTelemetryMiddleware(bare(), tracer_provider=TracerProvider(), meter_provider=MeterProvider())


FACTORIES = {
    "bare": bare,
    "ours": ours,
    "prometheus-fastapi-instrumentator": instrumentator,
    "OpenTelemetry's ASGI middleware": opentelemetry,
}
