"""What a test reads off a trace: spans as short tuples, and a layer's own time."""

from __future__ import annotations

from aligntax import Profiler, Trace, attribute
from aligntax.trace import Outcome


def spans(trace: Trace) -> list[tuple[str, int, int, str | None]]:
    """Name, start, end and verdict of every span, by start, then end."""
    rows = [(span.layer.name, span.start_ns, span.end_ns, span.verdict) for span in trace.spans]
    return sorted(rows, key=lambda row: (row[1], row[2]))


def parents(trace: Trace) -> dict[tuple[str, int], str | None]:
    """The layer that each span is nested in, by the span's layer and start."""
    return {
        (span.layer.name, span.start_ns): None if span.parent is None else trace.spans[span.parent].layer.name
        for span in trace.spans
    }


def own_ns(trace: Trace) -> dict[str, int]:
    """Time on the critical path that each layer itself took, nested layers left out."""
    return {name: part.critical_ns for name, part in attribute(trace).layers.items()}


def busy_ns(trace: Trace) -> dict[str, int]:
    """Time in each layer's spans, nested layers included."""
    return {name: part.busy_ns for name, part in attribute(trace).layers.items()}


def outcome(trace: Trace) -> Outcome:
    """How the request ended."""
    return trace.outcome


def dropped(profiler: Profiler) -> dict[str, int]:
    """What was lost so far, by reason."""
    return profiler.report().to_dict()["self"]["dropped_by_reason"]


def errors(profiler: Profiler, layer: str) -> dict[str, int]:
    """Failed calls of one layer so far, by class name."""
    return next(row["errors"] for row in profiler.report().to_dict()["layers"] if row["layer"] == layer)
