"""Calls an ASGI application as a server would, message by message, and applications that answer message by message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

CHAT = "/v1/chat/completions"


class Caller:
    """A server's side of one request: what it hands to the application, and what it has got from it.

    Args:
        body: what the request is.
        path, method, headers, extensions: of the request.
        gone_after: how many messages of the answer the client waits for; then `receive` says that it has left.
        on_send: awaited with each message before it counts as taken.
    """

    def __init__(
        self,
        body: Any,
        path: str = CHAT,
        *,
        method: str = "POST",
        headers: Iterable[tuple[bytes, bytes]] = (),
        extensions: dict[str, Any] | None = None,
        gone_after: int | None = None,
        on_send: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        self._incoming = body if isinstance(body, list) else [body if isinstance(body, bytes) else _dumped(body)]
        self._gone_after = gone_after
        self._on_send = on_send
        self._left = asyncio.Event()
        self.messages: list[Any] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [(b"host", b"test"), (b"content-type", b"application/json"), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        if extensions is not None:
            self.scope["extensions"] = extensions

    async def receive(self) -> Any:
        if self._incoming:
            body = self._incoming.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self._incoming)}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self._on_send is not None:
            await self._on_send(message)
        if self.ended:
            raise RuntimeError(f"{message['type']} after the end of the answer")
        if message["type"] != "http.response.start" and not self.messages:
            raise RuntimeError(f"{message['type']} before the start of the answer")
        self.messages.append(message)
        if self.ended or len(self.messages) == self._gone_after:
            self._left.set()

    async def call(self, application: Any) -> Caller:
        await application(self.scope, self.receive, self.send)
        return self

    def leave(self) -> None:
        self._left.set()

    @property
    def ended(self) -> bool:
        if not self.messages:
            return False
        last = self.messages[-1]
        return last["type"] == "http.response.pathsend" or (
            last["type"] == "http.response.body" and not last.get("more_body", False)
        )

    @property
    def status(self) -> int | None:
        return self.messages[0]["status"] if self.messages else None

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.messages if message["type"] == "http.response.body"]

    @property
    def body(self) -> bytes:
        return b"".join(self.bodies)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The documents of a stream of events."""
        lines = self.body.splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def start(content_type: str = "application/json", status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    named = [(b"content-type", content_type.encode()), *headers]
    return {"type": "http.response.start", "status": status, "headers": named}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def saying(*messages: dict[str, Any]) -> Any:
    """Return an application that reads the request and then sends these messages."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        for message in messages:
            await send(message)

    return application


def streaming(*pieces: bytes, done: bool = True) -> Any:
    """Return an application that streams these bodies."""
    messages = [body(piece, more=True) for piece in pieces]
    return saying(start("text/event-stream"), *messages, *([body(b"")] if done else []))


@asynccontextmanager
async def running(application: Any, **options: Any) -> AsyncIterator[str]:
    """Serve an application with a real uvicorn on a free port; yields its address."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", **options))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
