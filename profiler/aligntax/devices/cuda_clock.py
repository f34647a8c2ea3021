"""When a CUDA event ran, on the host's clock.

An event holds a time of the GPU's own timer, and all that can be asked is the distance of two events. One
event whose host time is known, the anchor, therefore places all others:

    host time of an event = host time of the anchor + distance from the anchor to the event

The error of that has four parts:
- The anchor ran somewhere inside of a bracket of host times and is taken to have run in its middle: half the
  bracket's width at most, `Anchor.error_ns`.
- CUDA gives the distance in steps of about 0.5 µs (CUDA Runtime API, cudaEventElapsedTime).
- CUDA gives it as float32 milliseconds: 2**-24 of the distance at most, 0.6 µs after 10 s, 3.6 µs after 60 s.
- The two timers drift apart: 10 µs after 10 s at one part in a million.
The last two grow with the distance, so the anchor is replaced from time to time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aligntax.clock import Clock

NS_PER_MS = 1e6
_CALIBRATION_ROUNDS = 8
_QUERIES_PER_CALL = 64


class CudaEvent(Protocol):
    """A CUDA event with timing enabled, for example `torch.cuda.Event(enable_timing=True)`.

    A stream is whatever the framework calls one; None is the current stream of the calling thread.
    """

    def record(self, stream: Any = None) -> None:
        """Put the event at the end of the stream's work."""

    def query(self) -> bool:
        """Return whether the event has run; True for one that was never recorded."""

    def elapsed_time(self, end: Any, /) -> float:
        """Return milliseconds from this event to `end`; raise unless both have run, on one device."""

    def synchronize(self) -> None:
        """Block the calling thread until the event has run."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A CUDA event whose host time is known; its event is never recorded again.

    Attributes:
        event: has run.
        ran_ns: when, on the host clock.
        error_ns: how far off `ran_ns` may be, either way.
    """

    event: CudaEvent
    ran_ns: int
    error_ns: int

    @classmethod
    def between(cls, earliest_ns: int, latest_ns: int, event: CudaEvent) -> Anchor:
        """Return the anchor of an event that ran between two host times, in nanoseconds."""
        error_ns = (latest_ns - earliest_ns + 1) // 2
        return cls(event, earliest_ns + error_ns, error_ns)

    def host_ns(self, event: CudaEvent) -> int:
        """Return when `event` ran, in nanoseconds on the host clock.

        Args:
            event: recorded after the anchor had run, on the same device, and itself run.

        Raises:
            RuntimeError or ValueError: the framework's own, for an event of another device or one that has
                not run.
        """
        return self.ran_ns + round(self.event.elapsed_time(event) * NS_PER_MS)


class CudaClock:
    """Keeps the anchor of one device. One thread at a time may call it; any may read `anchor`.

    Attributes:
        anchor: the current one. A span keeps the anchor that it began under, so that both of its ends are
            placed by the same one and every distance is positive.
    """

    def __init__(
        self, new_event: Callable[[], CudaEvent], clock: Clock, stream: Any = None, widest_ns: int = 50_000
    ) -> None:
        """Calibrate, which blocks until the stream's earlier work is done.

        Args:
            new_event: makes an event with timing enabled.
            clock: the host clock, nanoseconds.
            stream: see `calibrate`.
            widest_ns: a bracket wider than this, in nanoseconds, makes no anchor in a recalibration.
        """
        self._new_event = new_event
        self._clock = clock
        self._widest_ns = widest_ns
        self._candidate: tuple[CudaEvent, int] | None = None
        self.calibrate(stream)

    def calibrate(self, stream: Any = None) -> None:
        """Take a new anchor, blocking until the stream's earlier work is done: never on the hot path.

        Of several brackets, from just before the record to just after the wait, the tightest is kept. The
        first one absorbs what the stream still had to do.

        Args:
            stream: where anchors are recorded, now and in later recalibrations: a stream of the device,
                best one without other work, where an anchor runs as soon as it is recorded.
        """
        self._stream = stream
        self._candidate = None
        self.anchor = min((self._bracket() for _ in range(_CALIBRATION_ROUNDS)), key=lambda a: a.error_ns)

    def _bracket(self) -> Anchor:
        event = self._new_event()
        earliest_ns = self._clock()
        event.record(self._stream)
        event.synchronize()
        return Anchor.between(earliest_ns, self._clock(), event)

    def recalibrate_if_older_than(self, seconds: float) -> bool:
        """Replace an anchor that is older than this, without blocking.

        Records a candidate and asks a bounded number of times whether it has run; one that has not is asked
        again by the next call. It ran after it was recorded and after it was last seen not to have run, and
        before it was first seen to have run. Where that is too wide the old anchor stays, and the next call
        records another candidate.

        Args:
            seconds: at which age an anchor is replaced; at least 0.

        Returns:
            Whether the anchor was replaced.

        Raises:
            ValueError: for a negative age.
        """
        if seconds < 0:
            raise ValueError(f"an anchor cannot be older than {seconds} s; pass 0 to replace it in any case")
        # Taken out while CUDA is asked, so that an error drops the candidate instead of being met again.
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            event, earliest_ns = candidate
        elif self._clock() - self.anchor.ran_ns <= seconds * 1e9:
            return False
        else:
            event, earliest_ns = self._new_event(), self._clock()
            event.record(self._stream)
        for _ in range(_QUERIES_PER_CALL):
            asked_ns = self._clock()
            if event.query():
                latest_ns = self._clock()
                if latest_ns - earliest_ns > self._widest_ns:
                    return False
                self.anchor = Anchor.between(earliest_ns, latest_ns, event)
                return True
            earliest_ns = asked_ns
        self._candidate = (event, earliest_ns)
        return False
