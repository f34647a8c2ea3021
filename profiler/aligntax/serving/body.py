"""Bodies of requests: read as a whole, within a limit, and handed on as if they had not been."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

from aligntax.serving.messages import Message, Receive, header
from aligntax.serving.problems import Problem, body_timeout
from aligntax.serving.waits import within

__all__ = ["ClientGone", "Replay", "parsed", "read_body"]

_MOST_DIGITS = 20


class ClientGone(Exception):  # noqa: N818 (no error of ours)
    """The client has left before its request was there."""


async def read_body(scope: MutableMapping[str, Any], receive: Receive, limit: int, seconds: float) -> bytes:
    """Return the whole body of a request.

    Args:
        scope: of the request.
        receive: as ASGI has it.
        limit: bytes that it may have.
        seconds: that may go by until the next piece of it comes.

    Raises:
        Problem: if it has more bytes, comes too slowly, or is compressed.
        ClientGone: if the client leaves before.
    """
    encoding = header(scope["headers"], b"content-encoding")
    if encoding and encoding.lower() != b"identity":
        raise Problem(415, "unsupported_encoding", "the body is compressed, which guards cannot read; send it plain")
    length = header(scope["headers"], b"content-length")
    if length.isdigit() and (len(length) > _MOST_DIGITS or int(length) > limit):
        raise _too_large(limit)
    pieces = []
    size = 0
    while True:
        try:
            message = await within(receive(), seconds)
        except TimeoutError:
            raise body_timeout(seconds) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def parsed(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    Raises:
        Problem: if it is none.
    """
    try:
        document = json.loads(body, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise Problem(400, "invalid_json", "the body is no JSON, which guards could read; mend it") from None
    if not isinstance(document, dict):
        raise Problem(400, "invalid_json", "the body is no JSON object; send one")
    return document


class Replay:
    """A `receive` for a request whose body has been read.

    Args:
        body: what is handed on, once.
        receive: what is asked from then on.

    Attributes:
        client_left: whether it said that the client has left.
        length: of the body.
    """

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._over = False
        self.length = len(body)
        self.client_left = False

    def end(self) -> None:
        """Make it say from now on that the client has left: nobody reads the answer any more."""
        self._over = True

    async def __call__(self) -> Message:
        """Return the body; then wait until the client leaves."""
        if self._over:
            return {"type": "http.disconnect"}
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        # Without a task: who only looks whether the client is still there cancels the call where it would wait.
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.client_left = True
        return message


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; one key twice is refused: the application might read the other one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _too_large(limit: int) -> Problem:
    return Problem(413, "body_too_large", f"the body has more than {limit} bytes; send less, or raise max_body_bytes")
