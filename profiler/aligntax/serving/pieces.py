"""When the pieces of a stream come that no guard reads: the first with a text, and whatever follows it but comments."""

from __future__ import annotations

from aligntax.clock import Clock
from aligntax.recording.chunks import ChunkTimes
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import AnswerStream

__all__ = ["Pieces"]


class Pieces:
    """Tells which bodies of a streamed answer count as pieces of its text, and notes how long each took.

    Of the events only those until the first text are read.

    Args:
        kind: which API the answer belongs to.
        clock: of the profiler.
        times: where the pieces are noted.
        settings: how long an event may be.
    """

    __slots__ = ("_ran_ns", "_since_last_ns", "_times", "_until_text")

    def __init__(self, kind: RouteKind, clock: Clock, times: ChunkTimes, settings: Settings) -> None:
        self._times = times
        self._until_text: AnswerStream | None = AnswerStream(kind, (), clock, times, settings)
        self._ran_ns = 0
        self._since_last_ns = 0

    def ran(self, run_ns: int) -> None:
        """Note that the application has worked for a time."""
        self._ran_ns += run_ns
        self._since_last_ns += run_ns

    def note(self, body: bytes, since_start_ns: int) -> None:
        """Note a body that has come, so long after the start of the request, and is passed on at once."""
        if not body or not self._is_piece(body):
            return
        self._times.came(self._ran_ns, self._since_last_ns)
        self._times.went(since_start_ns, self._since_last_ns)
        self._since_last_ns = 0

    def _is_piece(self, body: bytes) -> bool:
        stream = self._until_text
        if stream is None:
            return not body.startswith(b":")
        stream.feed(body)
        if stream.texts_came or stream.failure is not None:  # if it is no stream of this API, every body counts
            self._until_text = None
            return True
        return False
