"""Recorded requests, read back: nothing that attribution looks at is lost, and what is no trace is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Layer, Outcome, Profiler, Span, Trace, Verdict, attribute
from aligntax.experiment.bench import measure
from aligntax.experiment.paired import Design
from aligntax.experiment.whatif import Drop, predict, read_traces, trace_of
from aligntax.experiment.whatif import reading as reading_module
from aligntax.exporters.jsonl import TraceFile
from aligntax.exporters.record import MAX_SPANS, record
from aligntax.testing import FakeClock, taking

from ...attribution.traces import traces
from ..results import make_result

A = Layer("A", stage="input")
MODEL = Layer("gpt2", kind="model")
TRACE = Trace(
    1_000,
    9_000,
    (
        Span(A, 2_000, 2_500, Verdict.ERROR, cpu_ns=400, error_type="KeyError"),
        Span(MODEL, 3_000, 5_000, None, call=3),
        Span(A, 4_000, 4_500, Verdict.MODIFY, parent=1),
        Span(MODEL, 6_000, 7_000, call=3),
    ),
    Outcome.MODIFIED,
    "gpt2",
    'an "id"',
)


def written(trace: Trace) -> dict[str, Any]:
    """A trace as it is after a journey through a file."""
    found: dict[str, Any] = json.loads(json.dumps(record(trace, attribute(trace), 0)))
    return found


def from_zero(trace: Trace) -> Trace:
    """The same request on a clock that was 0 when it began, without the threads."""
    by = trace.start_ns
    spans = (
        span._replace(
            start_ns=span.start_ns - by,
            end_ns=span.end_ns - by,
            strand=0,
            gpu_start_ns=None if span.gpu_start_ns is None else span.gpu_start_ns - by,
            gpu_end_ns=None if span.gpu_end_ns is None else span.gpu_end_ns - by,
        )
        for span in trace.spans
    )
    return replace(trace, start_ns=0, end_ns=trace.end_ns - by, spans=tuple(spans))


def test_everything_comes_back() -> None:
    assert trace_of(written(TRACE)) == from_zero(TRACE)


@given(traces(nested=True), st.sampled_from(Outcome))
def test_a_round_trip_keeps_the_attribution(trace: Trace, outcome: Outcome) -> None:
    spans = tuple(span._replace(gpu_end_ns=None) for span in trace.spans)
    trace = replace(trace, spans=spans, outcome=outcome)
    found = trace_of(written(trace))
    assert found == from_zero(trace)
    assert found is not None
    assert attribute(found) == attribute(trace)


def on_gpu(gpu_end_ns: int) -> Trace:
    gpu = Span(MODEL, 3_000, 5_000, gpu_start_ns=3_100, gpu_end_ns=gpu_end_ns, gpu_device="cuda:0")
    return Trace(1_000, 9_000, (Span(A, 2_000, 2_500), gpu, Span(A, 5_100, 5_900)))


def test_when_work_ran_on_the_gpu_is_known_where_it_was_written() -> None:
    trace = on_gpu(5_600)
    found = trace_of(written(trace))
    assert found == from_zero(trace)
    assert found is not None
    assert attribute(found) == attribute(trace)


def test_where_it_was_not_written_requests_whose_attribution_it_changes_are_passed_over() -> None:
    hidden, outliving = written(on_gpu(4_900)), written(on_gpu(5_600))
    for data in (hidden, outliving):
        del data["spans"][1]["gpu_offset_ns"]
    found = trace_of(hidden)
    assert found is not None
    assert attribute(found).tax_ns == attribute(on_gpu(4_900)).tax_ns
    assert trace_of(outliving) is None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.jsonl"


def test_a_file_that_a_profiler_wrote(make_profiler: Callable[..., Profiler], clock: FakeClock, path: Path) -> None:
    profiler = make_profiler()
    pii = profiler.guard(taking(clock, 50), name="pii", verdict=lambda _: "block")
    model = profiler.model(taking(clock, 300), name="model")
    file = TraceFile(path, clock=clock)
    profiler.subscribe(file)
    for _ in range(3):
        with profiler.request(trace_id="one"):
            model(pii("text"))
            clock.advance(7)
    profiler.drain()
    file.close()
    found = read_traces(path)
    assert found.traces == [from_zero(trace) for trace in profiler.traces()]
    assert found.incomplete == 0
    assert found.traces[0].outcome is Outcome.BLOCKED_INPUT


def test_a_result_of_an_experiment(path: Path) -> None:
    path.write_text(json.dumps(make_result([1.0], [2.0], traces=[written(TRACE), written(TRACE)]), indent=1))
    found = read_traces(path)
    assert found.traces == [from_zero(TRACE)] * 2
    assert found.residual is not None
    assert found.residual.to_dict() == json.loads(path.read_text())["contention"]["residual_seconds"]


def test_a_result_without_contention(path: Path) -> None:
    path.write_text(json.dumps({**make_result([1.0], [2.0], traces=[written(TRACE)]), "contention": None}, indent=1))
    assert read_traces(path).residual is None


def test_requests_with_more_spans_than_are_written_are_passed_over(path: Path) -> None:
    long = Trace(0, 2 * MAX_SPANS, tuple(Span(A, start, start + 1) for start in range(MAX_SPANS + 1)))
    path.write_text("".join(json.dumps(written(trace)) + "\n" for trace in (TRACE, long, TRACE)) + "\n")
    found = read_traces(path)
    assert (len(found.traces), found.incomplete) == (2, 1)
    path.write_text(json.dumps(written(long)))
    with pytest.raises(ValueError, match=r"holds no request that is complete \(1 are not\)"):
        read_traces(path)


def spoilt(**changes: Any) -> str:
    return json.dumps({**written(TRACE), **changes})


def spoilt_span(**changes: Any) -> str:
    data = written(TRACE)
    data["spans"][0] |= changes
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("no json", "is no JSON"),
        ("{}", "is JSON, but no result"),
        ("[1]", "is JSON, but no result"),
        ('{"schema": "aligntax.report/1"}', "has schema 'aligntax.report/1'"),
        (json.dumps(written(TRACE))[:-10], "is no JSON"),
        (json.dumps(written(TRACE)) + "\n{", "line 2: is no JSON; was it cut off"),
        (json.dumps(written(TRACE)) + "\n{}", "line 2: None is no trace"),
        (json.dumps(written(TRACE)) + "\n[]", "line 2: 'list' is no trace"),
        (spoilt(schema="aligntax.trace/2"), "line 1: 'aligntax.trace/2' is no trace"),
        (spoilt(raw_ns=1), "line 1: its spans give a raw time of 7,000 ns, but 1 ns were written"),
        (spoilt(duration_ns="8000"), "line 1: trace has duration_ns '8000', which is no int"),
        (spoilt(duration_ns=True), "trace has duration_ns True"),
        (spoilt(duration_ns=-1), "ends at -1 ns, before its start"),
        (spoilt(spans=None), "trace has spans None"),
        (spoilt(spans=[1]), "span 0 is no object"),
        (spoilt(outcome="fine"), "'fine' is not a valid Outcome"),
        (spoilt_span(layer=None), "span 0 has layer None"),
        (spoilt_span(layer=""), "layer name ''"),
        (spoilt_span(kind="robot"), "layer kind 'robot'"),
        (spoilt_span(stage="nowhere"), "stage 'nowhere'"),
        (spoilt_span(offset_ns=1.5), "span 0 has offset_ns 1.5"),
        (spoilt_span(duration_ns=-1), "before its start"),
        (spoilt_span(verdict="maybe"), "'maybe' is not a valid Verdict"),
        (spoilt_span(parent=99), "span 0 has parent 99"),
        (spoilt_span(parent="x"), "span 0 has parent 'x'"),
        (spoilt_span(gpu_ns="x"), "span 0 has gpu_ns 'x'"),
        (json.dumps(make_result([1.0], [2.0], traces=[])), "holds no request that is complete"),
        (json.dumps({**make_result([1.0], [2.0]), "traces": None}), "has no traces"),
        (json.dumps(make_result([1.0], [2.0], traces=[{"schema": 7}])), "trace 0: 7 is no trace"),
        (json.dumps({**make_result([1.0], [2.0]), "contention": {"residual_seconds": 3}}), "contention has no"),
        (json.dumps({**make_result([1.0], [2.0]), "contention": {"other": 3}}), "contention has no residual_seconds"),
        (json.dumps({**make_result([1.0], [2.0]), "contention": 3}), "contention has no residual_seconds"),
    ],
)
def test_refused(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_traces(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read \(No such file or directory\)"):
        read_traces(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_traces(path.parent)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="is not UTF-8"):
        read_traces(path)


def test_no_more_is_read_than_there_is_room_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text((json.dumps(written(TRACE)) + "\n") * 4)
    monkeypatch.setattr(reading_module, "MAX_TRACES", 3)
    with pytest.raises(ValueError, match="more than 3 requests"):
        read_traces(path)
    monkeypatch.setattr(reading_module, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="at most 100 are read"):
        read_traces(path)


def test_a_result_of_enough_pairs_holds_enough_requests_for_a_p99(tmp_path: Path) -> None:
    profiler = Profiler(drain_seconds=0)
    guard = profiler.guard(lambda text: text, name="pii", stage="input")
    model = profiler.model(lambda text: text, name="model")

    def pipeline(prompt: str) -> str:
        with profiler.request():
            return model(guard(prompt))

    design = Design(width=1e-9, max_pairs=310, warm_up_rounds=0)
    result = measure("a target", pipeline, ["one"], design=design, compute=False, progress=lambda *_: True)
    result.save(tmp_path / "result.json")
    found = predict(read_traces(tmp_path / "result.json").traces, [Drop("pii")])
    assert found.comparable == 310
    assert found.tax["p99"].after.high is not None
    assert found.request["p99"].difference.low is not None
