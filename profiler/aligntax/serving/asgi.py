"""The middleware: a pure ASGI application around another one, which measures its requests and guards them."""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aligntax.profiler import Profiler
from aligntax.serving.body import Application, Receive, Send
from aligntax.serving.exchange import Guards, exchange
from aligntax.serving.formats import route_of
from aligntax.serving.guarding import ServedGuard
from aligntax.serving.observing import Served, observe
from aligntax.serving.outlets import Outlets
from aligntax.serving.settings import CONFIG_VARIABLE, STAGES, Settings, read_settings, settings_of
from aligntax.trace import Layer

__all__ = ["TaxMiddleware"]


class TaxMiddleware:
    """Measures, and guards, the requests of an application that are a model's.

        app.add_middleware(TaxMiddleware, guards=[PII(stage="stream")], metrics_port=9464)
        vllm serve MODEL --middleware aligntax.serving.asgi.TaxMiddleware    # configured by ALIGNTAX_CONFIG

    A model's requests are those of OpenAI's chat, completions, responses and embeddings, under any prefix, and those of
    the paths in `routes`; all others, other methods and other kinds of connections pass through untouched. Without
    guards, requests and answers pass through untouched as well. What the application records through the profiler is
    part of the same request. An application that marks no model call is the model itself, in a layer called `model`.

    Args:
        app: the application.
        profiler: takes the times; one of the middleware's own where None, which lives as long as the application.
        settings: how to serve; from the keywords where None, or, without any, from the file that the environment
            variable ALIGNTAX_CONFIG names.
        guards: guards, or tables that describe some; see `aligntax.guards.from_table`.
        keywords: further attributes of `Settings`.

    Attributes:
        profiler: as above. metrics_url: where the metrics are served; None if they are not.

    Raises:
        ValueError: for settings that cannot be.
    """

    def __init__(
        self,
        app: Application,
        *,
        profiler: Profiler | None = None,
        settings: Settings | None = None,
        guards: Iterable[Any] | None = None,
        **keywords: Any,
    ) -> None:
        if settings is None:
            file = os.environ.get(CONFIG_VARIABLE)
            settings = settings_of(keywords, guards or ()) if keywords or guards or not file else read_settings(file)
        elif keywords or guards is not None:
            raise ValueError("settings and keywords of its own: pass one or the other")
        self.app = app
        self.settings = settings
        self._owns_profiler = profiler is None
        self.profiler = profiler or Profiler(cpu_share=settings.cpu_share, ledger_dir=settings.ledger_dir)
        self._executor = ThreadPoolExecutor(settings.threads, thread_name_prefix="aligntax-guard")
        served = [ServedGuard(self.profiler, guard, self._executor) for guard in settings.guards]
        self._guards = Guards(**{stage: tuple(each for each in served if each.stage == stage) for stage in STAGES})
        model_row = self.profiler.ledger.layer_row(Layer(settings.model, "model"))
        self._served = Served(self.profiler, settings, model_row)
        self._outlets = Outlets(self.profiler, settings)

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are served; None if they are not."""
        return self._outlets.metrics_url

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(scope, receive, send)
            return
        route = route_of(scope["method"], scope["path"], self.settings.routes) if kind == "http" else None
        if route is None:
            await self.app(scope, receive, send)
        elif self._guards.reads_prompts() or (self._guards.reads_answers() and route.kind != "embeddings"):
            await exchange(self.app, scope, receive, send, route.kind, self._guards, self._served)
        else:
            await observe(self.app, scope, receive, send, route.kind, self._served)

    async def _live(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass the application's start and end on, and close what is the middleware's own after its end."""

        async def last(message: MutableMapping[str, Any]) -> None:
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                self.close()
            await send(message)

        await self.app(scope, receive, last)

    def close(self) -> None:
        """Stop serving metrics and exporting, and the threads of the guards. For applications without a lifespan."""
        self._outlets.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self._owns_profiler:
            self.profiler.close()
