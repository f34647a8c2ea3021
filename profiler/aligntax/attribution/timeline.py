"""From nested spans to a flat timeline: disjoint pieces of own time, each owned by one layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aligntax.trace import Layer, Span, Trace

Interval = tuple[int, int]


class WorkItem(NamedTuple):
    """A stretch of time in which a layer itself worked; items sort by start, then end, then owner."""

    start_ns: int
    end_ns: int
    owner: str
    is_model: bool


class Timeline(NamedTuple):
    """What `flatten` makes of a trace.

    Attributes:
        layers: every layer that has a span, by name.
        busy_ns: per layer, the time in its spans.
        calls: per layer, the calls recorded; the runs of one streaming call are one call.
        items: the work items, sorted.
    """

    layers: dict[str, Layer]
    busy_ns: dict[str, int]
    calls: dict[str, int]
    items: list[WorkItem]


def flatten(trace: Trace) -> Timeline:
    """Turn the spans of a trace into work items that no longer nest.

    A span lasts until its GPU work has settled and is clipped to the trace. What its direct children do not
    cover is its own; a child that outlives its parent keeps its whole interval.

    Args:
        trace: spans in any order.

    Returns:
        The timeline. A span that lies wholly outside of the trace leaves its layer and its call there, no time.

    Raises:
        ValueError: for a trace or span that ends before it starts, two different layers of one name, and a
            parent that is out of range, the span itself or part of a cycle.
    """
    start_ns, end_ns, spans = trace.start_ns, trace.end_ns, trace.spans
    if end_ns < start_ns:
        raise ValueError(f"trace ends at {end_ns} ns, before its start at {start_ns} ns; read both on one clock")
    layers, calls = _register(spans)
    intervals = [(max(span.start_ns, start_ns), min(span.settled_ns, end_ns)) for span in spans]
    inner: Sequence[Sequence[Interval]] = [()] * len(spans)
    outer = inner
    if any(span.parent is not None for span in spans):
        _check_parents(spans)
        inner, outer = _children(spans, intervals), _same_layer_around(spans, intervals)

    busy_ns = dict.fromkeys(layers, 0)
    items: list[WorkItem] = []
    for span, interval, children, around in zip(spans, intervals, inner, outer, strict=True):
        first_ns, last_ns = interval
        if last_ns < first_ns:
            continue
        layer = span.layer
        is_model = layer.kind == "model"
        if children:
            items += [WorkItem(*piece, layer.name, is_model) for piece in uncovered(interval, children)]
        else:
            items.append(WorkItem(first_ns, last_ns, layer.name, is_model))
        if around:
            busy_ns[layer.name] += sum(end - start for start, end in uncovered(interval, around))
        else:
            busy_ns[layer.name] += last_ns - first_ns
    items.sort()
    return Timeline(layers, busy_ns, calls, items)


def uncovered(interval: Interval, covers: Iterable[Interval]) -> list[Interval]:
    """Return the pieces of an interval that lie outside of all others, in order.

    An empty cover inside of the interval still splits it: what comes after an instantaneous call comes after
    it, just as if the call had taken a nanosecond. An interval of length zero is one piece of length zero.
    """
    start_ns, end_ns = interval
    inside = sorted(cover for cover in covers if cover[0] < end_ns and cover[1] > start_ns)
    if not inside:
        return [interval]
    pieces = []
    for first_ns, last_ns in inside:
        if first_ns > start_ns:
            pieces.append((start_ns, first_ns))
        start_ns = max(start_ns, last_ns)
    if start_ns < end_ns:
        pieces.append((start_ns, end_ns))
    return pieces


def _register(spans: Sequence[Span]) -> tuple[dict[str, Layer], dict[str, int]]:
    layers: dict[str, Layer] = {}
    calls: dict[str, int] = {}
    streaming_calls: set[tuple[str, int]] = set()
    for index, span in enumerate(spans):
        layer = span.layer
        name = layer.name
        if span.end_ns < span.start_ns:
            raise ValueError(
                f"span {index} of layer {name!r} ends at {span.end_ns} ns, before its start at {span.start_ns} ns; "
                "read both on one clock"
            )
        known = layers.setdefault(name, layer)
        if known is not layer and known != layer:
            raise ValueError(f"{known} and {layer} share the name {name!r}; give each layer a name of its own")
        if span.call:
            if (name, span.call) in streaming_calls:
                continue
            streaming_calls.add((name, span.call))
        calls[name] = calls.get(name, 0) + 1
    return layers, calls


def _children(spans: Sequence[Span], intervals: Sequence[Interval]) -> list[list[Interval]]:
    children: list[list[Interval]] = [[] for _ in spans]
    for span, interval in zip(spans, intervals, strict=True):
        if span.parent is not None:
            children[span.parent].append(interval)
    return children


def _same_layer_around(spans: Sequence[Span], intervals: Sequence[Interval]) -> list[list[Interval]]:
    enclosing = []
    for span in spans:
        around = []
        ancestor = span.parent
        while ancestor is not None:
            outer = spans[ancestor]
            if outer.layer.name == span.layer.name:
                around.append(intervals[ancestor])
            ancestor = outer.parent
        enclosing.append(around)
    return enclosing


def _check_parents(spans: Sequence[Span]) -> None:
    rooted: set[int] = set()
    for index in range(len(spans)):
        path: dict[int, None] = {}
        current: int | None = index
        while current is not None and current not in rooted:
            path[current] = None
            parent = spans[current].parent
            if parent is not None and not 0 <= parent < len(spans):
                raise ValueError(
                    f"span {current} has parent {parent}, but the trace has {len(spans)} spans; "
                    "a parent is an index into Trace.spans, or None at the top"
                )
            if parent == current:
                raise ValueError(f"span {current} is its own parent; use None for a span at the top")
            if parent is not None and parent in path:
                visited = list(path)
                cycle = " -> ".join(map(str, [*visited[visited.index(parent) :], parent]))
                raise ValueError(
                    f"the parents of spans {cycle} form a cycle; a span's parent is the span that called it"
                )
            current = parent
        rooted.update(path)
