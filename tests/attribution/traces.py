"""Traces to attribute: short names for what tests write by hand, and strategies for what Hypothesis draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from aligntax.trace import Layer, Span, Trace

MODEL = Layer("model", kind="model")
SECOND_MODEL = Layer("reranker", kind="model")


def guard(name: str) -> Layer:
    return Layer(name, kind="guard", stage="parallel")


def request(*spans: Span, start: int = 0, end: int | None = None) -> Trace:
    """A trace that lasts until its last span, unless told otherwise."""
    return Trace(start, max(span.settled_ns for span in spans) if end is None else end, spans)


def permuted(trace: Trace, order: Sequence[int]) -> Trace:
    """The same spans in another order: new span i is old span `order[i]`."""
    place = {old: new for new, old in enumerate(order)}
    spans = [trace.spans[old] for old in order]
    return replace(
        trace,
        spans=tuple(span._replace(parent=None if span.parent is None else place[span.parent]) for span in spans),
    )


def scaled(trace: Trace, factor: int) -> Trace:
    spans = (
        span._replace(
            start_ns=span.start_ns * factor,
            end_ns=span.end_ns * factor,
            gpu_end_ns=None if span.gpu_end_ns is None else span.gpu_end_ns * factor,
        )
        for span in trace.spans
    )
    return replace(trace, start_ns=trace.start_ns * factor, end_ns=trace.end_ns * factor, spans=tuple(spans))


def in_series(first: Trace, second: Trace) -> Trace:
    """One request that does the second's work right after the first's; parents must be None."""
    shift = first.end_ns - second.start_ns
    moved = (
        span._replace(
            start_ns=span.start_ns + shift,
            end_ns=span.end_ns + shift,
            gpu_end_ns=None if span.gpu_end_ns is None else span.gpu_end_ns + shift,
        )
        for span in second.spans
    )
    return Trace(first.start_ns, second.end_ns + shift, (*first.spans, *moved))


@st.composite
def traces(draw: st.DrawFn, guards: int = 4, spans: int = 8, *, nested: bool = False, within: bool = False) -> Trace:
    """Arbitrary requests: small times, so that ties and spans of length zero are common.

    `within` keeps all spans inside of the request; otherwise some lie partly or wholly outside.
    """
    layers = [MODEL, SECOND_MODEL, *(guard(f"guard {number}") for number in range(guards))]
    drawn = []
    for index in range(draw(st.integers(0, spans))):
        start = draw(st.integers(0, 30))
        end = start + draw(st.integers(0, 15))
        gpu_end = draw(st.none() | st.integers(start, end + 10))
        parent = draw(st.none() | st.integers(0, index - 1)) if nested and index else None
        drawn.append(Span(draw(st.sampled_from(layers)), start, end, parent=parent, gpu_end_ns=gpu_end))
    if within:
        return Trace(0, max((span.settled_ns for span in drawn), default=0) + draw(st.integers(0, 3)), tuple(drawn))
    start = draw(st.integers(0, 15))
    return Trace(start, start + draw(st.integers(0, 40)), tuple(drawn))
