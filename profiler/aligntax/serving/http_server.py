"""uvicorn, with limits where it has none; one process, or several that it watches over."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from aligntax.serving.limits import Limits

try:
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol  # whose parser is the one that is tested
    from uvicorn.supervisors import Multiprocess
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"a proxy needs {error.name}, which is not installed; run: pip install 'aligntax[serve]'", name=error.name
    ) from error

__all__ = ["BACKLOG", "BoundedHttp", "Listening", "serve", "server_config"]

BACKLOG = 2048
HEAD_SECONDS = 60.0
STARTUP_FAILURE = 3
_REFUSED = {
    408: b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
}
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"brief": {"()": "aligntax.serving.brief_logs.Brief"}},
    "formatters": {"plain": {"format": "aligntax: %(levelname)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["brief"]}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False} for name in ("uvicorn", "aligntax")
    },
}


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how a proxy listens.

    Attributes:
        host: address; only this machine by default.
        port: 0 takes a free one.
        workers: processes that share the port.
        certfile, keyfile: PEM files with the certificates and the private key of a proxy that speaks https.
        grace_seconds: for requests that are running when the proxy is told to stop.

    Raises:
        ValueError: for one out of range, and a keyfile without certfile.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    certfile: str | None = None
    keyfile: str | None = None
    grace_seconds: int = 30

    def __post_init__(self) -> None:
        for name, least, most in (("port", 0, 65535), ("workers", 1, 256), ("grace_seconds", 0, 86_400)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)} is out of range; use {least} to {most}")
        if self.keyfile is not None and self.certfile is None:
            raise ValueError(f"keyfile={self.keyfile!r} without certfile; pass the certificate as well")


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP with what it lacks: limits on what a request may make it keep, and for how long.

    The parser gathers a header or a trailer until it ends, however long that takes. A connection that does nothing but
    send those, or nothing at all, is closed. Trailers are dropped: they would join the headers, unchecked.
    """

    _pending = 0
    _in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)  # type: ignore[arg-type] # a Transport, as in uvicorn
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waits."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and refuse to go on where too many of them have become nothing yet."""
        self._pending += len(data)
        super().data_received(data)
        limit = self.config.h11_max_incomplete_event_size
        if limit is not None and self._pending > limit and not self.transport.is_closing():
            self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._in_head = True
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, and drop a trailer."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head = False
        self._pending = 0
        self._head_arrived()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # the parser takes nothing more

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is there."""
        self._pending = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        if self._head_timer is None:
            seconds = getattr(self.config, "head_seconds", HEAD_SECONDS)
            self._head_timer = self.loop.call_later(seconds, self._head_is_late)

    def _head_arrived(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else this would end up in the middle of an answer
            self.transport.write(_REFUSED[status])
        self.transport.close()


class _Config(uvicorn.Config):
    head_seconds: float


def server_config(
    application: Any, limits: Limits, listening: Listening | None = None, *, log_config: dict[str, Any] | None = None
) -> uvicorn.Config:
    """Return how uvicorn serves a proxy.

    Args:
        application: the proxy, or the name of a function that makes it.
        limits: of headers, and of the time for them.
        listening: workers, TLS, and time to stop.
        log_config: for `logging`; as it is where None.
    """
    listening = listening or Listening()
    config = _Config(
        application,
        factory=isinstance(application, str),
        http=BoundedHttp,
        h11_max_incomplete_event_size=limits.max_header_bytes,
        ws="none",
        lifespan="on",
        log_config=log_config,
        access_log=False,
        proxy_headers=False,  # who the client is, is not for its headers to say
        server_header=False,  # these are the upstream's to send
        date_header=False,
        workers=listening.workers,
        backlog=BACKLOG,
        timeout_graceful_shutdown=listening.grace_seconds,
        ssl_certfile=listening.certfile,
        ssl_keyfile=listening.keyfile,
    )
    config.head_seconds = limits.client_seconds
    return config


def serve(application: Any, found: socket.socket, listening: Listening, limits: Limits) -> int:
    """Serve a proxy until the process is told to stop, and the requests that are running then have ended.

    Args:
        application: see `server_config`.
        found: a socket that listens.
        listening: see `server_config`.
        limits: see `server_config`.

    Returns:
        The exit code: 0 where it was told to stop.
    """
    config = server_config(application, limits, listening, log_config=_LOGGING)
    try:
        if listening.workers > 1:
            supervisor = Multiprocess(config, sockets=[found])
            supervisor.run()
            failed = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
            return STARTUP_FAILURE if failed else 0
        uvicorn.Server(config).run(sockets=[found])
    except KeyboardInterrupt:
        return 0
    except SystemExit as ended:  # uvicorn's, which has said why
        return int(ended.code or 0)
    return 0
