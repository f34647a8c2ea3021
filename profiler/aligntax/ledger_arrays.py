"""Named integer arrays in one buffer, and the names of their rows: the memory of a ledger.

One `int64` buffer holds it all; the arrays are views. Adding two ledgers of the same shape is therefore one vector
addition, and the buffer can live in a file.
"""

from __future__ import annotations

import math

import numpy as np

from aligntax.batch_lock import BatchLock
from aligntax.histogram import Int64Array
from aligntax.ledger_fields import (
    LAYER_FIELDS,
    MAX_DEVICES,
    MAX_ERROR_TYPES,
    MAX_LAYERS,
    MODEL_FIELDS,
    NO_MODEL,
    OTHER,
    TABLES,
    NameHook,
    Table,
    buffer_size,
    fields,
)
from aligntax.trace import Layer


class LedgerArrays:
    """Memory of a fixed size, see `bytes_per_layer` and `bytes_per_model`, that may be moved, see `move`.

    Writers hold `lock`, and so does who gives a row its name.

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


def _nobody_asks(_table: Table, _row: int, _name: Layer | str) -> None:
    """Stand for whoever wants to know the names of rows, where nobody does."""
