"""What others would time a guard with, each set up as well as it can be."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import repeat
from time import perf_counter, perf_counter_ns
from typing import Any, NamedTuple

from measure import Arm
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, Histogram
from shapes import CALLS, TEXT, calls, guard, repeated


class Peer(NamedTuple):
    """One way to time a guard.

    Attributes:
        name: of the tool, with its version.
        arm: a batch of CALLS timed calls; nanoseconds per call, the guard included.
        recorded: how many calls it has counted so far.
        wanted: how many times as dear as ours it should be at least; None for orientation only.
        close: ends its threads.
    """

    name: str
    arm: Arm
    recorded: Callable[[], int]
    wanted: float | None
    close: Callable[[], object] = lambda: None


def peers() -> list[Peer]:
    """Return every peer, ready to be measured."""
    return [
        _spans("span with batch processor", _current, 25),
        _spans("the same, not made current", _plain, None),
        _histogram(),
        _by_hand(),
    ]


class _CountingExporter(SpanExporter):
    """Exports to nowhere, so that only the recording is compared."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += sum(span.name == "guard" for span in spans)
        return SpanExportResult.SUCCESS


def _provider(exporter: SpanExporter) -> TracerProvider:
    """Return a provider whose exporting thread sleeps while a batch is timed, and whose queue holds all of it."""
    processor = BatchSpanProcessor(
        exporter, max_queue_size=4 * CALLS, max_export_batch_size=4 * CALLS, schedule_delay_millis=600_000
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def _spans(kind: str, batch: Callable[[Tracer], None], wanted: float | None) -> Peer:
    """Return the peer whose `batch` makes CALLS spans within the one of a request."""
    exporter = _CountingExporter()
    provider = _provider(exporter)
    tracer = provider.get_tracer("guards")

    def arm() -> float:
        with tracer.start_as_current_span("request"):
            start_ns = perf_counter_ns()
            batch(tracer)
            cost = (perf_counter_ns() - start_ns) / CALLS
        provider.force_flush()
        return cost

    name = f"opentelemetry-sdk {version('opentelemetry-sdk')}, {kind}"
    return Peer(name, arm, lambda: exporter.spans, wanted, provider.shutdown)


def _current(tracer: Tracer) -> None:
    for _ in repeat(None, CALLS):
        with tracer.start_as_current_span("guard") as span:
            span.set_attribute("layer", "guard")
            guard(TEXT)


def _plain(tracer: Tracer) -> None:
    for _ in repeat(None, CALLS):
        span = tracer.start_span("guard")
        span.set_attribute("layer", "guard")
        guard(TEXT)
        span.end()


def _histogram() -> Peer:
    registry = CollectorRegistry()
    child = Histogram("guard_seconds", "Time in a guard.", ["layer"], registry=registry).labels("guard")

    def arm() -> float:
        start_ns = perf_counter_ns()
        for _ in repeat(None, CALLS):
            with child.time():
                guard(TEXT)
        return (perf_counter_ns() - start_ns) / CALLS

    def recorded() -> int:
        return int(registry.get_sample_value("guard_seconds_count", {"layer": "guard"}) or 0)

    return Peer(f"prometheus_client {version('prometheus_client')}, Histogram.time()", arm, recorded, 2)


def _by_hand() -> Peer:
    seconds: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds.append(perf_counter() - start)

        return wrapper

    return Peer(
        "by hand: functools.wraps, perf_counter, list.append", repeated(calls(timed(guard))), lambda: len(seconds), None
    )
