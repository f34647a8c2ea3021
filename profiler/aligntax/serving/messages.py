"""What ASGI's messages and headers are, and what is read out of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = ["Application", "Headers", "Message", "Receive", "Send", "ends_answer", "header", "with_headers"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def ends_answer(message: Message) -> bool:
    """Return whether a message of an application is the last one of its answer, but for trailers."""
    kind = message["type"]
    if kind in ("http.response.body", "http.response.zerocopysend"):
        return not message.get("more_body", False)
    return bool(kind == "http.response.pathsend")


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """Return the value of a header, by its name in lower case; empty where it is not there."""
    for key, value in headers:  # ten times as fast as a generator, and asked of every answer
        if len(key) == len(name) and key.lower() == name:
            return value
    return b""


def with_headers(headers: Iterable[tuple[bytes, bytes]], *drop: bytes, add: Headers | None = None) -> Headers:
    """Return headers without those of some names in lower case, and with others in addition."""
    return [(key, value) for key, value in headers if key.lower() not in drop] + (add or [])
