"""The last requests of this process, as plain data for the waterfall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aligntax.attribution import attribute
from aligntax.histogram import NANO
from aligntax.trace import Span, Trace

MAX_REQUESTS = 64
MAX_SPANS = 48
"""Spans shown of one request, the longest ones: more could not be told apart in a waterfall."""

Key = tuple[str, int, int, int]


class RecentRequests:
    """Turns traces into plain data, and remembers what it made of each one for as long as it is shown."""

    def __init__(self) -> None:
        self._known: dict[Key, dict[str, Any]] = {}

    def render(self, traces: Sequence[Trace]) -> list[dict[str, Any]]:
        """Return the last 64 of the traces, oldest first; in seconds, the spans' counted from the start of theirs.

        A trace that cannot be attributed is left out, as it is everywhere: the ledger counts it as an internal error.
        """
        known, self._known = self._known, {}
        started: Counter[int] = Counter()
        for trace in traces[-MAX_REQUESTS:]:
            name = f"{trace.start_ns}.{started[trace.start_ns]}"
            started[trace.start_ns] += 1
            # GPU times come in later, and change what there is to say.
            measured = sum(span.gpu_end_ns is not None for span in trace.spans)
            key = (name, trace.end_ns, len(trace.spans), measured)
            if key in known:
                self._known[key] = known[key]
                continue
            try:
                self._known[key] = _request(trace, name)
            except ValueError:
                continue
        return list(self._known.values())


def _request(trace: Trace, name: str) -> dict[str, Any]:
    found = attribute(trace)
    places = sorted(range(len(trace.spans)), key=lambda place: -trace.spans[place].duration_ns)[:MAX_SPANS]
    places.sort(key=lambda place: (trace.spans[place].start_ns, -trace.spans[place].end_ns))
    return {
        "id": name,
        "end_seconds": trace.end_ns / NANO,
        "duration_seconds": trace.duration_ns / NANO,
        "outcome": trace.outcome.value,
        "model": trace.model,
        "trace_id": trace.trace_id,
        "tax_seconds": found.tax_ns / NANO,
        "raw_seconds": found.raw_ns / NANO,
        "shares_seconds": {
            layer: part.share_ns / NANO for layer, part in found.layers.items() if part.layer.kind == "guard"
        },
        "spans": [_span(trace, trace.spans[place]) for place in places],
        "spans_left_out": len(trace.spans) - len(places),
    }


def _span(trace: Trace, span: Span) -> dict[str, Any]:
    shown = {
        "layer": span.layer.name,
        "kind": span.layer.kind,
        "stage": span.layer.stage,
        "start_seconds": (span.start_ns - trace.start_ns) / NANO,
        "duration_seconds": span.duration_ns / NANO,
        "depth": _depth(trace, span),
        "verdict": None if span.verdict is None else span.verdict.value,
        "error_type": span.error_type,
    }
    if span.gpu_start_ns is not None and span.gpu_end_ns is not None:
        shown["gpu_seconds"] = (span.gpu_end_ns - span.gpu_start_ns) / NANO
    return shown


def _depth(trace: Trace, span: Span) -> int:
    """Return in how many calls this one was made; `attribute` has refused cycles."""
    depth = 0
    while span.parent is not None:
        span = trace.spans[span.parent]
        depth += 1
    return depth
