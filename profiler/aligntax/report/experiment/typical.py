"""The request that stands for all: the one whose tax is nearest the median, and what its layers did when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aligntax.report.experiment.contents import RAN

__all__ = ["LayerTimes", "TypicalRequest", "typical_request"]

_NANO = 1e9
_PIXELS = 1000  # pauses shorter than this part of the request are not to be seen


class LayerTimes(NamedTuple):
    """What one layer did in a request.

    Attributes:
        name, kind: of the layer.
        stretches: start and length of each stretch of time in which it ran, in seconds from the request's start.
        busy_seconds: the sum of its calls, a call within one of its own not counted.
        share_seconds: what it added to the request; None for a model.
        verdicts: what its calls said, without those that let pass.
    """

    name: str
    kind: str
    stretches: tuple[tuple[float, float], ...]
    busy_seconds: float
    share_seconds: float | None
    verdicts: tuple[str, ...]


class TypicalRequest(NamedTuple):
    """One request.

    Attributes:
        outcome: how it ended.
        comparable: whether it ran to its end.
        seconds, raw_seconds, tax_seconds: with its guards, replayed without them, and the difference.
        layers: in the order in which they first ran.
        spans: of the trace, in the order of their starts.
        spans_left_out: how many spans of the request are not in the file.
        chosen_from: how many requests it was chosen from.
    """

    outcome: str
    comparable: bool
    seconds: float
    raw_seconds: float
    tax_seconds: float
    layers: tuple[LayerTimes, ...]
    spans: tuple[Mapping[str, Any], ...]
    spans_left_out: int
    chosen_from: int


def typical_request(traces: Sequence[Mapping[str, Any]]) -> TypicalRequest | None:
    """Return the request whose tax is nearest the median tax of those that ran to their end.

    Where none did, the choice is among all of them. Of several that are equally near, the one whose duration is
    nearest the median duration is taken, and of those the first.

    Args:
        traces: lines of schema `aligntax.trace/1`.

    Raises:
        ValueError: for a line of another schema.
    """
    for trace in traces:
        if trace.get("schema") != "aligntax.trace/1":
            raise ValueError(f"schema {trace.get('schema')!r} of a trace is not 'aligntax.trace/1'; measure it again")
    candidates = [trace for trace in traces if trace["outcome"] in RAN] or list(traces)
    if not candidates:
        return None
    tax_ns, duration_ns = (_middle([trace[key] for trace in candidates]) for key in ("tax_ns", "duration_ns"))
    chosen = min(candidates, key=lambda trace: (abs(trace["tax_ns"] - tax_ns), abs(trace["duration_ns"] - duration_ns)))
    order = sorted(chosen["spans"], key=lambda span: (span["offset_ns"], -span["duration_ns"]))
    names = dict.fromkeys(span["layer"] for span in order)
    return TypicalRequest(
        outcome=chosen["outcome"],
        comparable=chosen["outcome"] in RAN,
        seconds=chosen["duration_ns"] / _NANO,
        raw_seconds=chosen["raw_ns"] / _NANO,
        tax_seconds=chosen["tax_ns"] / _NANO,
        layers=tuple(_layer(name, chosen) for name in names),
        spans=tuple(order),
        spans_left_out=chosen.get("spans_left_out", 0),
        chosen_from=len(candidates),
    )


def _middle(values: Sequence[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def _layer(name: str, trace: Mapping[str, Any]) -> LayerTimes:
    spans = trace["spans"]
    own = [span for span in spans if span["layer"] == name]
    share_ns = trace["shares_ns"].get(name)
    return LayerTimes(
        name=name,
        kind=own[0]["kind"],
        stretches=_merged(own, trace["duration_ns"] / _PIXELS),
        busy_seconds=sum(_settled_ns(span) - span["offset_ns"] for span in own if not _within_itself(span, spans))
        / _NANO,
        share_seconds=None if share_ns is None else share_ns / _NANO,
        verdicts=tuple(dict.fromkeys(span["verdict"] for span in own if span["verdict"] not in (None, "allow"))),
    )


def _within_itself(span: Mapping[str, Any], spans: Sequence[Mapping[str, Any]]) -> bool:
    parent = span["parent"]
    for _ in spans:  # a file may hold a circle
        if parent is None or not 0 <= parent < len(spans):
            return False
        if spans[parent]["layer"] == span["layer"]:
            return True
        parent = spans[parent]["parent"]
    return False


def _settled_ns(span: Mapping[str, Any]) -> int:
    """Return when a call and the GPU work that it left behind had both ended."""
    end_ns: int = span["offset_ns"] + span["duration_ns"]
    gpu_offset_ns, gpu_ns = span.get("gpu_offset_ns"), span.get("gpu_ns")
    return end_ns if gpu_offset_ns is None or gpu_ns is None else max(end_ns, gpu_offset_ns + gpu_ns)


def _merged(spans: Sequence[Mapping[str, Any]], pause_ns: float) -> tuple[tuple[float, float], ...]:
    """Return the stretches that spans cover, with pauses that nobody would see filled."""
    covered: list[list[int]] = []
    for start_ns, end_ns in sorted((span["offset_ns"], _settled_ns(span)) for span in spans):
        if covered and start_ns - covered[-1][1] <= pause_ns:
            covered[-1][1] = max(covered[-1][1], end_ns)
        else:
            covered.append([start_ns, end_ns])
    return tuple((start_ns / _NANO, (end_ns - start_ns) / _NANO) for start_ns, end_ns in covered)
