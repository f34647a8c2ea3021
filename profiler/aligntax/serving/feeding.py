"""Streamed answers fed through their guards, on the event loop or beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aligntax.clock import Clock
from aligntax.serving.guarding import MOST_INLINE_CHARACTERS, ServedGuard
from aligntax.serving.streaming import AnswerStream
from aligntax.serving.threads import GuardThreads

__all__ = ["Feeder"]


class Feeder:
    """Feeds a stream on the event loop if that takes a moment, else on a thread and with a time-out.

    Args:
        guards: of the stream; together they have as long as all their time-outs.
        threads: where they run.
        clock: of the profiler.
    """

    __slots__ = ("_beside", "_clock", "_guards", "_seconds", "_threads")

    def __init__(self, guards: Sequence[ServedGuard], threads: GuardThreads, clock: Clock) -> None:
        self._guards = guards
        self._threads = threads
        self._clock = clock
        self._beside = any(guard.beside for guard in guards)
        self._seconds = sum(guard.timeout_seconds for guard in guards)

    async def fed(self, stream: AnswerStream, body: bytes | None) -> bytes:
        """Return what goes on of the next bytes of a stream, or of its end where they are None.

        Raises:
            GuardFailed: if a guard does not return in time. The stream is then lost.
        """
        is_long = body is not None and len(body) > MOST_INLINE_CHARACTERS
        if not (self._guards and (self._beside or is_long)):
            return _feed((stream, body))
        since_ns = self._clock()
        try:
            async with asyncio.timeout(self._seconds):
                found: bytes = await self._threads.run(_feed, (stream, body))
        except TimeoutError:
            guard = stream.asking or self._guards[0]
            stream.abandon()
            raise guard.timed_out(since_ns) from None
        except asyncio.CancelledError:
            stream.abandon()  # its thread may be at work on it
            raise
        return found


def _feed(fed: tuple[AnswerStream, bytes | None]) -> bytes:
    stream, body = fed
    return stream.finish() if body is None else stream.feed(body)
