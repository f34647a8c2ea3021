"""A subscriber that makes spans of traces and has the SDK send them, in batches, out of a bounded queue."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import aligntax
from aligntax.attribution import Attribution
from aligntax.exporters.otlp.quiet import quietly
from aligntax.exporters.otlp.spans import MAX_CALLS, CallersIds, calls_of, write_spans
from aligntax.trace import Trace

QUEUE_VARIABLE = "OTEL_BSP_MAX_QUEUE_SIZE"
QUEUE_SPANS = 2048
BATCH_SPANS = 512

Lost = Callable[[int, str], None]
"""Is told how many spans were lost, and why."""


class TraceExport:
    """Sends every trace that it is called with.

    Args:
        exporter: sends batches of spans.
        resource: what the spans are of.
        offset_ns: makes Unix time of the traces' times.
        lost: is told of spans that were not sent.

    Raises:
        ValueError: if the environment variable `OTEL_BSP_MAX_QUEUE_SIZE` is no positive number.
    """

    def __init__(self, exporter: SpanExporter, resource: Resource, offset_ns: int, lost: Lost) -> None:
        self._offset_ns = offset_ns
        self._lost = lost
        self._room = _queue_size()
        self._counted = CountedExporter(exporter, lost)
        self._ids = CallersIds()
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        batch = min(BATCH_SPANS, self._room)
        self._provider.add_span_processor(BatchSpanProcessor(self._counted, self._room, max_export_batch_size=batch))
        self._tracer = self._provider.get_tracer("aligntax", aligntax.__version__)
        self._queued = 0
        self._lock = threading.Lock()

    def __call__(self, trace: Trace, attribution: Attribution) -> None:
        """Queue the spans of a request; a request for which there is no room is lost as a whole, and counted."""
        calls = calls_of(trace)[: min(MAX_CALLS, self._room - 1)]
        size = 1 + len(calls)
        with self._lock:
            if self._queued - self._counted.taken + size > self._room:
                self._lost(size, "no room in the queue" if self._room else "closed")
                return
            write_spans(self._tracer, self._ids, trace, attribution, calls, self._offset_ns)
            self._queued += size

    def close(self) -> None:
        """Send what is queued, and end the SDK's thread; what comes later is lost, and counted."""
        with self._lock:
            self._room = 0
        self._provider.shutdown()
        left = self._queued - self._counted.taken
        if left > 0:  # the SDK waits for half a minute at most
            self._lost(left, "closed while the collector did not answer")

    def give_up(self) -> None:
        """Have `close` wait no longer for a collector that does not answer: what is left is lost."""
        self._counted.give_up()

    def forget_parent(self) -> None:
        """End what the SDK has started in a forked child: a thread for a queue that is empty there."""
        self._counted.forgotten = True
        self._provider.shutdown()


class CountedExporter(SpanExporter):
    """Sends spans by another exporter, and counts.

    Attributes:
        taken: how many spans have left the queue.
        forgotten: whether the other exporter is a parent's, and is to be left alone.
    """

    def __init__(self, exporter: SpanExporter, lost: Lost) -> None:
        self.taken = 0
        self.forgotten = False
        self._exporter = exporter
        self._lost = lost
        self._is_shut = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        self.taken += len(spans)
        result = SpanExportResult.FAILURE
        reason = "the collector did not answer before the exporter was closed"
        if not self._is_shut:
            try:
                with quietly() as said:
                    result = self._exporter.export(spans)
                reason = "; ".join(said)
            except Exception as error:
                reason = type(error).__name__
        if result is not SpanExportResult.SUCCESS:
            self._lost(len(spans), reason)
        return result

    def shutdown(self) -> None:
        """Close the other exporter."""
        if not self.forgotten:
            self.give_up()

    def give_up(self) -> None:
        """Stop trying to send anything."""
        if not self._is_shut:
            self._is_shut = True
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 (the SDK's signature)
        """Do nothing: nothing is kept here."""
        return True


def _queue_size() -> int:
    said = os.environ.get(QUEUE_VARIABLE, "").strip() or str(QUEUE_SPANS)
    if not said.isdecimal() or int(said) < 2:
        raise ValueError(f"{QUEUE_VARIABLE}={said!r} is no size of a queue; use a number of spans, at least 2")
    return int(said)
