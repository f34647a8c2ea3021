"""A reverse proxy as a plain ASGI application: transport only, to one upstream that the operator has named."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

from aligntax.clock import Clock, wall_clock
from aligntax.serving.body import ClientGone
from aligntax.serving.connections import Answer, Connections
from aligntax.serving.events import WholeEvents, is_event_stream
from aligntax.serving.headers import FORWARDED_CHOICES, Forwarded, answer_headers, body_length, request_headers
from aligntax.serving.limits import Limits
from aligntax.serving.messages import Headers, Receive, Send
from aligntax.serving.problems import Problem, answer_json, error_event_of, timed_out
from aligntax.serving.repeats import Repeats
from aligntax.serving.target import Upstream
from aligntax.serving.upload import PIECE_BYTES, Upload, too_large
from aligntax.serving.watch import Watch

__all__ = ["AnswerBroken", "Forwarder"]

logger = logging.getLogger(__name__)

_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})
# The body of a request that was not forwarded may not have been read to its end.
_LAST_ANSWER = [(b"connection", b"close")]


class AnswerBroken(Exception):  # noqa: N818 (says what happened)
    """An answer that cannot be completed: raised so that the server closes the connection in the middle of it.

    Its client must not take what it has got for the whole.
    """


class Forwarder:
    """Forwards each request to one upstream, and its answer back, both as they come.

    Args:
        upstream: such as `"http://127.0.0.1:8000"`; with a path, requests go below it. `"unix:/run/model.sock"` for a
            server that listens on a Unix socket; it sees `localhost` as its `Host`.
        limits: see `Limits`.
        ca_file: PEM file with the certificates that an https upstream's must come from; those of the system where None.
        preserve_host: whether the upstream sees the `Host` that the client has sent.
        forwarded: what becomes of the headers that tell a request's way; see `Forwarded`.
        trust_env: whether `HTTP_PROXY` and the like are heeded.
        clock: by which failures of the upstream that repeat are left out of the log.

    Attributes:
        upstream: the same, in parts.
        limits: the same.
        connections: to the upstream.
        failures: of the upstream, in the log.
        running: requests that are being forwarded now.

    Raises:
        ValueError: for an upstream that is no plain http or https URL and no socket, for a socket and trust_env, and
            for a ca_file without certificates.
        OSError: if ca_file cannot be read.
    """

    def __init__(
        self,
        upstream: str,
        *,
        limits: Limits | None = None,
        ca_file: Path | str | None = None,
        preserve_host: bool = False,
        forwarded: Forwarded = "keep",
        trust_env: bool = False,
        clock: Clock = wall_clock,
    ) -> None:
        if forwarded not in FORWARDED_CHOICES:
            raise ValueError(f"forwarded={forwarded!r}; use {', '.join(map(repr, FORWARDED_CHOICES))}")
        self.upstream = Upstream.parse(upstream)
        if self.upstream.socket is not None and trust_env:
            raise ValueError(f"trust_env with upstream={upstream!r}: no proxy leads to a socket; leave trust_env out")
        self.limits = limits or Limits()
        self.failures = Repeats(clock)
        self.running = 0
        tls = _tls_context(ca_file) if self.upstream.scheme == "https" else None
        self.connections = Connections(self.upstream, self.limits, tls, trust_env=trust_env)
        self._preserve_host = preserve_host
        self._forwarded = forwarded

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection's scope, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "this proxy forwards no WebSockets"})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"scope {scope['type']!r} is none that a proxy can forward; use http")

    async def close(self) -> None:
        """Close all connections to the upstream. Idempotent; the next request opens one again."""
        await self.connections.close()
        for code, held in self.failures.take_held().items():
            logger.warning("%s: %d more since the last such line", code, held)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.connections.open()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            target, headers, length = self._prepared(scope)
        except Problem as problem:
            await answer_json(send, problem.status, problem.document(), _LAST_ANSWER)
            return
        self.running += 1
        try:
            await _Exchange(self, scope["method"], send).run(target, headers, length, receive)
        finally:
            self.running -= 1

    def _prepared(self, scope: MutableMapping[str, Any]) -> tuple[str, list[tuple[str, str]], int | None]:
        """Return where a request goes, with which headers, and how long its body is."""
        if self.running >= self.limits.max_requests:
            raise Problem(503, "overloaded", f"{self.running} requests are being answered already; try again")
        method, came = scope["method"], scope["headers"]
        if method in _REFUSED_METHODS:
            raise Problem(405, "method_not_allowed", f"{method} is not forwarded; use another method")
        length = body_length(came, scope.get("http_version", "1.1"))
        client = scope.get("client")
        headers = request_headers(
            came,
            limit=self.limits.max_header_bytes,
            forwarded=self._forwarded,
            client=client[0] if client else None,
            scheme=scope.get("scheme", "http"),
            preserve_host=self._preserve_host,
        )
        if any(name.lower() == b"upgrade" and b"websocket" in value.lower() for name, value in came):
            raise Problem(403, "websocket", "this proxy forwards no WebSockets; use plain HTTP")
        if length is not None and length > self.limits.max_body_bytes:
            raise too_large(self.limits.max_body_bytes)
        raw_path = scope.get("raw_path") or scope["path"].encode()
        return self.upstream.target(raw_path, scope.get("query_string", b"")), headers, length


class _Exchange:
    """One request and its answer."""

    def __init__(self, forwarder: Forwarder, method: str, send: Send) -> None:
        self._forwarder = forwarder
        self._limits = forwarder.limits
        self._method = method
        self._send = send
        self._started = False
        self._events: WholeEvents | None = None

    async def run(self, target: str, headers: list[tuple[str, str]], length: int | None, receive: Receive) -> None:
        try:
            async with Watch() as watch:
                if self._limits.total_seconds is not None:
                    watch.limit(self._limits.total_seconds, partial(timed_out, "total", self._limits.total_seconds))
                await self._forward(target, headers, length, receive, watch)
        except ClientGone:
            return
        except Problem as problem:
            await self._tell(problem)

    async def _forward(
        self, target: str, headers: list[tuple[str, str]], length: int | None, receive: Receive, watch: Watch
    ) -> None:
        limits = self._limits
        upload = Upload(
            receive,
            watch,
            limit=limits.max_body_bytes,
            client_seconds=limits.client_seconds,
            upstream_seconds=limits.first_byte_seconds,
            no_answer=partial(timed_out, "first_byte", limits.first_byte_seconds),
        )
        body: Any = await upload.next_piece()
        if not upload.ended or len(body) > PIECE_BYTES:
            if upload.ended:
                length = len(body)
            if length:
                headers.append(("content-length", str(length)))
            body = upload.pieces(body)
        gone = asyncio.create_task(upload.until_gone())
        answer: Answer | None = None
        whole = False
        try:
            answer = await self._forwarder.connections.request(self._method, target, headers, body)
            upload.answering()
            await self._answer(answer, watch)
            whole = upload.ended
        finally:
            gone.cancel()
            if answer is not None:
                answer.end(whole=whole)

    async def _answer(self, answer: Answer, watch: Watch) -> None:
        status, limits, upstream = answer.status, self._limits, self._forwarder.upstream
        if not 200 <= status <= 599:
            raise Problem(502, "upstream_protocol", f"the upstream answered with status {status}, which is no answer")
        headers = answer_headers(answer.headers, status, limit=limits.max_header_bytes)
        headers = [(name, upstream.location(value) if name == b"location" else value) for name, value in headers]
        if is_event_stream(headers):
            self._events = WholeEvents()
        await self._send_start(status, headers)
        if self._method == "HEAD" or status in (204, 304):
            await self._send_body(b"", more=False)
            return
        idle = partial(timed_out, "idle", limits.idle_seconds)
        more = True
        with answer.failing_with_the_connection(watch):
            while more:
                watch.expect(limits.idle_seconds, idle)
                piece, more = await answer.next_piece()
                watch.rest()  # however long the client takes to take it
                if self._events is not None:
                    piece = self._events.feed(piece) if more else self._events.feed(piece) + self._events.rest()
                if piece or not more:
                    await self._send_body(piece, more=more)

    async def _tell(self, problem: Problem) -> None:
        """Have the client know that there is no answer, or no more of it."""
        if problem.status >= 500 and (others := self._forwarder.failures.passes(problem.code)) is not None:
            logger.warning("%s: %s%s", problem.code, problem, others)
        if not self._started:
            await answer_json(self._send, problem.status, problem.document(), _LAST_ANSWER)
        elif self._events is not None and self._events.at_boundary:
            await self._send_body(error_event_of(problem), more=False)
        else:
            raise AnswerBroken(f"{problem.code}: {problem}")

    async def _send_start(self, status: int, headers: Headers) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _tls_context(ca_file: Path | str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise ValueError(f"ca_file={str(ca_file)!r} holds no certificates ({error.reason}); name a PEM file") from error
    except FileNotFoundError:
        raise FileNotFoundError(f"ca_file={str(ca_file)!r} is not there; name a PEM file") from None
