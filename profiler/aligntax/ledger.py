"""The aggregate of everything drained so far: counters and histograms as fixed-shape integer arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from aligntax.histogram import BUCKETS, EDGES, NANO, Int64Array, bucket_of
from aligntax.ledger_arrays import LedgerArrays
from aligntax.ledger_fields import MAX_ERROR_TYPES, OUTCOMES, VERDICTS, fields
from aligntax.trace import Layer


class Ledger(LedgerArrays):
    """Counters and histograms of layers, models and the instrument itself.

    `LedgerArrays` says which there are, and for how many layers and models there is room.

    Writers hold `lock` while they add one batch; `copy` holds it while it copies. The recording path never takes it.
    The buffer may be replaced by another one, see `move`; so arrays are not to be kept beyond a batch.
    """

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
