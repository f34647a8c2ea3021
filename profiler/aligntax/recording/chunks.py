"""When the pieces of a streamed answer came, and when they were passed on."""

from __future__ import annotations

MAX_CHUNKS = 10_000


class ChunkTimes:
    """The times of one streamed answer, in nanoseconds; of at most `MAX_CHUNKS` pieces.

    Attributes:
        upstream_first_ns: from the call of the model to its first piece of text; -1 where there was none.
        first_ns: from the start of the request to the first piece that was passed on; -1 where there was none.
        upstream_gaps_ns: how long the model took for each further piece, from when it was free to go on.
        gaps_ns: how long each further piece took to be passed on, from when the client had taken the one before.
        holds_ns: layer row of a guard, and how long it kept a piece back, in turns.
    """

    __slots__ = ("first_ns", "gaps_ns", "holds_ns", "upstream_first_ns", "upstream_gaps_ns")

    def __init__(self) -> None:
        self.upstream_first_ns = -1
        self.first_ns = -1
        self.upstream_gaps_ns: list[int] = []
        self.gaps_ns: list[int] = []
        self.holds_ns: list[int] = []

    def came(self, since_call_ns: int, run_ns: int) -> None:
        """Note a piece that came from the model, `run_ns` after it was free to go on."""
        if self.upstream_first_ns < 0:
            self.upstream_first_ns = since_call_ns
        elif len(self.upstream_gaps_ns) < MAX_CHUNKS:
            self.upstream_gaps_ns.append(run_ns)

    def went(self, since_start_ns: int, gap_ns: int) -> None:
        """Note a piece that is passed on, `gap_ns` after the client had taken the one before."""
        if self.first_ns < 0:
            self.first_ns = since_start_ns
        elif len(self.gaps_ns) < MAX_CHUNKS:
            self.gaps_ns.append(gap_ns)

    def held(self, row: int, hold_ns: int) -> None:
        """Note that the guard of a layer kept a piece back for a time."""
        if len(self.holds_ns) < 2 * MAX_CHUNKS:
            self.holds_ns += (row, hold_ns)
