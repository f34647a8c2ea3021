"""The reverse proxy: guards and measurement around a forwarder, and beside them two answers of its own for probes."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.forward import Forwarder
from aligntax.serving.headers import Forwarded
from aligntax.serving.limits import Limits
from aligntax.serving.messages import Receive, Send
from aligntax.serving.problems import Problem, answer_json
from aligntax.serving.settings import Settings, read_settings

__all__ = ["OPTIONS_VARIABLE", "Proxy", "ProxyOptions", "create_proxy", "proxy_from_environment"]

OPTIONS_VARIABLE = "ALIGNTAX_PROXY"
READY_SECONDS = 2.0
HEALTH_PREFIX = "/-"


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """What a proxy is made from, and can be made from again in a worker: no secret is among it.

    Attributes:
        upstream: address of the server behind the proxy.
        config: file with `Settings`; None: no guards, the proxy only measures.
        limits: see `Limits`.
        metrics_port, ledger_dir: in place of the file's, where not None.
        ca_file, preserve_host, forwarded, trust_env: see `Forwarder`.
        ready_path: path of the upstream's that must answer with success for the proxy to be ready; None: none.
        health_prefix: what `/healthy` and `/ready` are below of.
    """

    upstream: str
    config: str | None = None
    limits: Limits = field(default_factory=Limits)
    metrics_port: int | None = None
    ledger_dir: str | None = None
    ca_file: str | None = None
    preserve_host: bool = False
    forwarded: Forwarded = "keep"
    trust_env: bool = False
    ready_path: str | None = None
    health_prefix: str = HEALTH_PREFIX

    def settings(self) -> Settings:
        """Return what the file says, and these options on top. The guards are made, and warm, when it returns.

        Raises:
            ValueError: if the file is wrong.
        """
        settings = read_settings(self.config) if self.config is not None else Settings()
        if self.metrics_port is not None:
            settings = replace(settings, metrics_port=self.metrics_port)
        if self.ledger_dir is not None:
            settings = replace(settings, ledger_dir=self.ledger_dir)
        return settings

    def create(self, settings: Settings | None = None) -> Proxy:
        """Return the proxy.

        Args:
            settings: what `settings()` has returned, where it has been called already.

        Raises:
            ValueError, OSError: as `create_proxy` and `settings`.
        """
        return create_proxy(
            self.upstream,
            self.settings() if settings is None else settings,
            limits=self.limits,
            ca_file=self.ca_file,
            preserve_host=self.preserve_host,
            forwarded=self.forwarded,
            trust_env=self.trust_env,
            ready_path=self.ready_path,
            health_prefix=self.health_prefix,
        )

    def to_json(self) -> str:
        """Return the options as JSON, for a worker's environment."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ProxyOptions:
        """Return options from what `to_json` has written."""
        table: dict[str, Any] = json.loads(text)
        return cls(**{**table, "limits": Limits(**table["limits"])})


class Proxy:
    """Answers the probes, and passes everything else on.

    Args:
        application: the forwarder, measured and guarded.
        forwarder: asked whether the upstream can be reached.
        ready_path: see `ProxyOptions`.
        health_prefix: see `ProxyOptions`.

    Attributes:
        forwarder: the same.
        metrics_url: where the metrics are served; None if they are not.
    """

    def __init__(
        self,
        application: TaxMiddleware,
        forwarder: Forwarder,
        *,
        ready_path: str | None = None,
        health_prefix: str = HEALTH_PREFIX,
    ) -> None:
        self.forwarder = forwarder
        self.metrics_url = application.metrics_url
        self._application = application
        self._ready_path = ready_path
        self._prefix = health_prefix.rstrip("/") + "/"
        self._reached: asyncio.Task[bool] | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection's scope, as ASGI has it."""
        if scope["type"] == "http" and scope["path"].startswith(self._prefix):
            await self._probe(scope["path"][len(self._prefix) :], scope["method"], send)
        else:
            await self._application(scope, receive, send)

    async def _probe(self, name: str, method: str, send: Send) -> None:
        if name not in ("healthy", "ready"):
            problem = Problem(404, "not_found", "the proxy answers 'healthy' and 'ready' here, and forwards nothing")
            await answer_json(send, problem.status, problem.document())
        elif method not in ("GET", "HEAD"):
            problem = Problem(405, "method_not_allowed", "probes are asked with GET")
            await answer_json(send, problem.status, problem.document(), [(b"allow", b"GET, HEAD")])
        elif name == "ready" and not await self._upstream_reached():
            await answer_json(send, 503, {"status": "the upstream does not answer"}, [(b"cache-control", b"no-store")])
        else:
            await answer_json(send, 200, {"status": "ok"}, [(b"cache-control", b"no-store")])

    async def _upstream_reached(self) -> bool:
        """Return whether the upstream answers; any number of probes at a time ask it once."""
        if self._ready_path is None:
            return True
        if self._reached is None or self._reached.done():
            self._reached = asyncio.create_task(self.forwarder.connections.reachable(self._ready_path, READY_SECONDS))
        return await asyncio.shield(self._reached)


def create_proxy(
    upstream: str,
    settings: Settings | None = None,
    *,
    limits: Limits | None = None,
    ca_file: Path | str | None = None,
    preserve_host: bool = False,
    forwarded: Forwarded = "keep",
    trust_env: bool = False,
    ready_path: str | None = None,
    health_prefix: str = HEALTH_PREFIX,
) -> Proxy:
    """Return a proxy in front of one server, as an ASGI application.

        uvicorn.run(create_proxy("http://127.0.0.1:8000", read_settings("guards.toml")))

    `aligntax proxy` serves the same with limits on connections, too.

    Args:
        upstream: address of the server, such as `"http://127.0.0.1:8000"` or `"unix:/run/model.sock"`.
        settings: guards and measurement; without any, the proxy only measures.
        limits: sizes, numbers and times.
        ca_file: see `Forwarder`, as for the next three.
        preserve_host: whether the upstream sees the client's `Host`.
        forwarded: what becomes of headers such as `X-Forwarded-For`.
        trust_env: whether `HTTP_PROXY` and the like are heeded.
        ready_path: see `ProxyOptions`, as for the next.
        health_prefix: what `/healthy` and `/ready` are below of.

    Raises:
        ValueError, OSError: for what cannot be used, see `Forwarder`; names it and the mend.
    """
    forwarder = Forwarder(
        upstream,
        limits=limits,
        ca_file=ca_file,
        preserve_host=preserve_host,
        forwarded=forwarded,
        trust_env=trust_env,
    )
    for name, path in (("ready_path", ready_path), ("health_prefix", health_prefix)):
        if path is not None:
            _require_path(name, path, forwarder)
    settings = settings if settings is not None else Settings()
    settings = replace(settings, upload_seconds=min(settings.upload_seconds, forwarder.limits.client_seconds))
    guarded = TaxMiddleware(forwarder, settings=settings)
    return Proxy(guarded, forwarder, ready_path=ready_path, health_prefix=health_prefix)


def proxy_from_environment(environment: Mapping[str, str] = os.environ) -> Proxy:
    """Return the proxy that `ALIGNTAX_PROXY` describes: how each worker makes its own.

    A worker whose supervisor has been killed would serve on, and hold the port: it stops as if told to.

    Raises:
        ValueError: if the variable is missing.
    """
    if OPTIONS_VARIABLE not in environment:
        raise ValueError(f"{OPTIONS_VARIABLE} is not set; start workers with 'aligntax proxy', which sets it")
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        threading.Thread(target=_stop_with, args=(supervisor.join,), name="aligntax-supervisor", daemon=True).start()
    return ProxyOptions.from_json(environment[OPTIONS_VARIABLE]).create()


def _stop_with(join: Callable[[], object]) -> None:
    join()
    os.kill(os.getpid(), signal.SIGTERM)


def _require_path(name: str, path: str, forwarder: Forwarder) -> None:
    try:
        forwarder.upstream.target(path.encode(), b"")
    except Problem:
        raise ValueError(f"{name}={path!r} is no plain path; write it like '/health'") from None
    if path.strip("/") == "":
        raise ValueError(f"{name}={path!r} is the whole server; write a path such as '/health'")
