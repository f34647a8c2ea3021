"""GPU time of a piece of work, from pooled pairs of CUDA events that are never waited for.

The thread that launches the work records an event before it and one after it. The drain asks later whether
they have run, and reads their times on the host's clock.

    ticket = pool.begin()                    # hot path
    launch()
    if ticket is not None:
        ticket.end()                         # hot path
    ...
    pool.recalibrate_if_older_than(10)       # drain
    interval = ticket.poll()                 # drain: (start_ns, end_ns), or None as long as the GPU is busy
    pool.reclaim()                           # drain

While any thread captures a CUDA graph in the default (global) mode, CUDA forbids all threads to query events
and breaks the capture if one does: the drain must rest meanwhile, and nothing may begin on a capturing stream.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from aligntax.clock import Clock, wall_clock
from aligntax.devices.cuda_clock import NS_PER_MS, Anchor, CudaClock, CudaEvent

__all__ = ["CudaEvent", "CudaEventPool", "Ticket"]


class _Pair(NamedTuple):
    """The events before and after a piece of work."""

    start: CudaEvent
    end: CudaEvent

    def finished(self) -> bool:
        """Return whether the GPU is done with both: they may be on different streams."""
        return self.end.query() and self.start.query()


class Ticket:
    """One piece of GPU work under way. The thread that ends it hands it on to the one that polls it.

    A ticket that is dropped before it was polled to its end abandons itself.
    """

    __slots__ = ("_anchor", "_ended", "_interval_ns", "_pair", "_pool")

    def __init__(self, pool: CudaEventPool, pair: _Pair, anchor: Anchor) -> None:
        """Hold a pair; called by `CudaEventPool.begin`."""
        self._pool = pool
        self._pair: _Pair | None = pair
        self._anchor = anchor
        self._ended = False
        self._interval_ns: tuple[int, int] | None = None

    def end(self, stream: Any = None) -> None:
        """Record the end of the work; after `abandon` do nothing. Never blocks.

        Args:
            stream: where the work was launched; None for the current stream.

        Raises:
            RuntimeError: if the ticket was ended before.
        """
        if self._ended:
            raise RuntimeError("this ticket was ended before; begin another one for each piece of work")
        if self._pair is not None:
            self._pair.end.record(stream)
            self._ended = True

    def poll(self) -> tuple[int, int] | None:
        """Return when the work ran, once it has. Never blocks on the GPU; the events then return to the pool.

        The start is exact to the anchor's error (see `cuda_clock`); the duration, from the two events
        directly, to CUDA's own resolution of about 0.5 µs.

        Returns:
            `(start_ns, end_ns)` on the host clock, the same from each further call; None as long as the work
            has not ended on the GPU, and for an abandoned ticket.

        Raises:
            RuntimeError or ValueError: the framework's own, for a work on another device than the pool's.
                The ticket keeps its events: abandon it.
        """
        with self._pool._lock:
            pair = self._pair
            if pair is not None and self._ended and pair.finished():
                start_ns = self._anchor.host_ns(pair.start)
                self._interval_ns = (
                    start_ns,
                    start_ns + round(pair.start.elapsed_time(pair.end) * NS_PER_MS),
                )
                self._pair = None
                self._pool._free.append(pair)
            return self._interval_ns

    def abandon(self) -> None:
        """Give the events up where the result is not wanted any more; harmless after the result is there."""
        with self._pool._lock:
            if self._pair is not None:
                self._pool._quarantine.append(self._pair)
                self._pair = None

    def __del__(self) -> None:
        """Abandon. Takes no lock, which its own thread may hold: nobody else has the ticket any more."""
        if self._pair is not None:
            self._pool._quarantine.append(self._pair)


class CudaEventPool:
    """A fixed number of event pairs for the work of one device.

    Every pair is in one of three places: free, with a ticket, or in quarantine (abandoned, and perhaps still
    to be run by the GPU, which must not find it recorded anew). So nothing here outgrows the capacity.

    Attributes:
        capacity: how many pieces of work can be under way at once; pairs.
    """

    def __init__(
        self,
        new_event: Callable[[], CudaEvent],
        clock: Clock = wall_clock,
        capacity: int = 1024,
        stream: Any = None,
    ) -> None:
        """Create the events and calibrate, which blocks until the stream's earlier work is done.

        Args:
            new_event: makes an event with timing enabled: `lambda: torch.cuda.Event(enable_timing=True)`.
            clock: the host clock, nanoseconds.
            capacity: pairs, at least 1.
            stream: of the pool's device, for the anchors: see `calibrate`.

        Raises:
            ValueError: for a capacity below 1.
        """
        if capacity < 1:
            raise ValueError(f"a pool of {capacity} event pairs times nothing; pass a capacity of at least 1")
        self.capacity = capacity
        self._free: deque[_Pair] = deque()
        self._quarantine: deque[_Pair] = deque()
        self._refusals = itertools.count()
        self._refusal_reads = 0
        self._lock = threading.Lock()  # of all but the hot path
        for _ in range(capacity):
            pair = _Pair(new_event(), new_event())
            # torch makes the CUDA event at its first record: that cost belongs here, and it ties the event
            # to the device, so that work of another one is refused where it begins.
            pair.start.record(stream)
            pair.end.record(stream)
            self._free.append(pair)
        self._cuda_clock = CudaClock(new_event, clock, stream)

    @property
    def available(self) -> int:
        """How many pairs are free."""
        return len(self._free)

    @property
    def exhausted(self) -> int:
        """How often `begin` found no free pair; a count."""
        with self._lock:
            # `next` is the one increment that threads cannot lose without a lock. It also counts the reads.
            refusals = next(self._refusals) - self._refusal_reads
            self._refusal_reads += 1
            return refusals

    @property
    def anchor(self) -> Anchor:
        """The current anchor, with its error in nanoseconds."""
        return self._cuda_clock.anchor

    def begin(self, stream: Any = None) -> Ticket | None:
        """Record the start of a piece of work. Takes no lock and never blocks.

        Args:
            stream: where the work will be launched; None for the current stream.

        Returns:
            The ticket to end, or None when no pair is free.

        Raises:
            RuntimeError or ValueError: the framework's own, for a stream of another device.
        """
        try:
            pair = self._free.pop()
        except IndexError:
            next(self._refusals)
            return None
        ticket = Ticket(self, pair, self._cuda_clock.anchor)
        pair.start.record(stream)
        return ticket

    def reclaim(self) -> int:
        """Free the abandoned pairs that the GPU is done with. Never blocks on the GPU.

        Returns:
            How many pairs stay in quarantine.
        """
        with self._lock:
            for _ in range(len(self._quarantine)):
                if self._quarantine[0].finished():
                    self._free.append(self._quarantine.popleft())
                else:
                    self._quarantine.rotate(-1)
            return len(self._quarantine)

    def calibrate(self, stream: Any = None) -> None:
        """Take a new anchor at once, blocking until the stream's earlier work is done.

        Args:
            stream: a stream of the pool's device, kept for later recalibrations, best one that nothing else
                uses. None is the current stream of the calling thread, right only with one device.
        """
        with self._lock:
            self._cuda_clock.calibrate(stream)

    def recalibrate_if_older_than(self, seconds: float) -> bool:
        """Replace the anchor if it is older than this, without blocking. For the drain.

        Args:
            seconds: at which age an anchor is replaced; at least 0.

        Returns:
            Whether it was replaced: a busy stream may need several calls.

        Raises:
            ValueError: for a negative age.
        """
        with self._lock:
            return self._cuda_clock.recalibrate_if_older_than(seconds)
