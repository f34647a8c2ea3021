"""Takes finished requests off the queue, in batches, on a thread of its own and before every scrape."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from aligntax.fold import fold_chunks, fold_simple, fold_traces, may_be_simple
from aligntax.histogram import NANO
from aligntax.ledger import Ledger
from aligntax.ledger_fields import PARTS
from aligntax.recording import Recorder
from aligntax.recording.assemble import assemble
from aligntax.recording.scope import GOES_ON, LAYER_MASK, LAYER_SHIFT, VERDICT_MASK, Recording
from aligntax.subscribers import Delivery, Subscriber, Subscribers
from aligntax.summary import SelfCost
from aligntax.trace import Trace

BATCH_REQUESTS = 512
TRACES_PER_TURN = 16
MAX_WAITING = 1024
GPU_PATIENCE_NS = 30_000_000_000


class Drain:
    """Folds what `queue` holds into the ledger, on whatever thread calls `run`.

    Args:
        recorder, ledger: where requests come from, and where they go.
        queue: finished requests.
        cpu_share: share of the requests that are metered; their readings stand for those of all.
        identified: called with every request that carries the caller's trace id: its trace, and its tax in ns.

    Attributes:
        subscribers: who is handed which share of the requests.
    """

    def __init__(
        self,
        recorder: Recorder,
        ledger: Ledger,
        queue: deque[Recording],
        cpu_share: float,
        identified: Callable[[Trace, int], None],
    ) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._queue = queue
        self._cpu_share = cpu_share
        self._identified = identified
        self._waiting: deque[Recording] = deque()
        self._folded: list[Recording] = []
        self.subscribers = Subscribers(recorder)
        self._takers: dict[Recording, list[Subscriber]] = {}
        self._deliveries: list[Delivery] = []
        self._forked_ns: int | None = None
        self._lock = threading.Lock()
        self._metered_spans = 0
        self._metered_ns = 0.0

    def run(self) -> None:
        """Fold everything that has finished by now; work that a GPU has not finished waits for the next run."""
        with self._lock:
            clock = self._recorder.clock
            start_ns = clock()
            self._do_chores()
            self._count_late_spans()
            batch, self._waiting = list(self._waiting), deque()
            # What arrives meanwhile is left for the next run, or a scrape under full load would never end.
            left = len(self._queue)
            while batch or left > 0:
                while left > 0 and len(batch) < BATCH_REQUESTS:
                    left -= 1
                    try:
                        batch.append(self._queue.popleft())
                    except IndexError:
                        left = 0  # the intake dropped the oldest ones in the meantime
                try:
                    self._fold(batch)
                except Exception as error:
                    self._recorder.drops.count("internal_error", len(batch))
                    self._recorder.complain("a batch of requests could not be folded", error)
                batch = []
                _yield_to_serving_threads()
            dropped = self._recorder.drops.take()
            with self._ledger.lock:
                self._ledger.dropped += dropped
                self._ledger.instrument_ns[PARTS.index("drain")] += clock() - start_ns
            deliveries, self._deliveries, self._takers = self._deliveries, [], {}
        if deliveries:
            self._deliver(deliveries)

    def self_cost(self) -> SelfCost:
        """Return what recording a span was found to cost the thread that makes it."""
        spans = self._metered_spans
        return SelfCost(self._metered_ns / spans / NANO if spans else None, spans)

    def forget_threads(self) -> None:
        """Replace the lock after a fork, which may have happened while another thread held it."""
        self._lock = threading.Lock()
        # What had ended by now, the parent hands over.
        self._forked_ns = self._recorder.clock()
        self._takers = {}
        self._deliveries = []

    def forget_requests(self) -> None:
        """Let go of the requests of a forked child's parent, which counts them itself."""
        self._waiting.clear()
        self._folded = []

    def _deliver(self, deliveries: list[Delivery]) -> None:
        """Hand requests over without the lock: a slow subscriber keeps no scrape waiting, and one may read a report."""
        start_ns = self._recorder.clock()
        self.subscribers.deliver(deliveries)
        dropped = self._recorder.drops.take()
        with self._ledger.lock:
            self._ledger.dropped += dropped
            self._ledger.instrument_ns[PARTS.index("drain")] += self._recorder.clock() - start_ns

    def _do_chores(self) -> None:
        for chore in self._recorder.chores:
            try:
                chore()
            except Exception as error:
                self._recorder.drops.count("internal_error")
                self._recorder.complain("a device could not be tended", error)

    def _count_late_spans(self) -> None:
        """Count what threads appended to the requests of the last run behind their seal."""
        folded, self._folded = self._folded, []
        late = sum(map(Recording.late_spans, folded))
        if late:
            self._recorder.drops.count("late_span", late)

    def _is_settled(self, recording: Recording) -> bool:
        """Return whether the GPU is done with a request; if not, keep it for later, or give up on the GPU's share."""
        if all(launch.work.settled() for launch in recording.launches):
            return True
        if self._recorder.clock() - recording.end_ns > GPU_PATIENCE_NS or len(self._waiting) >= MAX_WAITING:
            self._recorder.drops.count("gpu_pending")
            return True
        self._waiting.append(recording)
        return False

    def _fold(self, recordings: list[Recording]) -> None:
        simple: list[Recording] = []
        others: list[Recording] = []
        for recording in recordings:
            if recording.launches and not self._is_settled(recording):
                continue
            self._folded.append(recording)
            if recording.root.metered:
                self._fold_readings(recording)
            if (self.subscribers and self._choose(recording)) or not may_be_simple(recording):
                others.append(recording)
            else:
                simple.append(recording)
        others += self._fold_simple(simple)
        for first in range(0, len(others), TRACES_PER_TURN):
            self._fold_others(others[first : first + TRACES_PER_TURN])
            _yield_to_serving_threads()

    def _choose(self, recording: Recording) -> bool:
        """Return whether some subscriber wants a request."""
        if self._forked_ns is not None and recording.end_ns < self._forked_ns:
            return False
        takers = self.subscribers.choose()
        if takers:
            self._takers[recording] = takers
        return bool(takers)

    def _fold_simple(self, recordings: list[Recording]) -> list[Recording]:
        try:
            return fold_simple(recordings, self._ledger)
        except Exception as error:
            self._recorder.complain("requests could not be folded together, and are folded one by one", error)
            return recordings  # one of them is broken, and can then be told from the rest

    def _fold_others(self, recordings: list[Recording]) -> None:
        try:
            traces = [assemble(recording, self._ledger) for recording in recordings]
            attributions = fold_traces(traces, self._ledger)
        except Exception as error:
            if len(recordings) > 1:
                for recording in recordings:
                    self._fold_others([recording])
                return
            self._recorder.drops.count("internal_error")
            self._recorder.complain("a request could not be folded", error)
            return
        for recording, trace, found in zip(recordings, traces, attributions, strict=True):
            if recording.chunks is not None:
                fold_chunks(recording.chunks, trace.model, self._ledger)
            if trace.trace_id is not None:
                self._identified(trace, found.tax_ns)
            takers = self._takers.get(recording)
            if takers:
                self._deliveries.append(Delivery(takers, trace, found))

    def _fold_readings(self, recording: Recording) -> None:
        """Add what was metered in a sampled request, weighted by the inverse of the share.

        What lies between the outer and the inner clock reads, less what the metering itself put there, is the cost of
        recording. Metering costs too, but only in the sampled requests, so that part has no weight.
        """
        own_ns = sum(reading.own_ns for reading in recording.meters)
        metering_ns = self._recorder.meter.reading_ns * len(recording.meters)
        weighted_ns = (own_ns + recording.overhead_ns) / self._cpu_share + metering_ns
        self._metered_spans += len(recording.meters)
        self._metered_ns += own_ns
        with self._ledger.lock:
            self._ledger.instrument_ns[PARTS.index("record")] += round(weighted_ns)
            for reading in recording.meters:
                code = reading.live[reading.position + 2]
                row = (code >> LAYER_SHIFT) & LAYER_MASK
                self._ledger.cpu_ns[row] += round(reading.cpu_ns / self._cpu_share)
                self._ledger.cpu_sampled_ns[row] += reading.cpu_ns
                # The runs of a stream are one call, which the last of them ends.
                self._ledger.cpu_sampled_calls[row] += code & VERDICT_MASK != GOES_ON


class DrainThread:
    """Runs a drain again and again, from the first request on, for as long as the drain is there and not stopped.

    Args:
        drain: what to run; the thread does not keep it alive.
        wake: set when there is much to do.
        seconds: how long to wait otherwise.
    """

    def __init__(self, drain: Drain, wake: threading.Event, seconds: float) -> None:
        self._drain = weakref.ref(drain)
        self._wake = wake
        self._seconds = seconds
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Start the thread if there is none yet."""
        if self._thread is None and not self._stopped:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="aligntax-drain", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait until it has."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def forget_threads(self, wake: threading.Event) -> None:
        """Start anew after a fork, which no other thread survives, and wait for another event from now on."""
        self._wake = wake
        self._thread = None
        self._lock = threading.Lock()

    def _work(self) -> None:
        while not self._stopped and self._drain() is not None:
            self._wake.wait(self._seconds)
            self._wake.clear()
            drain = self._drain()
            if drain is not None and not self._stopped:
                drain.run()
            del drain  # waiting must not keep it alive


def _yield_to_serving_threads() -> None:
    """Let go of the interpreter's lock, so that no serving thread waits for more than one turn of the drain."""
    time.sleep(0)
