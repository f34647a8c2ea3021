"""One trace as plain data, for files: schema `aligntax.trace/1`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aligntax.attribution import Attribution
from aligntax.trace import Span, Trace

__all__ = ["MAX_SPANS", "SCHEMA", "record"]

SCHEMA = "aligntax.trace/1"
MAX_SPANS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record(trace: Trace, found: Attribution, unix_offset_ns: int) -> dict[str, Any]:
    """Return a trace and its attribution as plain data.

    It holds `schema`, `start` (ISO 8601, UTC), `trace_id`, `model`, `outcome`, `duration_ns`, `raw_ns`, `tax_ns`,
    `unattributed_ns`, `shares_ns` by guard, and `spans`: of each its `layer`, `kind`, `stage`, `offset_ns` from the
    request's start, `duration_ns`, `verdict`, `parent` (index of the span whose call made it), `call` (the same number
    in all runs of one streaming call), `cpu_ns`, `gpu_ns`, `gpu_offset_ns` (as `offset_ns`, on the GPU), `gpu_device`
    and `error_type`. What is not known is null. Of more than `MAX_SPANS` spans the first are written; `spans_left_out`
    says how many are not.

    Args:
        trace: one request.
        found: its attribution.
        unix_offset_ns: what the trace's clock lacks to the time since 1970.
    """
    start = _EPOCH + timedelta(microseconds=(unix_offset_ns + trace.start_ns) // 1000)
    return {
        "schema": SCHEMA,
        "start": start.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "trace_id": trace.trace_id,
        "model": trace.model,
        "outcome": trace.outcome.value,
        "duration_ns": trace.duration_ns,
        "raw_ns": found.raw_ns,
        "tax_ns": found.tax_ns,
        "unattributed_ns": found.unattributed_ns,
        "shares_ns": {name: part.share_ns for name, part in found.layers.items() if part.layer.kind == "guard"},
        "spans": [_span(span, trace.start_ns) for span in trace.spans[:MAX_SPANS]],
        "spans_left_out": max(0, len(trace.spans) - MAX_SPANS),
    }


def _span(span: Span, origin_ns: int) -> dict[str, Any]:
    gpu_ns = gpu_offset_ns = None
    if span.gpu_start_ns is not None and span.gpu_end_ns is not None:
        gpu_ns, gpu_offset_ns = span.gpu_end_ns - span.gpu_start_ns, span.gpu_start_ns - origin_ns
    return {
        "layer": span.layer.name,
        "kind": span.layer.kind,
        "stage": span.layer.stage,
        "offset_ns": span.start_ns - origin_ns,
        "duration_ns": span.duration_ns,
        "verdict": None if span.verdict is None else span.verdict.value,
        "parent": span.parent if span.parent is not None and span.parent < MAX_SPANS else None,
        "call": span.call or None,
        "cpu_ns": span.cpu_ns,
        "gpu_ns": gpu_ns,
        "gpu_offset_ns": gpu_offset_ns,
        "gpu_device": span.gpu_device,
        "error_type": span.error_type,
    }
