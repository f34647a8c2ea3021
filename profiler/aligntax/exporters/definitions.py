"""The exported metrics, one line each: the names, labels and bounds that dashboards and alerts rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aligntax.histogram import FINE_BOUNDS, RATIO_BOUNDS, REQUEST_BOUNDS

UNITS = frozenset({"seconds", "ratio", "joules", "bytes"})

_LAYER = ("layer", "stage")


@dataclass(frozen=True, slots=True)
class Definition:
    """One exported metric.

    Attributes:
        name: OpenMetrics family name, without the `_total` of a counter's or the `_info` of an info's sample.
        type: OpenMetrics type. Prometheus' own text format knows no `info`; there it is a gauge of value 1.
        help: one sentence without quotes, backslashes and line breaks, which would need escaping.
        labels: label names, in the order of a series' label values.
        bounds: upper bucket bounds of a histogram, in the metric's unit; the last bucket is open.
    """

    name: str
    type: Literal["counter", "gauge", "info", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """The base unit that the name ends in; empty for plain counts."""
        last = self.name.rpartition("_")[2]
        return last if last in UNITS else ""

    @property
    def bound_labels(self) -> tuple[str, ...]:
        """The values of a histogram's `le` label, the open bucket's included."""
        return (*(repr(float(bound)) for bound in self.bounds), "+Inf")


LAYER_DURATION = Definition(
    "aligntax_layer_duration_seconds", "histogram", "Wall time of a guard's call.", _LAYER, FINE_BOUNDS
)
LAYER_TAX = Definition(
    "aligntax_layer_tax_seconds",
    "histogram",
    "A guard's share of the tax of one request that ran to its end; over the guards it sums to that tax.",
    _LAYER,
    FINE_BOUNDS,
)
LAYER_CPU = Definition(
    "aligntax_layer_cpu_seconds",
    "counter",
    "CPU time of the calling thread, estimated from the sampled requests.",
    _LAYER,
)
LAYER_GPU = Definition("aligntax_layer_gpu_seconds", "counter", "GPU stream time by CUDA events.", (*_LAYER, "device"))
LAYER_VERDICTS = Definition(
    "aligntax_layer_verdicts", "counter", "Calls of a guard by what it said.", (*_LAYER, "verdict")
)
LAYER_ERRORS = Definition(
    "aligntax_layer_errors", "counter", "Calls that raised, by exception class.", (*_LAYER, "error_type")
)
LAYER_RUNNING = Definition("aligntax_layer_calls_in_progress", "gauge", "Calls that are running now.", _LAYER)
STREAM_HOLD = Definition(
    "aligntax_stream_hold_seconds",
    "histogram",
    "How long a guard kept a piece of a streamed answer back.",
    ("layer",),
    FINE_BOUNDS,
)
MODEL_DURATION = Definition(
    "aligntax_model_duration_seconds", "histogram", "Wall time of a model call.", ("model",), REQUEST_BOUNDS
)
REQUEST_DURATION = Definition(
    "aligntax_request_duration_seconds",
    "histogram",
    "Wall time of a request with its guards, by how it ended.",
    ("model", "outcome"),
    REQUEST_BOUNDS,
)
REQUEST_TAX = Definition(
    "aligntax_request_tax_seconds",
    "histogram",
    "What the guards added to one request; allowed and modified requests only.",
    ("model",),
    FINE_BOUNDS,
)
REQUEST_TAX_RATIO = Definition(
    "aligntax_request_tax_ratio", "histogram", "Tax over raw time of one request.", ("model",), RATIO_BOUNDS
)
UPSTREAM_FIRST_CHUNK = Definition(
    "aligntax_upstream_time_to_first_chunk_seconds",
    "histogram",
    "From the call of the model to its first piece of a streamed answer.",
    ("model",),
    REQUEST_BOUNDS,
)
FIRST_CHUNK = Definition(
    "aligntax_time_to_first_chunk_seconds",
    "histogram",
    "From the start of the request to the first piece of a streamed answer that was passed on.",
    ("model",),
    REQUEST_BOUNDS,
)
UPSTREAM_INTER_CHUNK = Definition(
    "aligntax_upstream_inter_chunk_seconds",
    "histogram",
    "How long the model took for each further piece of a streamed answer.",
    ("model",),
    FINE_BOUNDS,
)
INTER_CHUNK = Definition(
    "aligntax_inter_chunk_seconds",
    "histogram",
    "How long each further piece of a streamed answer took to be passed on, waiting for the client left out.",
    ("model",),
    FINE_BOUNDS,
)
DISCARDED_MODEL = Definition(
    "aligntax_discarded_model_seconds",
    "counter",
    "Model time spent on requests that the layer then blocked.",
    ("model", "layer"),
)
UNATTRIBUTED = Definition(
    "aligntax_unattributed_seconds", "counter", "Request time on the critical path in which no layer ran."
)
INSTRUMENTATION = Definition("aligntax_instrumentation_seconds", "counter", "What the profiler itself cost.", ("part",))
DROPPED = Definition("aligntax_observations_dropped", "counter", "Observations that were lost.", ("reason",))
LAYER_INFO = Definition("aligntax_layer", "info", "What a layer is.", (*_LAYER, "kind"))
BUILD_INFO = Definition("aligntax_build", "info", "The version of aligntax that answers.", ("version",))
DEVICE_ENERGY = Definition(
    "aligntax_device_energy_joules",
    "counter",
    "Energy that a device used since its sensor was opened; estimated where the source says so.",
    ("device", "source"),
)
DEVICE_MEMORY = Definition("aligntax_device_memory_bytes", "gauge", "Memory in use.", ("device", "source"))
DEVICE_UTILIZATION = Definition(
    "aligntax_device_utilization_ratio", "gauge", "Share of the time that a device works.", ("device", "source")
)

DEFINITIONS = (
    LAYER_DURATION,
    LAYER_TAX,
    LAYER_CPU,
    LAYER_GPU,
    LAYER_VERDICTS,
    LAYER_ERRORS,
    LAYER_RUNNING,
    STREAM_HOLD,
    MODEL_DURATION,
    REQUEST_DURATION,
    REQUEST_TAX,
    REQUEST_TAX_RATIO,
    UPSTREAM_FIRST_CHUNK,
    FIRST_CHUNK,
    UPSTREAM_INTER_CHUNK,
    INTER_CHUNK,
    DISCARDED_MODEL,
    UNATTRIBUTED,
    INSTRUMENTATION,
    DROPPED,
    LAYER_INFO,
    BUILD_INFO,
    DEVICE_ENERGY,
    DEVICE_MEMORY,
    DEVICE_UTILIZATION,
)
"""Every metric that a scrape may hold, in the order of exposition."""
