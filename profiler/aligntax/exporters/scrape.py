"""What one scrape reads: a copy of the ledger, the sensors, the calls in progress and the exemplars, as families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product

import numpy as np

import aligntax
from aligntax.devices.sensor import Reading
from aligntax.exemplars import Exemplars
from aligntax.exporters import definitions
from aligntax.exporters.families import Family, Labels, Sample, SampleFamily, histogram_family
from aligntax.histogram import BUCKETS, NANO
from aligntax.ledger import Ledger, View
from aligntax.ledger_fields import DROP_REASONS, OTHER, OUTCOMES, PARTS, VERDICTS
from aligntax.profiler import Profiler
from aligntax.trace import Layer

_SCRAPE = PARTS.index("scrape")
_PLACES = {definition.name: place for place, definition in enumerate(definitions.DEFINITIONS)}
_OF_DEVICES = {
    "energy_joules": definitions.DEVICE_ENERGY,
    "memory_bytes": definitions.DEVICE_MEMORY,
    "utilization_ratio": definitions.DEVICE_UTILIZATION,
}


@contextmanager
def booked_scrape(profiler: Profiler) -> Iterator[None]:
    """Drain the profiler, then book the wall time of the block as the cost of a scrape."""
    profiler.drain()
    clock = profiler.recorder.clock
    start_ns = clock()
    try:
        yield
    finally:
        with profiler.ledger.lock:
            profiler.ledger.instrument_ns[_SCRAPE] += clock() - start_ns


def read_families(profiler: Profiler, view: View | None = None) -> list[Family]:
    """Return every metric of what has been drained so far; see `families_of`.

    Args:
        profiler: the profiler.
        view: what of it: all workers of its server where None, or `profiler.own_view()`.
    """
    readings = profiler.readings(own=view is not None)
    ledger, running = profiler.view() if view is None else view
    return families_of(ledger, running, readings, profiler.exemplars)


def families_of(
    ledger: Ledger, running: Mapping[Layer, int], readings: Sequence[Reading], exemplars: Exemplars
) -> list[Family]:
    """Return the metric families of a ledger that nobody else writes to.

    Args:
        ledger: a copy of the profiler's.
        running: calls in progress.
        readings: what the sensors say now.
        exemplars: of the request histograms; they may be younger than the copy.

    Returns:
        The families in the order of `DEFINITIONS`. One without any series is left out.
    """
    families = [
        *_layers(ledger),
        *_layer_counts(ledger, running),
        *_requests(ledger, exemplars),
        *_streams(ledger),
        *_instrument(ledger),
        *_devices(readings),
    ]
    return sorted((family for family in families if family.series), key=lambda family: _PLACES[family.definition.name])


def _layers(ledger: Ledger) -> Iterator[Family]:
    guards = [row for row, layer in enumerate(ledger.layers) if layer.kind == "guard"]
    models = [row for row, layer in enumerate(ledger.layers) if layer.kind == "model"]
    labels = [_layer_labels(ledger, row) for row in guards]
    names = [(ledger.layers[row].name,) for row in models]
    yield histogram_family(definitions.LAYER_DURATION, labels, ledger.calls[guards], ledger.calls_ns[guards])
    yield histogram_family(definitions.LAYER_TAX, labels, ledger.taxes[guards], ledger.taxes_ns[guards])
    yield histogram_family(definitions.MODEL_DURATION, names, ledger.calls[models], ledger.calls_ns[models])
    verdicts = [
        Sample((*names, verdict.value), count)
        for names, counts in zip(labels, ledger.verdicts[guards].tolist(), strict=True)
        for verdict, count in zip(VERDICTS, counts, strict=True)
    ]
    yield SampleFamily(definitions.LAYER_VERDICTS, verdicts)


def _layer_counts(ledger: Ledger, running: Mapping[Layer, int]) -> Iterator[Family]:
    layers = ledger.layers
    labels = [_layer_labels(ledger, row) for row in range(len(layers))]
    cpu = [
        Sample(names, int(ledger.cpu_ns[row]) / NANO)
        for row, names in enumerate(labels)
        if ledger.cpu_sampled_calls[row]
    ]
    gpu = [
        Sample((*labels[row], ledger.devices[device]), int(ledger.gpu_ns[row, device]) / NANO)
        for row, device in np.argwhere(ledger.gpu_ns).tolist()
    ]
    # `other` is there before the first error, so that a layer's sum over the types has a value to rise from.
    errors = [
        Sample((*names, error_type), count)
        for names, counts in zip(labels, ledger.errors.tolist(), strict=False)
        for error_type, count in zip(ledger.error_types, counts, strict=False)
        if count or error_type == OTHER
    ]
    yield SampleFamily(definitions.LAYER_CPU, cpu)
    yield SampleFamily(definitions.LAYER_GPU, gpu)
    yield SampleFamily(definitions.LAYER_ERRORS, errors)
    in_progress = [Sample(names, running.get(layer, 0)) for names, layer in zip(labels, layers, strict=True)]
    yield SampleFamily(definitions.LAYER_RUNNING, in_progress)
    info = [Sample((*names, layer.kind), 1) for names, layer in zip(labels, layers, strict=True)]
    yield SampleFamily(definitions.LAYER_INFO, info)


def _requests(ledger: Ledger, exemplars: Exemplars) -> Iterator[Family]:
    # The row for requests without a model is there from the start, used or not.
    rows = [row for row in range(len(ledger.models)) if row or ledger.requests[row].any()]
    names = [(ledger.models[row],) for row in rows]
    ended = [(model, outcome.value) for (model,), outcome in product(names, OUTCOMES)]
    yield histogram_family(
        definitions.REQUEST_DURATION,
        ended,
        ledger.requests[rows].reshape(-1, ledger.requests.shape[-1]),
        ledger.requests_ns[rows].reshape(-1),
        [exemplars.of("request_duration_seconds", *labels) for labels in ended],
    )
    yield histogram_family(
        definitions.REQUEST_TAX,
        names,
        ledger.tax[rows],
        ledger.tax_ns[rows],
        [exemplars.of("request_tax_seconds", *labels) for labels in names],
    )
    yield histogram_family(definitions.REQUEST_TAX_RATIO, names, ledger.ratio[rows], ledger.ratio_nano[rows])
    # Summed by name, since in two workers a name may stand for guards of two stages.
    discarded_ns: Counter[Labels] = Counter()
    for model, layer in np.argwhere(ledger.discarded_ns).tolist():
        discarded_ns[ledger.models[model], ledger.layers[layer].name] += int(ledger.discarded_ns[model, layer])
    discarded = [Sample(labels, wasted_ns / NANO) for labels, wasted_ns in discarded_ns.items()]
    yield SampleFamily(definitions.DISCARDED_MODEL, discarded)
    yield SampleFamily(definitions.UNATTRIBUTED, [Sample((), int(ledger.closure_ns[3]) / NANO)])


def _streams(ledger: Ledger) -> Iterator[Family]:
    """Yield the histograms of streamed answers, of the models and guards that had any."""
    for definition, counts, sums in (
        (definitions.UPSTREAM_FIRST_CHUNK, ledger.upstream_first, ledger.upstream_first_ns),
        (definitions.FIRST_CHUNK, ledger.first, ledger.first_ns),
        (definitions.UPSTREAM_INTER_CHUNK, ledger.upstream_gaps, ledger.upstream_gaps_ns),
        (definitions.INTER_CHUNK, ledger.gaps, ledger.gaps_ns),
    ):
        rows = [row for row in range(len(ledger.models)) if counts[row].any()]
        yield histogram_family(definition, [(ledger.models[row],) for row in rows], counts[rows], sums[rows])
    # By name, like discarded model time.
    named: dict[Labels, list[int]] = {}
    for row, layer in enumerate(ledger.layers):
        if ledger.holds[row].any():
            named.setdefault((layer.name,), []).append(row)
    holds = np.array([ledger.holds[rows].sum(axis=0) for rows in named.values()], dtype=np.int64)
    holds_ns = np.array([ledger.holds_ns[rows].sum() for rows in named.values()], dtype=np.int64)
    yield histogram_family(definitions.STREAM_HOLD, list(named), holds.reshape(-1, BUCKETS), holds_ns)


def _instrument(ledger: Ledger) -> Iterator[Family]:
    spent = zip(PARTS, ledger.instrument_ns.tolist(), strict=True)
    yield SampleFamily(definitions.INSTRUMENTATION, [Sample((part,), cost_ns / NANO) for part, cost_ns in spent])
    lost = zip(DROP_REASONS, ledger.dropped.tolist(), strict=True)
    yield SampleFamily(definitions.DROPPED, [Sample((reason,), count) for reason, count in lost])
    yield SampleFamily(definitions.BUILD_INFO, [Sample((aligntax.__version__,), 1)])


def _devices(readings: Sequence[Reading]) -> Iterator[Family]:
    # By labels, since two sensors of one device must not make a series twice: that would spoil the whole scrape.
    found: dict[str, dict[Labels, float]] = {metric: {} for metric in _OF_DEVICES}
    for reading in readings:
        source = f"{reading.source}_estimated" if reading.estimated else reading.source
        found[reading.metric][reading.device, source] = reading.value
    for metric, values in found.items():
        yield SampleFamily(_OF_DEVICES[metric], [Sample(*pair) for pair in values.items()])


def _layer_labels(ledger: Ledger, row: int) -> Labels:
    return ledger.layers[row].name, str(ledger.layers[row].stage)
