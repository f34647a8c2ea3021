"""The body of a request on its way to the upstream, and after it the news that the client has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from functools import partial

from aligntax.serving.body import ClientGone
from aligntax.serving.messages import Receive
from aligntax.serving.problems import Problem, body_timeout
from aligntax.serving.watch import Watch

__all__ = ["PIECE_BYTES", "Upload", "too_large"]

PIECE_BYTES = 65_536


class Upload:
    """Reads a body as it comes, a piece at a time: who sends it waits while who takes it does.

    Args:
        receive: as ASGI has it.
        watch: told of what goes wrong.
        limit: bytes that the body may have.
        client_seconds: how long the client may let others wait for a piece.
        upstream_seconds: how long the upstream may, for taking one, and for beginning to answer after the last.
        no_answer: makes the problem of an upstream that does.

    Attributes:
        ended: whether all of it has been read.
    """

    def __init__(
        self,
        receive: Receive,
        watch: Watch,
        *,
        limit: int,
        client_seconds: float,
        upstream_seconds: float,
        no_answer: Callable[[], Problem],
    ) -> None:
        self._receive = receive
        self._watch = watch
        self._limit = limit
        self._client_seconds = client_seconds
        self._upstream_seconds = upstream_seconds
        self._no_answer = no_answer
        self._size = 0
        self._answering = False
        self._read = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether the whole body has been read."""
        return self._read.is_set()

    def answering(self) -> None:
        """Note that the upstream answers already: how long it may take is no longer this class's matter."""
        self._answering = True

    async def next_piece(self) -> bytes:
        """Return what has come since, which may be nothing.

        Raises:
            Problem: if the body is too large; the watch has it, too.
            ClientGone: if the client has left; likewise.
        """
        if not self._answering:
            self._watch.expect(self._client_seconds, partial(body_timeout, self._client_seconds))
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise self._failed(ClientGone())
        piece: bytes = message.get("body", b"")
        self._size += len(piece)
        if self._size > self._limit:
            raise self._failed(too_large(self._limit))
        if not message.get("more_body", False):
            self._read.set()
        if not self._answering:
            self._watch.expect(self._upstream_seconds, self._no_answer)
        return piece

    def pieces(self, first: bytes) -> AsyncIterable[bytes]:
        """Return the body, whose first piece has been read, in pieces of some size, to be read once."""
        return _Once(self._pieces(first))

    async def _pieces(self, first: bytes) -> AsyncGenerator[bytes, None]:
        piece = first
        while True:
            for start in range(0, len(piece), PIECE_BYTES):
                yield piece[start : start + PIECE_BYTES]
                if not self._answering:
                    self._watch.expect(self._upstream_seconds, self._no_answer)
            if self.ended:
                return
            piece = await self.next_piece()

    async def until_gone(self) -> None:
        """Wait until the client leaves after its body has been read, and tell the watch."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass  # a server that ends a body twice
        self._watch.fail(ClientGone())

    def _failed(self, problem: Exception) -> Exception:
        self._watch.fail(problem)
        return problem


class _Once:
    """Pieces that cannot be read again: a client that sends an idempotent request twice would send it without them."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise Problem(502, "upstream_closed", "the upstream closed the connection without an answer")
        return self

    async def __anext__(self) -> bytes:
        self._begun = True
        return await anext(self._pieces)


def too_large(limit: int) -> Problem:
    """Return the problem of a body that has more bytes than it may."""
    return Problem(413, "body_too_large", f"the body has more than {limit} bytes; send less")
