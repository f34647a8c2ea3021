"""Traces by OTLP: spans, their times, parents, attributes and status, as a receiver decodes them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from aligntax import Layer, Profiler, Span, Trace, Verdict, attribute
from aligntax.exporters.otlp import OtlpExporter
from aligntax.exporters.otlp.identity import w3c_trace_id
from aligntax.exporters.otlp.spans import MAX_CALLS, calls_of
from aligntax.testing import FakeClock, taking

from .receiver import Receiver, plain

pytestmark = pytest.mark.usefixtures("no_otel_variables")

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
MILLISECOND = 1_000_000
ERROR = 2


def named(receiver: Receiver) -> dict[str, Any]:
    spans = {span.name: span for span in receiver.spans}
    assert len(spans) == len(receiver.spans)
    return spans


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000)


@pytest.fixture
def profiler(clock: FakeClock) -> Iterator[Profiler]:
    with Profiler(clock=clock, cpu_clock=clock, cpu_share=1, drain_seconds=0) as profiler:
        yield profiler


def test_a_request_becomes_a_tree_of_spans(profiler: Profiler, clock: FakeClock, receiver: Receiver) -> None:
    inner = profiler.model(taking(clock, 40 * MILLISECOND), name="gpt2")

    @profiler.guard(name="outer", stage="output")
    def outer(text: str) -> str:
        clock.advance(3 * MILLISECOND)
        return inner(text) + "!"

    before_ns = time.time_ns() - 1_000
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=1):
        after_ns = time.time_ns()
        with profiler.request(trace_id=TRACE_ID) as request:
            clock.advance(5 * MILLISECOND)
            outer("the prompt")
    spans = named(receiver)
    root, guard, model = spans["aligntax.request"], spans["guard outer"], spans["model gpt2"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE_ID}
    assert len({span.span_id for span in spans.values()}) == 3
    assert root.parent_span_id == b""
    assert guard.parent_span_id == root.span_id
    assert model.parent_span_id == guard.span_id
    start_ns = root.start_time_unix_nano
    assert before_ns <= start_ns <= after_ns + 1_000
    times = {
        name: (span.start_time_unix_nano - start_ns, span.end_time_unix_nano - start_ns) for name, span in spans.items()
    }
    assert times == {
        "aligntax.request": (0, 48 * MILLISECOND),
        "guard outer": (5 * MILLISECOND, 48 * MILLISECOND),
        "model gpt2": (8 * MILLISECOND, 48 * MILLISECOND),
    }
    assert plain(root.attributes) == {
        "aligntax.model": "gpt2",
        "aligntax.outcome": "modified",
        "aligntax.tax_ns": request.tax.tax_ns,
        "aligntax.raw_ns": request.tax.raw_ns,
        "aligntax.unattributed_ns": 5 * MILLISECOND,
    }
    assert plain(guard.attributes) == {
        "aligntax.layer": "outer",
        "aligntax.kind": "guard",
        "aligntax.stage": "output",
        "aligntax.verdict": "modify",
        "aligntax.layer_share_ns": request.tax.tax_ns,
        "aligntax.cpu_ns": 3 * MILLISECOND,
    }
    assert plain(model.attributes)["aligntax.cpu_ns"] == 40 * MILLISECOND
    assert {span.status.code for span in spans.values()} == {0}
    assert b"the prompt" not in b"".join(m.SerializeToString() for m in receiver.messages("/v1/traces"))


def test_errors_are_errors_and_blocks_are_not(profiler: Profiler, receiver: Receiver) -> None:
    @profiler.guard(name="broken")
    def broken(text: str) -> str:
        raise KeyError(text)

    block = profiler.guard(lambda text: Verdict.BLOCK, name="block")
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=1):
        with contextlib.suppress(KeyError), profiler.request(trace_id="1" * 32):
            broken("the prompt")
        with profiler.request(trace_id="2" * 32):
            block("the prompt")
    spans = {(span.trace_id.hex()[0], span.name): span for span in receiver.spans}
    failed, failed_call = spans["1", "aligntax.request"], spans["1", "guard broken"]
    assert (failed.status.code, failed.status.message) == (ERROR, "error")
    assert (failed_call.status.code, failed_call.status.message) == (ERROR, "KeyError")
    assert plain(failed_call.attributes)["error.type"] == "KeyError"
    assert plain(failed_call.attributes)["aligntax.verdict"] == "error"
    assert plain(spans["2", "aligntax.request"].attributes)["aligntax.outcome"] == "blocked_input"
    assert spans["2", "aligntax.request"].status.code == spans["2", "guard block"].status.code == 0
    assert not any(span.events for span in receiver.spans)
    assert b"the prompt" not in b"".join(m.SerializeToString() for m in receiver.messages("/v1/traces"))


def test_a_stream_is_one_span(profiler: Profiler, clock: FakeClock, receiver: Receiver) -> None:
    def generate() -> Iterator[str]:
        for _ in range(3):
            clock.advance(2 * MILLISECOND)
            yield "chunk"

    stream = profiler.model(generate, name="gpt2")
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=1), profiler.request():
        for _ in stream():
            clock.advance(10 * MILLISECOND)
    call = named(receiver)["model gpt2"]
    assert call.end_time_unix_nano - call.start_time_unix_nano == 36 * MILLISECOND
    said = plain(call.attributes)
    assert (said["aligntax.runs"], said["aligntax.busy_ns"]) == (4, 6 * MILLISECOND)
    assert said["aligntax.verdict"] == "allow"


@pytest.mark.parametrize("given", [None, "my own id", "0" * 32, TRACE_ID.upper(), f"00-{TRACE_ID}-00f067aa0ba902b7-01"])
def test_other_identifiers_leave_the_trace_id_to_the_sdk(
    given: str | None, profiler: Profiler, receiver: Receiver
) -> None:
    assert w3c_trace_id(given) is None
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=1):
        for trace_id in (TRACE_ID, given):
            with profiler.request(trace_id=trace_id):
                pass
    told, free = receiver.spans
    assert told.trace_id.hex() == TRACE_ID
    assert free.trace_id.hex() not in {TRACE_ID, "0" * 32}
    assert plain(free.attributes).get("aligntax.trace_id") == given


def test_the_share_is_the_one_asked_for(profiler: Profiler, receiver: Receiver) -> None:
    profiler._drain.subscribers._random.seed(7)
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=0.1):
        for _ in range(1000):
            with profiler.request():
                pass
    assert 60 <= len(receiver.spans) <= 140
    before = len(receiver.spans)
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=0), profiler.request():
        pass
    assert len(receiver.spans) == before


def test_a_request_with_very_many_calls_is_cut(profiler: Profiler, receiver: Receiver) -> None:
    guard = profiler.guard(len, name="guard")
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=1) as exporter, profiler.request():
        for _ in range(MAX_CALLS + 7):
            guard("x")
    assert exporter.lost_spans == 0
    assert len(receiver.spans) == 1 + MAX_CALLS
    (root,) = (span for span in receiver.spans if span.name == "aligntax.request")
    assert plain(root.attributes)["aligntax.calls_left_out"] == 7


GUARD = Layer("guard")
MODEL = Layer("gpt2", kind="model")


@pytest.mark.parametrize(
    ("spans", "order"),
    [
        ((), []),
        ((Span(GUARD, 5, 9), Span(MODEL, 0, 4)), [[1], [0]]),
        ((Span(GUARD, 2, 5, parent=1), Span(MODEL, 2, 5)), [[1], [0]]),  # the same bounds: the later one is outside
        ((Span(MODEL, 0, 2, None, call=3), Span(GUARD, 1, 2, parent=0), Span(MODEL, 4, 6, call=3)), [[0, 2], [1]]),
        ((Span(MODEL, 4, 6, call=3), Span(MODEL, 0, 2, None, call=4)), [[1], [0]]),
    ],
)
def test_calls_come_behind_their_callers(spans: tuple[Span, ...], order: list[list[int]]) -> None:
    trace = Trace(0, 10, spans)
    assert attribute(trace)
    assert [call.positions for call in calls_of(trace)] == order
