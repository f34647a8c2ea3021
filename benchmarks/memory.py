"""Whether memory grows with what is recorded, and what the ledger takes for each layer and model.

Every measurement has a process of its own, so that nothing can hide in memory that was freed before.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import NamedTuple, TypeVar

import psutil
import result
from measure import Estimate
from prometheus_client import CollectorRegistry, Counter, Histogram
from result import Result, Row

from aligntax import Outcome, Profiler, Verdict
from aligntax.histogram import FINE_BOUNDS, RATIO_BOUNDS, REQUEST_BOUNDS

SPANS, QUICK_SPANS = 10_000_000, 500_000
PART = 10  # memory is read after each tenth; what is slow or large is done with a tenth of the spans
REQUEST_SPANS = 100
DRAIN_REQUESTS = 250
LIMIT_MIB = 1.0
PAGE_BYTES = 4_096
CHILDREN = 200
MIB = 1 << 20
Returned = TypeVar("Returned")


class Usage(NamedTuple):
    """Memory in bytes after each part of the spans, and how many spans the ledger holds at the end."""

    samples: list[int]
    recorded: int

    @property
    def grown(self) -> int:
        """Bytes by which the later half of the samples is above the earlier half, by their medians.

        Resident memory goes up and down by megabytes as the allocator gives arenas back; a leak only goes up.
        """
        half = len(self.samples) // 2
        return round(median(self.samples[-half:]) - median(self.samples[:half]))


def run(quick: bool) -> Result:
    """Record millions of spans and watch the process; then count the bytes of a ledger's rows."""
    spans = QUICK_SPANS if quick else SPANS
    few = spans // PART
    resident, traced = _apart(resident_usage, spans), _apart(traced_usage, spans)
    by_hand = _apart(kept_bytes, few) / few
    per_span = resident.grown / spans
    with Profiler(drain_seconds=0) as profiler:
        ledger = profiler.ledger
    rows = [
        _growth_row(spans, traced),
        Row(
            "resident memory, a span",
            per_span,
            "start and end kept in a list",
            by_hand,
            "B",
            by_hand / max(per_span, PAGE_BYTES / spans),
        ),
        _ledger_row("ledger, a layer", ledger.bytes_per_layer, _apart(layer_bytes_of_prometheus, CHILDREN)),
        _ledger_row("ledger, a model", ledger.bytes_per_model, _apart(model_bytes_of_prometheus, CHILDREN)),
    ]
    agree = resident.recorded == _with_first_part(spans) and traced.recorded == _with_first_part(spans)
    return Result(rows, agree, {"spans": spans, "resident_bytes": resident.samples, "allocated_bytes": traced.samples})


def resident_usage(spans: int) -> Usage:
    """Record `spans`, and a first part that does not count; return the process's resident memory meanwhile."""
    process = psutil.Process()
    return _record(spans, lambda: int(process.memory_info().rss))


def traced_usage(spans: int) -> Usage:
    """Do the same, and return what Python's allocator holds meanwhile."""
    tracemalloc.start()
    return _record(spans, lambda: tracemalloc.get_traced_memory()[0])


def kept_bytes(spans: int) -> int:
    """Return the resident memory that `spans` pairs of clock readings take in a list."""
    process = psutil.Process()
    before = process.memory_info().rss
    kept = [(moment + (1 << 40), moment + (1 << 41)) for moment in range(spans)]
    used = process.memory_info().rss - before
    kept.clear()
    return int(used)


def layer_bytes_of_prometheus(layers: int) -> float:
    """Return what a layer's exported series take in prometheus_client."""
    registry, labels = CollectorRegistry(), ("layer", "stage")
    histograms = [Histogram(name, "h", labels, buckets=FINE_BOUNDS, registry=registry) for name in ("duration", "tax")]
    counters = [Counter(name, "c", labels, registry=registry) for name in ("cpu", "errors")]
    verdicts = Counter("verdicts", "c", (*labels, "verdict"), registry=registry)

    def make(layer: str) -> None:
        for family in (*histograms, *counters):
            family.labels(layer, "input")
        for verdict in Verdict:
            verdicts.labels(layer, "input", verdict.value)

    return _bytes_each(layers, make)


def model_bytes_of_prometheus(models: int) -> float:
    """Return what a model's exported series take in prometheus_client."""
    registry = CollectorRegistry()
    duration = Histogram("duration", "h", ("model", "outcome"), buckets=REQUEST_BOUNDS, registry=registry)
    tax = Histogram("tax", "h", ("model",), buckets=FINE_BOUNDS, registry=registry)
    ratio = Histogram("ratio", "h", ("model",), buckets=RATIO_BOUNDS, registry=registry)

    def make(model: str) -> None:
        tax.labels(model)
        ratio.labels(model)
        for outcome in Outcome:
            duration.labels(model, outcome.value)

    return _bytes_each(models, make)


def _growth_row(spans: int, usage: Usage) -> Row:
    grown = Estimate(usage.grown / MIB, None)
    return result.limited(f"allocated memory, growth over {spans:,} spans", grown, LIMIT_MIB, "MiB", PAGE_BYTES / MIB)


def _ledger_row(case: str, ours: int, theirs: float) -> Row:
    return Row(case, ours, "prometheus_client, series exported for it", theirs, "B", theirs / ours)


def _record(spans: int, read: Callable[[], int]) -> Usage:
    profiler = Profiler(drain_seconds=0)
    guards = [profiler.guard(_guard(), name=f"guard {number}") for number in range(REQUEST_SPANS - 1)]
    layers = [*guards, profiler.model(_guard(), name="model")]
    # The system hands out a page when it is first written to. The ledger's size is fixed and stated on its own, so all
    # of its pages are taken now, and not whenever a duration meets a bucket that is still empty.
    profiler.ledger.buffer[:] = 0
    samples = []
    for _ in range(PART + 1):
        for number in range(spans // PART // REQUEST_SPANS):
            with profiler.request():
                for layer in layers:
                    layer("text")
            if number % DRAIN_REQUESTS == 0:
                profiler.drain()
        profiler.drain()
        gc.collect()
        samples.append(read())
    return Usage(samples, int(profiler.ledger.recorded_spans[0]))


def _with_first_part(spans: int) -> int:
    return spans // PART // REQUEST_SPANS * REQUEST_SPANS * (PART + 1)


def _guard() -> Callable[[str], str]:
    def guard(text: str) -> str:
        return text

    return guard


def _bytes_each(count: int, make: Callable[[str], None]) -> float:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        make(f"layer {number}")
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / count


def _apart(work: Callable[[int], Returned], argument: int) -> Returned:
    """Do a piece of work in a new process, which shares nothing with this one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(work, argument).result()
