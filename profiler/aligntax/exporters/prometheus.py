"""The profiler as a collector for a `prometheus_client` registry, beside the application's own metrics."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from aligntax.exporters.definitions import DEFINITIONS
from aligntax.exporters.families import Family, Histogram, HistogramFamily
from aligntax.exporters.scrape import booked_scrape, read_families
from aligntax.profiler import Profiler


class ProfilerCollector(Collector):
    """A profiler's metrics, for any registry: `registry.register(ProfilerCollector(profiler))`.

    `prometheus_client` takes microseconds to render a sample. With hundreds of layers, `aligntax.exporters.server`
    is the faster way out.

    Args:
        profiler: is drained by each collection, but not by the registration.
    """

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler

    def describe(self) -> Iterator[Metric]:
        """Yield every family that a collection may hold, without its samples."""
        for definition in DEFINITIONS:
            yield Metric(definition.name, definition.help, definition.type, definition.unit)

    def collect(self) -> Iterator[Metric]:
        """Yield the families of everything that has ended so far."""
        with booked_scrape(self._profiler):
            metrics = [_metric(family) for family in read_families(self._profiler)]
        yield from metrics


def _metric(family: Family) -> Metric:
    definition = family.definition
    name, documentation, labels, unit = definition.name, definition.help, definition.labels, definition.unit
    if isinstance(family, HistogramFamily):
        histograms = HistogramMetricFamily(name, documentation, labels=labels, unit=unit)
        for histogram in family.series:
            histograms.add_metric(histogram.labels, _buckets(definition.bound_labels, histogram), histogram.total)
        return histograms
    if definition.type == "counter":
        counters = CounterMetricFamily(name, documentation, labels=labels, unit=unit)
        for sample in family.series:
            counters.add_metric(sample.labels, sample.value)
        return counters
    if definition.type == "gauge":
        gauges = GaugeMetricFamily(name, documentation, labels=labels, unit=unit)
        for sample in family.series:
            gauges.add_metric(sample.labels, sample.value)
        return gauges
    infos = InfoMetricFamily(name, documentation, labels=labels)
    for sample in family.series:
        infos.add_metric(sample.labels, {})
    return infos


def _buckets(bounds: tuple[str, ...], histogram: Histogram) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    for index, (bound, count) in enumerate(zip(bounds, histogram.cumulative, strict=True)):
        exemplar = histogram.exemplars.get(index)
        if exemplar is None:
            buckets.append((bound, count))
        else:
            buckets.append((bound, count, Exemplar({"trace_id": exemplar.trace_id}, exemplar.seconds)))
    return buckets
