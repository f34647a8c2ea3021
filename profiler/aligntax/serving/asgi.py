"""The middleware: a pure ASGI application around another one, which measures its requests and guards them."""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping
from typing import Any, get_args

from aligntax.profiler import Profiler
from aligntax.serving.exchange import Guards, exchange
from aligntax.serving.formats import route_of
from aligntax.serving.guarding import ServedGuard
from aligntax.serving.lifespan import live
from aligntax.serving.messages import Application, Receive, Send
from aligntax.serving.observing import Served, observe
from aligntax.serving.outlets import Outlets
from aligntax.serving.settings import CONFIG_VARIABLE, STAGES, RouteKind, Settings, read_settings, settings_of
from aligntax.serving.stored import StoredAnswers
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Layer

__all__ = ["TaxMiddleware"]

MAX_SPANS = 50_000
"""Each piece of a streamed answer is a span of the model's and one of each guard's: long answers have many."""


class TaxMiddleware:
    """Measures, and guards, the requests of an application that are a model's.

        app.add_middleware(TaxMiddleware, guards=[PII(stage="stream")], metrics_port=9464)
        vllm serve MODEL --middleware aligntax.serving.asgi.TaxMiddleware    # configured by ALIGNTAX_CONFIG

    A model's requests are those of OpenAI's chat, completions, responses and embeddings, under any prefix, and those of
    the paths in `routes`; all others, other methods and other kinds of connections pass through untouched. Without
    guards, requests and answers pass through untouched as well. A response that the application has kept is guarded,
    and not measured, where a client asks for it again. What the application records through the profiler is
    part of the same request. An application that marks no model call is the model itself, in a layer called `model`;
    that is logged once.

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
        self.app = self._application = app
        self.settings = settings
        self._owns_profiler = profiler is None
        self._threads = GuardThreads(settings.threads)
        self.profiler = profiler or self._new_profiler()
        try:
            self._prepare()
            self._outlets: Outlets | None = Outlets(self.profiler, settings)
        except BaseException:
            if self._owns_profiler:
                self.profiler.close()
            raise

    @property
    def metrics_url(self) -> str | None:
        """Where the metrics are served; None if they are not."""
        return None if self._outlets is None else self._outlets.metrics_url

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        kind = scope["type"]
        if kind == "http":
            route = route_of(scope["method"], scope["path"], self.settings.routes)
            if route is not None:
                if self._current().recording is not None:
                    # It comes in the context of another one, which it is no part of. An application may ask itself
                    # without a network in between, as BentoML's services do, and servers start the next request of a
                    # connection from within the one before it. Neither may lead past the guards.
                    with self.profiler.recorder.outside():
                        await self(scope, receive, send)
                    return
                guards = self._guards[route.kind]
                if guards is None:
                    await observe(self._application, scope, receive, send, route.kind, self._served)
                else:
                    await exchange(self._application, scope, receive, send, route.kind, guards, self._served)
                return
        if kind == "lifespan":
            await live(self.app, scope, receive, send, self.open, self.close)
        else:
            await self.app(scope, receive, send)

    def open(self) -> None:
        """Begin again after `close`, as a server that is started a second time does.

        Numbers of a profiler of its own begin at zero, unless `ledger_dir` keeps them.

        Raises:
            OSError: if the metrics' port is taken.
        """
        if self._outlets is not None:
            return
        if self._owns_profiler:
            self.profiler = self._new_profiler()
            self._prepare()
        self._outlets = Outlets(self.profiler, self.settings)

    def close(self) -> None:
        """Stop serving metrics and exporting, and the threads of the guards. For applications without a lifespan.

        Idempotent. Requests are still guarded after it, and not measured any more by a profiler of its own.
        """
        outlets, self._outlets = self._outlets, None
        if outlets is None:
            return
        outlets.close()
        self._threads.close()
        if self._owns_profiler:
            self.profiler.close()

    def _new_profiler(self) -> Profiler:
        settings = self.settings
        return Profiler(
            cpu_share=settings.cpu_share,
            ledger_dir=settings.ledger_dir,
            server=settings.server,
            max_spans=MAX_SPANS,
            max_models=max(16, len(settings.models) + 2),  # beside them: `model`, and what stands for all others
        )

    def _prepare(self) -> None:
        profiler, settings, threads = self.profiler, self.settings, self._threads
        served = [ServedGuard(profiler, guard, threads) for guard in settings.guards]
        guards = Guards(threads, **{stage: tuple(each for each in served if each.stage == stage) for stage in STAGES})
        prompt_guards = Guards(threads, guards.input, guards.parallel)
        self._guards: dict[RouteKind, Guards | None] = dict.fromkeys(get_args(RouteKind), guards or None)
        self._guards["embeddings"] = prompt_guards or None  # their answers have no text
        model_row = profiler.ledger.layer_row(Layer(settings.model, "model"))
        self._served = Served(profiler, settings, model_row)
        if guards.reads_answers():
            self.app = StoredAnswers(self._application, guards, self._served)
        self._current = profiler.recorder.current
