"""The aggregate of everything drained so far: counters and histograms as fixed-shape integer arrays.

One `int64` buffer holds it all; the named arrays are views. Adding two ledgers of the same shape is therefore one
vector addition, and the buffer can live in a file. Memory is fixed when the ledger is made: see `bytes_per_layer`
and `bytes_per_model`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping

import numpy as np

from aligntax.histogram import BUCKETS, EDGES, NANO, Int64Array, bucket_of
from aligntax.trace import Layer, Outcome, Verdict

VERDICTS: tuple[Verdict, ...] = tuple(Verdict)
OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)
DROP_REASONS = (
    "queue_full",
    "trace_full",
    "orphan_span",
    "late_span",
    "closed",
    "event_pool",
    "gpu_pending",
    "verdict_mapper",
    "internal_error",
)
PARTS = ("record", "drain", "scrape")
OTHER = "other"
NO_MODEL = "none"
MAX_LAYERS = 1 << 16
MAX_ERROR_TYPES = 16
MAX_DEVICES = 16

_LAYER_FIELDS: Mapping[str, tuple[int, ...]] = {
    "calls": (BUCKETS,),
    "calls_ns": (),
    "taxes": (BUCKETS,),
    "taxes_ns": (),
    "busy_ns": (),
    "critical_ns": (),
    "drag_ns": (),
    "verdicts": (len(VERDICTS),),
    "errors": (MAX_ERROR_TYPES,),
    "cpu_ns": (),
    "cpu_sampled_ns": (),
    "cpu_sampled_calls": (),
    "gpu_ns": (MAX_DEVICES,),
}
_MODEL_FIELDS: Mapping[str, tuple[int, ...]] = {
    "requests": (len(OUTCOMES), BUCKETS),
    "requests_ns": (len(OUTCOMES),),
    "raw": (BUCKETS,),
    "raw_ns": (),
    "tax": (BUCKETS,),
    "tax_ns": (),
    "ratio": (BUCKETS,),
    "ratio_nano": (),
    "unattributed": (BUCKETS,),
    "unattributed_ns": (),
}


class Ledger:
    """Counters and histograms of layers, models and the instrument itself.

    Writers hold `lock` while they add one batch; `copy` holds it while it copies. The recording path never takes it.

    Args:
        max_layers: how many layers (guards and models together) there is room for.
        max_models: how many models there is room for, the row for requests without a model included.

    Attributes:
        layers, models, error_types, devices: the names behind the rows, in row order.
        calls: durations of calls, shape (max_layers, BUCKETS); `calls_ns` their sum, and so on for each pair.
        taxes: a guard's share of one request's tax, for allowed and modified requests; same shape.
        requests: request durations by outcome, shape (max_models, outcomes, BUCKETS).
        raw, tax, ratio, unattributed: per request that ran to its end, shape (max_models, BUCKETS).
        discarded_ns: model time later blocked by a layer, shape (max_models, max_layers).
        cpu_ns: CPU time of all calls, estimated from `cpu_sampled_ns` in `cpu_sampled_calls` of them.
        gpu_ns: GPU time by device, shape (max_layers, MAX_DEVICES).
        closure_ns: request, guard, model and unattributed time of all requests; the first is the sum of the rest.
        instrument_ns: what recording, draining and scraping cost. recorded_spans: how many spans `record` covers.
        dropped: observations that were lost, by reason.
    """

    calls: Int64Array
    calls_ns: Int64Array
    taxes: Int64Array
    taxes_ns: Int64Array
    busy_ns: Int64Array
    critical_ns: Int64Array
    drag_ns: Int64Array
    verdicts: Int64Array
    errors: Int64Array
    cpu_ns: Int64Array
    cpu_sampled_ns: Int64Array
    cpu_sampled_calls: Int64Array
    gpu_ns: Int64Array
    requests: Int64Array
    requests_ns: Int64Array
    raw: Int64Array
    raw_ns: Int64Array
    tax: Int64Array
    tax_ns: Int64Array
    ratio: Int64Array
    ratio_nano: Int64Array
    unattributed: Int64Array
    unattributed_ns: Int64Array
    discarded_ns: Int64Array
    closure_ns: Int64Array
    instrument_ns: Int64Array
    recorded_spans: Int64Array
    dropped: Int64Array

    def __init__(self, max_layers: int = 128, max_models: int = 16) -> None:
        if not 1 <= max_layers <= MAX_LAYERS or max_models < 2:
            raise ValueError(
                f"max_layers={max_layers} and max_models={max_models}; at least 1 and 2 are needed, and at most "
                f"{MAX_LAYERS} layers have a number"
            )
        self.max_layers = max_layers
        self.max_models = max_models
        self.layers: list[Layer] = []
        self.models: list[str] = [NO_MODEL]
        self.error_types: list[str] = [OTHER]
        self.devices: list[str] = [OTHER]
        self.lock = threading.Lock()
        shapes = dict(self._shapes())
        self.buffer: Int64Array = np.zeros(sum(math.prod(shape) for shape in shapes.values()), dtype=np.int64)
        offset = 0
        for name, shape in shapes.items():
            size = math.prod(shape)
            setattr(self, name, self.buffer[offset : offset + size].reshape(shape))
            offset += size

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for name, shape in _LAYER_FIELDS.items():
            yield name, (self.max_layers, *shape)
        for name, shape in _MODEL_FIELDS.items():
            yield name, (self.max_models, *shape)
        yield "discarded_ns", (self.max_models, self.max_layers)
        yield "closure_ns", (4,)
        yield "instrument_ns", (len(PARTS),)
        yield "recorded_spans", (1,)
        yield "dropped", (len(DROP_REASONS),)

    @property
    def bytes_per_layer(self) -> int:
        """Bytes that one layer's row takes, used or not."""
        return 8 * (sum(math.prod(shape) for shape in _LAYER_FIELDS.values()) + self.max_models)

    @property
    def bytes_per_model(self) -> int:
        """Bytes that one model's row takes, used or not, beside the model's row as a layer."""
        return 8 * (sum(math.prod(shape) for shape in _MODEL_FIELDS.values()) + self.max_layers)

    def layer_row(self, layer: Layer) -> int:
        """Return the row of `layer`, giving it one if it has none.

        Raises:
            ValueError: if the name stands for another layer already, or if all rows are taken.
        """
        with self.lock:
            for row, known in enumerate(self.layers):
                if known == layer:
                    return row
                if known.name == layer.name:
                    raise ValueError(
                        f"layer name {layer.name!r} is taken by a {known.kind} of stage {known.stage!r}; "
                        "give this layer another name"
                    )
            if len(self.layers) == self.max_layers:
                raise ValueError(
                    f"no room for layer {layer.name!r}: all {self.max_layers} rows are taken; "
                    "raise Profiler(max_layers=...) or reuse a layer"
                )
            self.layers.append(layer)
            return len(self.layers) - 1

    def model_row(self, model: str | None) -> int:
        """Return the row of `model`, or the row for requests without one where there is no room for it."""
        return self._bounded_row(self.models, model or NO_MODEL, self.max_models)

    def error_row(self, error_type: str) -> int:
        """Return the row of an exception's class name, or that of `other` where there is no room for it."""
        return self._bounded_row(self.error_types, error_type, MAX_ERROR_TYPES)

    def device_row(self, device: str) -> int:
        """Return the row of a GPU, or that of `other` where there is no room for it."""
        return self._bounded_row(self.devices, device, MAX_DEVICES)

    def _bounded_row(self, table: list[str], name: str, size: int) -> int:
        if name in table:
            return table.index(name)
        with self.lock:
            if name in table:
                return table.index(name)
            if len(table) == size:
                return 0
            table.append(name)
            return len(table) - 1

    def add_calls(self, rows: Int64Array, durations_ns: Int64Array, verdicts: Int64Array, errors: Int64Array) -> None:
        """Count calls. All arrays have shape (n,); `errors` holds rows of error types, -1 where there was none."""
        _count(self.calls, rows, durations_ns)
        _add(self.calls_ns, rows, durations_ns)
        np.add.at(self.verdicts.reshape(-1), rows * len(VERDICTS) + verdicts, 1)
        failed = errors >= 0
        if failed.any():
            np.add.at(self.errors.reshape(-1), rows[failed] * MAX_ERROR_TYPES + errors[failed], 1)

    def add_shares(self, rows: Int64Array, shares_ns: Int64Array) -> None:
        """Count one guard's share of one request's tax per element; shape (n,)."""
        _count(self.taxes, rows, shares_ns)
        _add(self.taxes_ns, rows, shares_ns)

    def add_times(self, rows: Int64Array, busy_ns: Int64Array, critical_ns: Int64Array, drag_ns: Int64Array) -> None:
        """Add a layer's busy, critical and drag time on one request per element; shape (n,)."""
        _add(self.busy_ns, rows, busy_ns)
        _add(self.critical_ns, rows, critical_ns)
        _add(self.drag_ns, rows, drag_ns)

    def add_requests(self, rows: Int64Array, outcomes: Int64Array, durations_ns: Int64Array) -> None:
        """Count finished requests; `rows` are models, `outcomes` indices into `OUTCOMES`; shape (n,)."""
        keys = rows * len(OUTCOMES) + outcomes
        _count(self.requests.reshape(-1, BUCKETS), keys, durations_ns)
        _add(self.requests_ns.reshape(-1), keys, durations_ns)

    def add_comparisons(
        self, rows: Int64Array, raw_ns: Int64Array, tax_ns: Int64Array, unattributed_ns: Int64Array
    ) -> None:
        """Count the tax of requests that ran to their end; `rows` are models; shape (n,).

        The ratio of a request without raw time is left out: it has none.
        """
        _count(self.raw, rows, raw_ns)
        _add(self.raw_ns, rows, raw_ns)
        _count(self.tax, rows, tax_ns)
        _add(self.tax_ns, rows, tax_ns)
        _count(self.unattributed, rows, unattributed_ns)
        _add(self.unattributed_ns, rows, unattributed_ns)
        comparable = raw_ns > 0
        ratios = np.minimum(tax_ns[comparable] / raw_ns[comparable], EDGES[-1] / NANO) * NANO
        ratios_nano = np.rint(ratios).astype(np.int64)
        _count(self.ratio, rows[comparable], ratios_nano)
        _add(self.ratio_nano, rows[comparable], ratios_nano)

    def copy(self) -> Ledger:
        """Return an independent copy, consistent between batches."""
        twin = Ledger(self.max_layers, self.max_models)
        with self.lock:
            twin.layers, twin.models = list(self.layers), list(self.models)
            twin.error_types, twin.devices = list(self.error_types), list(self.devices)
            np.copyto(twin.buffer, self.buffer)
        return twin

    def merge(self, other: Ledger) -> None:
        """Add what `other` holds to this ledger, matching rows by name.

        Raises:
            ValueError: if a name stands for different layers in the two, or if there is no room.
        """
        theirs = other.copy()
        layers = np.array([self.layer_row(layer) for layer in theirs.layers], dtype=np.intp)
        models = np.array([self.model_row(model) for model in theirs.models], dtype=np.intp)
        errors = np.array([self.error_row(name) for name in theirs.error_types], dtype=np.intp)
        devices = np.array([self.device_row(name) for name in theirs.devices], dtype=np.intp)
        columns = {"errors": errors, "gpu_ns": devices}
        with self.lock:
            for name in _LAYER_FIELDS:
                source = getattr(theirs, name)[: len(layers)]
                if name in columns:
                    source = source[:, : len(columns[name])]
                    np.add.at(getattr(self, name), np.ix_(layers, columns[name]), source)
                else:
                    np.add.at(getattr(self, name), layers, source)
            for name in _MODEL_FIELDS:
                np.add.at(getattr(self, name), models, getattr(theirs, name)[: len(models)])
            np.add.at(self.discarded_ns, np.ix_(models, layers), theirs.discarded_ns[: len(models), : len(layers)])
            for name in ("closure_ns", "instrument_ns", "recorded_spans", "dropped"):
                getattr(self, name)[:] += getattr(theirs, name)


def _count(histograms: Int64Array, rows: Int64Array, values: Int64Array) -> None:
    np.add.at(histograms.reshape(-1), rows * BUCKETS + bucket_of(values), 1)


def _add(sums: Int64Array, rows: Int64Array, values: Int64Array) -> None:
    np.add.at(sums, rows, values)
