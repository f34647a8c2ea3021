"""Metric families in the data model of OpenTelemetry's SDK.

Names and labels are those of `/metrics`, so that a dashboard does not care which way its numbers came. Counters are
cumulative: the ledger never forgets, and what got lost on the way is made good by the next report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as SdkHistogram
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import aligntax
from aligntax.exemplars import Exemplar
from aligntax.exporters.definitions import Definition
from aligntax.exporters.families import Family, Histogram, HistogramFamily, SampleFamily
from aligntax.exporters.otlp.identity import w3c_trace_id

SCOPE = InstrumentationScope("aligntax", aligntax.__version__)
# Counts have no unit here: of "1", Prometheus would make a suffix `_ratio`.
_UNITS = {"seconds": "s", "joules": "J", "bytes": "By", "ratio": "1", "": ""}
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class Times(NamedTuple):
    """Since when counters count, and when they were read, in Unix ns; and what makes Unix time of the clock's."""

    start_ns: int
    now_ns: int
    offset_ns: int


def metrics_data(families: Sequence[Family], resource: Resource, times: Times) -> MetricsData:
    """Return the families as one report of one resource."""
    metrics = [_metric(family, times) for family in families]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(SCOPE, metrics, "")], "")])


def _metric(family: Family, times: Times) -> Metric:
    definition = family.definition
    name = f"{definition.name}_info" if definition.type == "info" else definition.name
    data: SdkHistogram | Sum | Gauge
    if isinstance(family, HistogramFamily):
        data = SdkHistogram([_distribution(definition, series, times) for series in family.series], _CUMULATIVE)
    elif definition.type == "counter":
        data = Sum(_numbers(family, times), _CUMULATIVE, is_monotonic=True)
    else:
        data = Gauge(_numbers(family, times))
    return Metric(name, definition.help, _UNITS[definition.unit], data)


def _numbers(family: SampleFamily, times: Times) -> list[NumberDataPoint]:
    definition = family.definition
    return [
        NumberDataPoint(_attributes(definition, labels), times.start_ns, times.now_ns, value)
        for labels, value in family.series
    ]


def _distribution(definition: Definition, histogram: Histogram, times: Times) -> HistogramDataPoint:
    below = (0, *histogram.cumulative)
    unknown: Any = None  # the least and the greatest are optional in the protocol, though not in the SDK's annotations
    return HistogramDataPoint(
        attributes=_attributes(definition, histogram.labels),
        start_time_unix_nano=times.start_ns,
        time_unix_nano=times.now_ns,
        count=histogram.cumulative[-1],
        sum=histogram.total,
        bucket_counts=[upper - lower for lower, upper in zip(below, histogram.cumulative, strict=False)],
        explicit_bounds=definition.bounds,
        min=unknown,
        max=unknown,
        exemplars=[
            _exemplar(exemplar, trace_id, times)
            for exemplar in histogram.exemplars.values()
            if (trace_id := w3c_trace_id(exemplar.trace_id)) is not None
        ],
    )


def _exemplar(exemplar: Exemplar, trace_id: int, times: Times) -> SdkExemplar:
    # Without a span id the SDK would leave out the trace id as well. 0 is the one that means none.
    return SdkExemplar({}, exemplar.seconds, times.offset_ns + exemplar.end_ns, span_id=0, trace_id=trace_id)


def _attributes(definition: Definition, labels: Sequence[str]) -> dict[str, str]:
    return dict(zip(definition.labels, labels, strict=True))
