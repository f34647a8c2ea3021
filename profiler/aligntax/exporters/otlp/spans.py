"""Traces as spans of OpenTelemetry's SDK: one for the request, and below it one for each call of a layer.

The names are ours, as the conventions for guardrails are drafts; `error.type` alone is one of OpenTelemetry's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import StatusCode, Tracer, set_span_in_context

from aligntax.attribution import Attribution
from aligntax.exporters.otlp.identity import w3c_trace_id
from aligntax.trace import Outcome, Span, Trace, Verdict

MAX_CALLS = 500
"""Calls of one request that become spans: the first ones to start."""

_FAILED_OUTCOMES = (Outcome.ERROR, Outcome.TIMEOUT)
_FAILED_VERDICTS = (Verdict.ERROR, Verdict.TIMEOUT)


class CallersIds(RandomIdGenerator):
    """Makes trace ids, of which the next one can be told."""

    def __init__(self) -> None:
        self.next_trace_id: int | None = None

    def generate_trace_id(self) -> int:
        """Return the trace id that was told, once; without, a random one."""
        told, self.next_trace_id = self.next_trace_id, None
        return super().generate_trace_id() if told is None else told

    def is_trace_id_random(self) -> bool:
        """Return whether all trace ids are random; a caller's need not be."""
        return False


@dataclass(slots=True)
class Call:
    """One call of a layer: one span, or as many as a stream has runs.

    Attributes:
        positions: of its spans in the trace.
        start_ns, end_ns: from the start of the first run to the end of the last.
    """

    start_ns: int
    end_ns: int
    positions: list[int] = field(default_factory=list)


def calls_of(trace: Trace) -> list[Call]:
    """Return the calls of a trace, callers before those that they called."""
    calls: dict[object, Call] = {}
    for position, span in enumerate(trace.spans):
        key = (span.layer.name, span.call) if span.call else position
        call = calls.setdefault(key, Call(span.start_ns, span.end_ns))
        call.positions.append(position)
        call.start_ns = min(call.start_ns, span.start_ns)
        call.end_ns = max(call.end_ns, span.end_ns)
    # Of two with the same bounds the later one is the outer one, since spans are recorded when they end.
    return sorted(calls.values(), key=lambda call: (call.start_ns, -call.end_ns, -call.positions[-1]))


def write_spans(
    tracer: Tracer, ids: CallersIds, trace: Trace, found: Attribution, calls: Sequence[Call], offset_ns: int
) -> None:
    """Make the spans of one request, and end them.

    Args:
        tracer: what makes spans; its provider has `ids` for its generator. One thread at a time.
        ids: is told the request's trace id, if it is one of W3C's.
        trace: the request.
        found: its attribution.
        calls: those of its calls that are to become spans, in the order of `calls_of`.
        offset_ns: makes Unix time of the trace's times.
    """
    trace_id = ids.next_trace_id = w3c_trace_id(trace.trace_id)
    root = tracer.start_span(
        "aligntax.request",
        Context(),
        attributes=_known(
            {
                "aligntax.model": trace.model,
                "aligntax.outcome": trace.outcome.value,
                "aligntax.tax_ns": found.tax_ns,
                "aligntax.raw_ns": found.raw_ns,
                "aligntax.unattributed_ns": found.unattributed_ns,
                "aligntax.trace_id": trace.trace_id if trace_id is None else None,
                "aligntax.calls_left_out": sum(part.calls for part in found.layers.values()) - len(calls) or None,
            }
        ),
        start_time=offset_ns + trace.start_ns,
    )
    if trace.outcome in _FAILED_OUTCOMES:
        root.set_status(StatusCode.ERROR, trace.outcome.value)
    made: dict[int, SdkSpan] = {}
    for call in calls:
        spans = [trace.spans[position] for position in call.positions]
        verdict = next((span.verdict for span in spans if span.verdict is not None), None)
        error_type = next((span.error_type for span in spans if span.error_type is not None), None)
        layer = spans[0].layer
        caller = root if spans[0].parent is None else made.get(spans[0].parent, root)
        span = tracer.start_span(
            f"{layer.kind} {layer.name}",
            set_span_in_context(caller, Context()),
            attributes=_known(
                {
                    "aligntax.layer": layer.name,
                    "aligntax.kind": layer.kind,
                    "aligntax.stage": layer.stage,
                    "aligntax.verdict": None if verdict is None else verdict.value,
                    "aligntax.layer_share_ns": found.layers[layer.name].share_ns if layer.kind == "guard" else None,
                    "aligntax.runs": len(spans) if len(spans) > 1 else None,
                    "aligntax.busy_ns": sum(span.duration_ns for span in spans) if len(spans) > 1 else None,
                    "aligntax.cpu_ns": _sum([span.cpu_ns for span in spans]),
                    "aligntax.gpu_ns": _sum([_gpu_ns(span) for span in spans]),
                    "aligntax.gpu_device": next((span.gpu_device for span in spans if span.gpu_device), None),
                    "error.type": error_type,
                }
            ),
            start_time=offset_ns + call.start_ns,
        )
        if verdict in _FAILED_VERDICTS:
            span.set_status(StatusCode.ERROR, error_type or str(verdict))
        made.update(dict.fromkeys(call.positions, span))
    for span, end_ns in (*((made[call.positions[0]], call.end_ns) for call in calls), (root, trace.end_ns)):
        span.end(offset_ns + end_ns)


def _gpu_ns(span: Span) -> int | None:
    if span.gpu_start_ns is None or span.gpu_end_ns is None:
        return None
    return span.gpu_end_ns - span.gpu_start_ns


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _known(attributes: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in attributes.items() if value is not None}
