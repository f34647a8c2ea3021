"""What a ledger counts: the names of its arrays, their shapes, and the rows and columns that have fixed meanings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, get_args

from aligntax.histogram import BUCKETS
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
    "export",
    "internal_error",
)
PARTS = ("record", "drain", "scrape")
OTHER = "other"
NO_MODEL = "none"
MAX_LAYERS = 1 << 16
MAX_ERROR_TYPES = 16
MAX_DEVICES = 16

LAYER_FIELDS: Mapping[str, tuple[int, ...]] = {
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
    "holds": (BUCKETS,),
    "holds_ns": (),
}
MODEL_FIELDS: Mapping[str, tuple[int, ...]] = {
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
    "upstream_first": (BUCKETS,),
    "upstream_first_ns": (),
    "first": (BUCKETS,),
    "first_ns": (),
    "upstream_gaps": (BUCKETS,),
    "upstream_gaps_ns": (),
    "gaps": (BUCKETS,),
    "gaps_ns": (),
}

Table = Literal["layers", "models", "error_types", "devices"]
TABLES: tuple[Table, ...] = get_args(Table)
NameHook = Callable[[Table, int, Layer | str], None]
"""Is called with a table, a row of it, and the name that the row has got."""


class Field(NamedTuple):
    """One array of a ledger: its name, its shape, and the table whose rows its first axis has; None for no table."""

    name: str
    shape: tuple[int, ...]
    rows: Literal["layers", "models"] | None


def fields(max_layers: int, max_models: int) -> Iterator[Field]:
    """Yield the arrays of a ledger of this size, in the order in which its buffer holds them."""
    for name, shape in LAYER_FIELDS.items():
        yield Field(name, (max_layers, *shape), "layers")
    for name, shape in MODEL_FIELDS.items():
        yield Field(name, (max_models, *shape), "models")
    yield Field("discarded_ns", (max_models, max_layers), "models")
    yield Field("closure_ns", (4,), None)
    yield Field("instrument_ns", (len(PARTS),), None)
    yield Field("recorded_spans", (1,), None)
    yield Field("dropped", (len(DROP_REASONS),), None)


def buffer_size(max_layers: int, max_models: int) -> int:
    """Return how many integers the buffer of a ledger of this size holds."""
    return sum(math.prod(field.shape) for field in fields(max_layers, max_models))
