"""Connections to the upstream, by aiohttp: a request goes out on one of them, and its answer is read as it comes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from aligntax.serving.limits import Limits
from aligntax.serving.problems import Problem, timed_out
from aligntax.serving.target import Upstream
from aligntax.serving.upload import PIECE_BYTES
from aligntax.serving.watch import Watch

try:
    import aiohttp
    from yarl import URL
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"a proxy needs {error.name}, which is not installed; run: pip install 'aligntax[serve]'", name=error.name
    ) from error

__all__ = ["Answer", "Connections"]

KEEP_ALIVE_SECONDS = 4.0
"""How long an idle connection is kept: less than the 5 s of uvicorn, and so of vLLM and many others. A request that is
sent while the upstream closes its connection is lost, and must not be sent twice."""

MAX_HEADER_LINES = 256

# What aiohttp would add of its own: a request goes on as it came.
_NOT_ADDED = ("accept", "accept-encoding", "content-type", "user-agent")

_taken: ContextVar[list[asyncio.Transport]] = ContextVar("aligntax_taken_transports")


class Connections:
    """Connections to one upstream, kept for the next request where they can be.

    Args:
        upstream: where they go.
        limits: of time, and of headers.
        tls: how an https upstream is checked.
        trust_env: whether `HTTP_PROXY` and the like are heeded.
    """

    def __init__(self, upstream: Upstream, limits: Limits, tls: ssl.SSLContext | None, *, trust_env: bool) -> None:
        self._upstream = upstream
        self._limits = limits
        self._tls = tls
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> aiohttp.ClientSession:
        """Return what makes requests, made now if there is none yet."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=self._trust_env,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_seconds),
                skip_auto_headers=_NOT_ADDED,
                read_bufsize=PIECE_BYTES,
                max_line_size=self._limits.max_header_bytes,
                max_field_size=self._limits.max_header_bytes,
                max_headers=MAX_HEADER_LINES,
            )
        return self._session

    async def close(self) -> None:
        """Close all connections. Idempotent; they may be opened again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def reachable(self, path: str, seconds: float) -> bool:
        """Return whether the upstream answers a GET with a status of 200 to 299 within some seconds."""
        url = self._url(self._upstream.target(path.encode(), b""))
        try:
            async with asyncio.timeout(seconds), self.open().get(url, allow_redirects=False) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, OSError):  # a time-out is one
            return False

    async def request(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | AsyncIterable[bytes]
    ) -> Answer:
        """Send a request, and return its answer once its headers are there.

        Args:
            method: of the request.
            target: path and query, as `Upstream.target` makes them.
            headers: all that are sent, but Host where it is not among them, and what tells the length of bytes.
            body: its bytes, or what they come from.

        Raises:
            Problem: if there is no answer.
        """
        taken: list[asyncio.Transport] = []
        _taken.set(taken)
        try:
            response = await self.open().request(
                method, self._url(target), headers=headers, data=body or None, allow_redirects=False
            )
        except BaseException as error:
            _abort(taken)
            raise (self._problem(error) or error) from None
        return Answer(response, taken)

    def _problem(self, error: BaseException) -> Problem | None:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return timed_out("connect", self._limits.connect_seconds)
        if isinstance(error, aiohttp.ClientConnectorError):
            return Problem(502, "upstream_unreachable", "the upstream cannot be reached")
        if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
            return Problem(502, "upstream_protocol", "the upstream sent something that is no HTTP")
        if isinstance(error, (aiohttp.ClientError, OSError)):
            return Problem(502, "upstream_closed", "the upstream closed the connection without an answer")
        return None

    def _connector(self) -> aiohttp.BaseConnector:
        # No limit here: that on requests is one on connections.
        path = self._upstream.socket
        if path is not None:
            return _SocketConnector(path, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
        return _Connector(
            limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=self._tls or True, socket_factory=self._socket
        )

    def _url(self, target: str) -> URL:
        return URL(self._upstream.origin + target, encoded=True)

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket that the kernel closes when the upstream has taken nothing for too long."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._limits.idle_seconds * 1000))
        return made


class Answer:
    """An answer whose headers are there.

    Args:
        response: aiohttp's.
        taken: the connections that its request took.

    Attributes:
        status: of the answer.
        headers: as they came.
    """

    def __init__(self, response: aiohttp.ClientResponse, taken: list[asyncio.Transport]) -> None:
        self.status = response.status
        self.headers = response.raw_headers
        self._response = response
        self._taken = taken

    async def next_piece(self) -> tuple[bytes, bool]:
        """Return what has come of the body, and whether there may be more.

        Raises:
            Problem: if the upstream has broken off.
        """
        content = self._response.content
        try:
            piece = await content.readany()
        except (aiohttp.ClientError, OSError):
            raise _broke() from None
        return piece, not content.at_eof()

    @contextmanager
    def failing_with_the_connection(self, watch: Watch) -> Iterator[None]:
        """Have a watch know of a connection that ends before the answer does.

        aiohttp closes a connection on which it finds what is no HTTP, and leaves who reads the answer waiting.
        """
        response = self._response
        protocol = response.connection.protocol if response.connection is not None else None
        if protocol is None:  # all of the answer is here
            yield
            return

        def lost(closed: asyncio.Future[None] | None) -> None:
            if closed is not None and not closed.cancelled():
                closed.exception()  # is seen herewith
            if not response.content.is_eof() and response.content.exception() is None:
                watch.fail(_broke())

        closed = protocol.closed
        if closed is None:  # the connection has ended before
            lost(None)
            yield
            return
        closed.add_done_callback(lost)
        try:
            yield
        finally:
            closed.remove_done_callback(lost)

    def end(self, *, whole: bool) -> None:
        """Give the connection back, or break it off unless request and answer have both gone over it as a whole."""
        response = self._response
        if whole:
            response.release()
            return
        unfinished = response.connection is not None  # one that was given back may be somebody else's by now
        response.close()
        if unfinished:
            _abort(self._taken)


class _Noting(aiohttp.BaseConnector):
    """Notes the connections that a request takes."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 (aiohttp's)
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        taken = _taken.get(None)
        if taken is not None and connection.transport is not None:
            taken.append(connection.transport)
        return connection


class _Connector(_Noting, aiohttp.TCPConnector):
    """Connects to a port."""


class _SocketConnector(_Noting, aiohttp.UnixConnector):
    """Connects to a Unix socket."""


def _abort(transports: Iterable[asyncio.Transport]) -> None:
    """Break connections off. A mere close waits until the upstream has taken all that was sent, which may be never."""
    for transport in transports:
        transport.abort()


def _broke() -> Problem:
    return Problem(502, "upstream_broke", "the upstream broke off in the middle of its answer")
