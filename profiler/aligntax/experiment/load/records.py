"""What is known of each request of a load, and the one thing that answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from aligntax.clock import Clock, wall_clock

__all__ = ["ALLOWED", "BLOCKED", "CANCELLED", "DROPPED", "ERROR", "MISSES", "TIMEOUT", "Arm", "Call", "Reply"]
__all__ += ["Target", "Timing"]

ALLOWED = "allowed"
"""Answered. Whether a guard changed the text, a client cannot tell: modified answers are among them."""
BLOCKED = "blocked"
"""Refused by a guard, which is no error, and no saving: kept apart."""
ERROR, TIMEOUT, CANCELLED = "error", "timeout", "cancelled"
DROPPED = "dropped"
"""Not sent, since as many as may be were in flight."""
MISSES = frozenset({ERROR, TIMEOUT, DROPPED})
"""Requests that got no answer: as far as an objective of latency goes they took for ever."""


class Reply(NamedTuple):
    """How a request ended, as its target says.

    Attributes:
        outcome: `ALLOWED`, `BLOCKED`, `ERROR` or `TIMEOUT`.
        error: what kind of error it was; None where it was none. Never a text of the answer.
        output_tokens: as the server counted them; None where it did not.
    """

    outcome: str
    error: str | None = None
    output_tokens: int | None = None


class Timing:
    """Notes when things happened to one request. A thread may do so, one at a time.

    Args:
        clock: in nanoseconds.

    Attributes:
        started_ns: when the call was made, or the request was sent; None before.
        first_ns, last_ns: when the first and the last chunk with a text came; None without any.
        chunks: how many came.
        longest_gap_ns: between two of them; None before the second.
        ended_ns: when the answer was complete; None before.
    """

    __slots__ = ("_clock", "chunks", "ended_ns", "first_ns", "last_ns", "longest_gap_ns", "started_ns")

    def __init__(self, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self.started_ns: int | None = None
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.longest_gap_ns: int | None = None
        self.ended_ns: int | None = None
        self.chunks = 0

    def start(self) -> None:
        """Note that the request goes out now."""
        self.started_ns = self._clock()

    def chunk(self) -> None:
        """Note a chunk that has come."""
        now_ns = self._clock()
        if self.last_ns is None:
            self.first_ns = now_ns
        else:
            gap_ns = now_ns - self.last_ns
            self.longest_gap_ns = gap_ns if self.longest_gap_ns is None else max(gap_ns, self.longest_gap_ns)
        self.last_ns = now_ns
        self.chunks += 1

    def end(self) -> None:
        """Note that the answer is complete; the first time counts."""
        if self.ended_ns is None:
            self.ended_ns = self._clock()


class Call(NamedTuple):
    """One request, sent or not. All times are in nanoseconds from the start of its window.

    Attributes:
        number: in the window, from 0.
        intended_ns: when it was due.
        started_ns: when it went out; None where it did not.
        ended_ns: when its answer was complete, or was given up; None where it did not go out.
        outcome: one of the names of this module.
        error: kind of error; None without one.
        first_ns: when the first chunk came; None where the answer was no stream.
        last_ns: when the last chunk came.
        chunks: how many came.
        longest_gap_ns: between two chunks; None before the second.
        output_tokens: as the server counted them; None where it did not.
    """

    number: int
    intended_ns: int
    started_ns: int | None
    ended_ns: int | None
    outcome: str
    error: str | None = None
    first_ns: int | None = None
    last_ns: int | None = None
    chunks: int = 0
    longest_gap_ns: int | None = None
    output_tokens: int | None = None

    @property
    def scheduled_ns(self) -> int | None:
        """From when it was due to its end: dispatch delay and service."""
        return None if self.ended_ns is None else self.ended_ns - self.intended_ns

    @property
    def service_ns(self) -> int | None:
        """From when it went out to its end."""
        return None if self.ended_ns is None or self.started_ns is None else self.ended_ns - self.started_ns

    @property
    def dispatch_ns(self) -> int | None:
        """From when it was due to when it went out."""
        return None if self.started_ns is None else self.started_ns - self.intended_ns

    @property
    def scheduled_first_ns(self) -> int | None:
        """From when it was due to its first chunk."""
        return None if self.first_ns is None else self.first_ns - self.intended_ns


class Target(Protocol):
    """What answers requests: a server, or a pipeline in this process."""

    async def open(self) -> None:
        """Get ready, on the running event loop."""

    async def close(self) -> None:
        """Give back what `open` took. Idempotent."""

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        """Have one prompt answered, and note when what happened.

        Raises:
            Exception: of any kind; it counts as an error by the name of its class.
        """

    def running(self) -> int:
        """Return how many calls go on that nobody waits for any more, as one on a thread that was given up."""


class Arm(NamedTuple):
    """One side of a comparison under load.

    Attributes:
        target: what answers.
        begin: called before each of its windows, while no request is in flight: it may switch guards on or off.
    """

    target: Target
    begin: Callable[[], None] | None = None
