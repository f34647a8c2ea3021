"""Where requests begin and end: the finished ones wait here for the drain."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable

from aligntax.ledger import Ledger
from aligntax.recording import Recorder
from aligntax.recording.scope import Recording


class Intake:
    """A bounded queue of finished requests, the set of the running ones, and the last few for `traces`.

    Args:
        recorder, ledger: what requests are recorded with, and where their layers have their rows.
        metered_share: share of the requests, chosen at random, in which calls are metered.
        queue_size: finished requests that may wait; beyond it the oldest is dropped, and counted.
        keep_requests: how many of the last requests to keep.

    Attributes:
        running: requests that have begun and not ended.
        last: the last ones that have ended, oldest first.
        half_full: set when the queue is half full, so that the drain need not wait for its time.
        on_arrival: called before a request is queued; whoever drains has itself woken up by the first one.
    """

    def __init__(
        self,
        recorder: Recorder,
        ledger: Ledger,
        metered_share: float,
        queue_size: int,
        keep_requests: int,
    ) -> None:
        self.recorder = recorder
        self.ledger = ledger
        self.queue: deque[Recording] = deque()
        self.running: set[Recording] = set()
        self.last: deque[Recording] = deque(maxlen=keep_requests)
        self.half_full = threading.Event()
        self.on_arrival: Callable[[], None] = _nobody_waits
        self._metered_share = metered_share
        self._queue_size = queue_size
        self._random = random.Random()  # noqa: S311 (samples requests; nothing secret)

    def new(self, model: str | None, trace_id: str | None) -> Recording:
        """Return a request to be begun."""
        metered = self._random.random() < self._metered_share
        return Recording(self.recorder.max_spans, metered, model, trace_id)

    def finish(self, recording: Recording) -> None:
        """Put a request that has ended on the queue; drop the oldest one if there is no room."""
        self.running.discard(recording)
        if self.recorder.closed:
            self.recorder.drops.count("closed")
            return
        if len(self.queue) >= self._queue_size:
            self._drop_oldest()
        self.on_arrival()
        if recording.root.metered:
            recording.overhead_ns += self.recorder.clock() - recording.end_ns
        self.last.append(recording)
        self.queue.append(recording)
        if len(self.queue) == self._queue_size // 2:
            self.half_full.set()

    def _drop_oldest(self) -> None:
        try:
            self.queue.popleft()
        except IndexError:
            return  # the drain was faster: there is room again
        self.recorder.drops.count("queue_full")


def _nobody_waits() -> None:
    """Stand for a drain that runs only when it is asked to."""
