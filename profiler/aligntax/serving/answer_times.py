"""When the pieces of an answer came and went, without the time in which everything waited for the client."""

from __future__ import annotations

from aligntax.clock import Clock
from aligntax.request import Request

__all__ = ["AnswerTimes"]


class AnswerTimes:
    """Notes the pieces of a streamed answer that guards read.

    Args:
        clock: of the profiler.
        request: that is answered.
    """

    __slots__ = ("_all_client_ns", "_client_ns", "_clock", "_ran_ns", "_request", "_since_piece_ns", "_taken_ns")

    def __init__(self, clock: Clock, request: Request) -> None:
        self._clock = clock
        self._request = request
        # How long the application has worked, in all and since the last piece of a text came.
        self._ran_ns = self._since_piece_ns = 0
        # When the client had taken the last piece, and how long it took for what came behind that; and for everything.
        self._taken_ns = self._client_ns = self._all_client_ns = 0

    def ran(self, run_ns: int) -> None:
        """Note that the application has worked for a time."""
        self._ran_ns += run_ns
        self._since_piece_ns += run_ns

    def take_run_ns(self) -> int:
        """Return how long the application has worked since this was asked last."""
        run_ns, self._ran_ns = self._ran_ns, 0
        return run_ns

    def piece_came(self) -> None:
        """Note a piece that the application has sent."""
        self._request.begin_chunks().came(self._ran_ns, self._since_piece_ns)
        self._since_piece_ns = 0

    def goes(self, *, is_piece: bool) -> int:
        """Note that something goes to the client, and return when."""
        now_ns = self._clock()
        if is_piece:
            gap_ns = now_ns - self._taken_ns - self._client_ns
            self._request.begin_chunks().went(now_ns - self._request.start_ns, gap_ns)
        return now_ns

    def was_taken(self, sent_ns: int, *, is_piece: bool) -> None:
        """Note that the client has taken what went at a time."""
        now_ns = self._clock()
        self._all_client_ns += now_ns - sent_ns
        if is_piece:
            self._taken_ns, self._client_ns = now_ns, 0
        else:
            self._client_ns += now_ns - sent_ns

    def working_clock(self) -> int:
        """Return the time without that in which everything waited for the client."""
        return self._clock() - self._all_client_ns
