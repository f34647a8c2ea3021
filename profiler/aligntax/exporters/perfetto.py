"""Traces in the Chrome trace-event format, for https://ui.perfetto.dev and chrome://tracing.

Source: "Trace Event Format" (Chromium), complete events "X" and metadata events "M"; times are in microseconds.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.attribution import Attribution, attribute
from aligntax.trace import Span, Trace
from aligntax.whole_file import write_whole

Event = dict[str, Any]


class Bar(NamedTuple):
    """One rectangle of the picture: from when to when, and the position of its span in the trace."""

    start_ns: int
    end_ns: int
    span: int


def write_chrome_trace(traces: Sequence[Trace], path: Path | str) -> None:
    """Write traces as Chrome trace-event JSON; the file is complete or not there at all.

    Args:
        traces: requests on one clock, e.g. `profiler.traces()`.
        path: where to write; an existing file is replaced.

    Raises:
        TypeError, ValueError: as `chrome_trace`.
    """
    write_whole(path, json.dumps(chrome_trace(traces), separators=(",", ":")) + "\n")


def chrome_trace(traces: Sequence[Trace]) -> dict[str, Any]:
    """Return traces as Chrome trace-event data, which `json` can write.

    Each request is a process. It has one track for the request itself, one for every thread that ended a call, and
    one for every GPU. A viewer draws an event inside another one of its track as called by it; calls that overlap
    in time without being nested therefore get further tracks.

    Args:
        traces: requests on one clock. The time axis starts with the earliest of them.

    Returns:
        The trace-event object. An event's arguments hold what the tax arithmetic says of its layer, over all calls
        of that layer in the request: `share_ns`, `critical_ns`, `drag_ns`. No prompts or answers: a trace has none.

    Raises:
        TypeError: for a single trace in place of a sequence.
        ValueError: for a trace that cannot be attributed; see `aligntax.attribute`.
    """
    if isinstance(traces, Trace):
        raise TypeError("chrome_trace takes a sequence of traces; pass [trace]")
    origin_ns = min((start for trace in traces for start in _starts(trace)), default=0)
    # Numbers of tracks are not used for processes as well: viewers take a thread of that number for the main one.
    tracks = itertools.count(len(traces) + 1)
    events: list[Event] = []
    for process, trace in enumerate(traces, start=1):
        events += _request(trace, process, origin_ns, tracks)
    return {"displayTimeUnit": "ns", "traceEvents": events}


def _starts(trace: Trace) -> Iterator[int]:
    yield trace.start_ns
    for span in trace.spans:
        yield span.start_ns
        if span.gpu_start_ns is not None:
            yield span.gpu_start_ns


def _request(trace: Trace, process: int, origin_ns: int, tracks: Iterator[int]) -> Iterator[Event]:
    found = attribute(trace)
    title = f"request {process}: {trace.outcome}" + (f", {trace.model}" if trace.model else "")
    yield _metadata("process_name", process, 0, {"name": title})
    yield _metadata("process_sort_index", process, 0, {"sort_index": process})

    track = next(tracks)
    yield _metadata("thread_name", process, track, {"name": "request"})
    yield _metadata("thread_sort_index", process, track, {"sort_index": track})
    whole = {"ph": "X", "pid": process, "tid": track, "name": "request", "cat": "request"}
    yield whole | _times(trace.start_ns, trace.end_ns, origin_ns) | {"args": _request_arguments(trace, found)}

    for title, category, bars in _groups(trace):
        for number, lane in enumerate(_lanes(bars, trace, nested=category == "layer"), start=1):
            track = next(tracks)
            name = title if number == 1 else f"{title} ({number})"
            yield _metadata("thread_name", process, track, {"name": name})
            yield _metadata("thread_sort_index", process, track, {"sort_index": track})
            for start_ns, end_ns, position in lane:
                span = trace.spans[position]
                event = {"ph": "X", "pid": process, "tid": track, "name": span.layer.name, "cat": category}
                yield event | _times(start_ns, end_ns, origin_ns) | {"args": _arguments(span, found)}


def _groups(trace: Trace) -> Iterator[tuple[str, str, list[Bar]]]:
    """Yield the title, category and bars of each thread and then of each GPU, in the order of their first work."""
    strands: dict[int, list[Bar]] = {}
    devices: dict[str, list[Bar]] = {}
    for position, span in sorted(enumerate(trace.spans), key=lambda pair: pair[1].start_ns):
        strands.setdefault(span.strand, []).append(Bar(span.start_ns, span.end_ns, position))
        if span.gpu_start_ns is not None and span.gpu_end_ns is not None:
            bar = Bar(span.gpu_start_ns, span.gpu_end_ns, position)
            devices.setdefault(span.gpu_device or "gpu", []).append(bar)
    for strand, bars in strands.items():
        yield f"thread {strand}", "layer", bars
    for device, bars in devices.items():
        yield device, "gpu", bars


def _lanes(bars: Iterable[Bar], trace: Trace, *, nested: bool) -> list[list[Bar]]:
    """Distribute bars to lanes by first fit.

    In a lane, a bar lies inside another one only if its span was called by the other's, directly or not; they do not
    overlap in any other way. Without `nested` they do not overlap at all.
    """
    depths = [len(list(_callers(trace, position))) for position in range(len(trace.spans))]
    lanes: list[list[Bar]] = []
    open_bars: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: (bar.start_ns, -bar.end_ns, depths[bar.span], bar.span)):
        callers = set(_callers(trace, bar.span)) if nested else set()
        free: int | None = None
        inside: int | None = None
        for lane, stack in enumerate(open_bars):
            while stack and stack[-1].end_ns <= bar.start_ns:
                stack.pop()
            if not stack:
                free = lane if free is None else free
            elif stack[-1].span in callers and bar.end_ns <= stack[-1].end_ns:
                inside = lane
        place = free if inside is None else inside
        if place is None:
            place = len(lanes)
            lanes.append([])
            open_bars.append([])
        lanes[place].append(bar)
        open_bars[place].append(bar)
    return lanes


def _callers(trace: Trace, position: int) -> Iterator[int]:
    """Yield the spans that contain a span, the innermost first. `attribute` has refused cycles."""
    parent = trace.spans[position].parent
    while parent is not None:
        yield parent
        parent = trace.spans[parent].parent


def _metadata(name: str, process: int, track: int, arguments: dict[str, Any]) -> Event:
    return {"ph": "M", "pid": process, "tid": track, "name": name, "args": arguments}


def _times(start_ns: int, end_ns: int, origin_ns: int) -> dict[str, float]:
    return {"ts": (start_ns - origin_ns) / 1000, "dur": (end_ns - start_ns) / 1000}


def _request_arguments(trace: Trace, found: Attribution) -> dict[str, Any]:
    arguments = {
        "outcome": trace.outcome.value,
        "model": trace.model,
        "trace_id": trace.trace_id,
        "raw_ns": found.raw_ns,
        "tax_ns": found.tax_ns,
        "unattributed_ns": found.unattributed_ns,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _arguments(span: Span, found: Attribution) -> dict[str, Any]:
    part = found.layers[span.layer.name]
    arguments = {
        "kind": span.layer.kind,
        "stage": span.layer.stage,
        "verdict": None if span.verdict is None else span.verdict.value,
        "share_ns": part.share_ns,
        "critical_ns": part.critical_ns,
        "drag_ns": part.drag_ns,
        "cpu_ns": span.cpu_ns,
        "error_type": span.error_type,
    }
    return {name: value for name, value in arguments.items() if value is not None}
