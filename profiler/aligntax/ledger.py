"""The aggregate of everything drained so far: counters and histograms as fixed-shape integer arrays.

One `int64` buffer holds it all; the named arrays are views. Adding two ledgers of the same shape is therefore one
vector addition, and the buffer can live in a file. Memory is fixed when the ledger is made: see `bytes_per_layer`
and `bytes_per_model`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from aligntax.batch_lock import BatchLock
from aligntax.histogram import BUCKETS, EDGES, NANO, Int64Array, bucket_of
from aligntax.ledger_fields import (
    LAYER_FIELDS,
    MAX_DEVICES,
    MAX_ERROR_TYPES,
    MAX_LAYERS,
    MODEL_FIELDS,
    NO_MODEL,
    OTHER,
    OUTCOMES,
    TABLES,
    VERDICTS,
    NameHook,
    Table,
    buffer_size,
    fields,
)
from aligntax.trace import Layer


class Ledger:
    """Counters and histograms of layers, models and the instrument itself.

    Writers hold `lock` while they add one batch; `copy` holds it while it copies. The recording path never takes it.
    The buffer may be replaced by another one, see `move`; so arrays are not to be kept beyond a batch.

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
        holds: how long a guard kept pieces of a stream back, shape (max_layers, BUCKETS).
        upstream_first, first, upstream_gaps, gaps: of streamed answers, time to the first piece and between further
            ones, as the model made them and as they were passed on; shape (max_models, BUCKETS).
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
    holds: Int64Array
    holds_ns: Int64Array
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
    upstream_first: Int64Array
    upstream_first_ns: Int64Array
    first: Int64Array
    first_ns: Int64Array
    upstream_gaps: Int64Array
    upstream_gaps_ns: Int64Array
    gaps: Int64Array
    gaps_ns: Int64Array
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
        self.lock = BatchLock()
        self.on_name: NameHook = _nobody_asks
        self._bind(np.zeros(buffer_size(max_layers, max_models), dtype=np.int64))

    def _bind(self, buffer: Int64Array) -> None:
        self.buffer: Int64Array = buffer
        offset = 0
        for name, shape, _ in fields(self.max_layers, self.max_models):
            size = math.prod(shape)
            setattr(self, name, buffer[offset : offset + size].reshape(shape))
            offset += size

    def move(
        self,
        buffer: Int64Array,
        sequence: Int64Array | None = None,
        on_name: NameHook | None = None,
    ) -> None:
        """Go on counting in other memory, which gets all that has been counted so far.

        Args:
            buffer: of the same size as the present one.
            sequence: where `lock` counts from now on; shape (1,).
            on_name: is called for each row that has a name now, and for each that gets one later, before anything is
                counted there.
        """
        with self.lock.unmarked:
            self.on_name = on_name or _nobody_asks
            for table in TABLES:
                for row, name in enumerate(getattr(self, table)):
                    self.on_name(table, row, name)
            np.copyto(buffer, self.buffer)
            self._bind(buffer)
            self.lock.sequence = np.zeros(1, dtype=np.int64) if sequence is None else sequence

    def start_anew(self) -> None:
        """Count from zero in private memory, behind a new lock. For a forked child, where nobody else has the old."""
        self.lock = BatchLock()
        self.on_name = _nobody_asks
        self._bind(np.zeros(self.buffer.shape, dtype=np.int64))

    @property
    def bytes_per_layer(self) -> int:
        """Bytes that one layer's row takes, used or not."""
        return 8 * (sum(math.prod(shape) for shape in LAYER_FIELDS.values()) + self.max_models)

    @property
    def bytes_per_model(self) -> int:
        """Bytes that one model's row takes, used or not, beside the model's row as a layer."""
        return 8 * (sum(math.prod(shape) for shape in MODEL_FIELDS.values()) + self.max_layers)

    def layer_row(self, layer: Layer) -> int:
        """Return the row of `layer`, giving it one if it has none.

        Raises:
            ValueError: if the name stands for another layer already, or if all rows are taken.
        """
        with self.lock.unmarked:
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
            self.on_name("layers", len(self.layers) - 1, layer)
            return len(self.layers) - 1

    def model_row(self, model: str | None) -> int:
        """Return the row of `model`, or the row for requests without one where there is no room for it."""
        return self._bounded_row("models", model or NO_MODEL, self.max_models)

    def error_row(self, error_type: str) -> int:
        """Return the row of an exception's class name, or that of `other` where there is no room for it."""
        return self._bounded_row("error_types", error_type, MAX_ERROR_TYPES)

    def device_row(self, device: str) -> int:
        """Return the row of a GPU, or that of `other` where there is no room for it."""
        return self._bounded_row("devices", device, MAX_DEVICES)

    def _bounded_row(self, table: Table, name: str, size: int) -> int:
        names: list[str] = getattr(self, table)
        if name in names:
            return names.index(name)
        with self.lock.unmarked:
            if name in names:
                return names.index(name)
            if len(names) == size:
                return 0
            names.append(name)
            self.on_name(table, len(names) - 1, name)
            return len(names) - 1

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

    def add_chunks(self, name: str, row: int, values_ns: Int64Array) -> None:
        """Count times of the pieces of a streamed answer in one of the histograms; `values_ns` has shape (n,)."""
        rows = np.full(len(values_ns), row)
        _count(getattr(self, name), rows, values_ns)
        getattr(self, f"{name}_ns")[row] += values_ns.sum()

    def add_holds(self, rows: Int64Array, holds_ns: Int64Array) -> None:
        """Count how long guards kept pieces of a stream back; shape (n,)."""
        _count(self.holds, rows, holds_ns)
        _add(self.holds_ns, rows, holds_ns)

    def copy(self) -> Ledger:
        """Return an independent copy, consistent between batches."""
        twin = Ledger(self.max_layers, self.max_models)
        with self.lock.unmarked:
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
        self.add(theirs, [self.layer_row(layer) for layer in theirs.layers])

    def add(self, theirs: Ledger, layer_rows: Sequence[int]) -> None:
        """Add a ledger that nobody else writes to.

        Args:
            theirs: what to add.
            layer_rows: for each of its layers the row here, perhaps one for several. Models, error types and devices
                are matched by name.
        """
        layers = list(layer_rows)
        models = [self.model_row(model) for model in theirs.models]
        columns = {
            "errors": [self.error_row(name) for name in theirs.error_types],
            "gpu_ns": [self.device_row(name) for name in theirs.devices],
        }
        places = {"layers": layers, "models": models}
        with self.lock:
            for name, _, axis in fields(self.max_layers, self.max_models):
                mine, others = getattr(self, name), getattr(theirs, name)
                if name == "discarded_ns":
                    columns[name] = layers
                if axis is None:
                    mine += others
                elif name in columns:
                    width = len(columns[name])
                    cells = np.ix_(places[axis], columns[name])
                    np.add.at(mine, cells, others[: len(places[axis]), :width])
                else:
                    # Row by row: `numpy.add.at` takes ten times as long where the rows are long.
                    for row, source in zip(places[axis], others, strict=False):
                        mine[row] += source


class View(NamedTuple):
    """What there is to show: a ledger that nobody else writes to, and how many calls of its layers are running."""

    ledger: Ledger
    running: Mapping[Layer, int]


def _count(histograms: Int64Array, rows: Int64Array, values: Int64Array) -> None:
    np.add.at(histograms.reshape(-1), rows * BUCKETS + bucket_of(values), 1)


def _add(sums: Int64Array, rows: Int64Array, values: Int64Array) -> None:
    np.add.at(sums, rows, values)


def _nobody_asks(_table: Table, _row: int, _name: Layer | str) -> None:
    """Stand for whoever wants to know the names of rows, where nobody does."""
