"""Traces for the viewer: what is drawn, on which track, and that the viewer cannot misread the nesting."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Layer, Outcome, Profiler, Span, Trace, Verdict, attribute
from aligntax.exporters.perfetto import chrome_trace, write_chrome_trace

PII = Layer("pii", stage="input")
TOXICITY = Layer("toxicity", stage="parallel")
MODEL = Layer("gpt2", kind="model")


def bars(traces: list[Trace]) -> list[dict[str, Any]]:
    return [event for event in chrome_trace(traces)["traceEvents"] if event["ph"] == "X"]


def tracks(traces: list[Trace]) -> dict[int, str]:
    """Track number to its title."""
    events = chrome_trace(traces)["traceEvents"]
    return {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}


def drawn(traces: list[Trace]) -> dict[str, list[str]]:
    """Names of the bars of each track."""
    found: dict[str, list[str]] = {}
    titles = tracks(traces)
    for bar in bars(traces):
        found.setdefault(titles[bar["tid"]], []).append(bar["name"])
    return found


def test_a_request_and_its_layers() -> None:
    trace = Trace(
        1_000_500,
        1_009_750,
        (
            Span(PII, 1_001_000, 1_002_001, Verdict.MODIFY, strand=7, cpu_ns=900),
            Span(MODEL, 1_003_000, 1_008_000, strand=7),
        ),
        Outcome.MODIFIED,
        "gpt2",
        "abc",
    )
    whole, pii, model = bars([trace])
    assert (whole["name"], whole["ts"], whole["dur"]) == ("request", 0.0, 9.25)
    assert whole["args"] == {
        "outcome": "modified",
        "model": "gpt2",
        "trace_id": "abc",
        "raw_ns": 8_249,
        "tax_ns": 1_001,
        "unattributed_ns": 3_249,
    }
    assert (pii["name"], pii["ts"], pii["dur"]) == ("pii", 0.5, 1.001)
    assert pii["args"] == {
        "kind": "guard",
        "stage": "input",
        "verdict": "modify",
        "share_ns": 1_001,
        "critical_ns": 1_001,
        "drag_ns": 1_001,
        "cpu_ns": 900,
    }
    assert model["args"]["kind"] == "model"
    assert model["args"]["share_ns"] == 0
    assert pii["tid"] == model["tid"] != whole["tid"]
    assert drawn([trace]) == {"request": ["request"], "thread 7": ["pii", "gpt2"]}


def test_each_request_is_a_process_on_one_time_axis() -> None:
    traces = [Trace(5_000, 9_000, outcome=Outcome.ERROR), Trace(2_000, 3_000, model="gpt2")]
    data = chrome_trace(traces)
    assert data["displayTimeUnit"] == "ns"
    names = {e["pid"]: e["args"]["name"] for e in data["traceEvents"] if e["name"] == "process_name"}
    assert names == {1: "request 1: error", 2: "request 2: allowed, gpt2"}
    assert {bar["pid"]: bar["ts"] for bar in bars(traces)} == {1: 3.0, 2: 0.0}
    assert not set(tracks(traces)) & set(names), "a track with the number of a process is drawn as its main thread"


def test_nothing_starts_before_the_time_axis_does() -> None:
    early = Trace(10, 20, (Span(MODEL, 8, 12, gpu_start_ns=5, gpu_end_ns=11, gpu_device="cuda:0"),))
    assert min(bar["ts"] for bar in bars([early])) == 0


def test_calls_in_parallel_on_one_thread_get_tracks_of_their_own() -> None:
    trace = Trace(0, 100, (Span(MODEL, 0, 100), Span(PII, 10, 20), Span(TOXICITY, 15, 40), Span(PII, 50, 60)))
    assert drawn([trace]) == {
        "request": ["request"],
        "thread 0": ["gpt2"],
        "thread 0 (2)": ["pii", "pii"],
        "thread 0 (3)": ["toxicity"],
    }


def test_a_call_is_drawn_inside_its_caller_and_nowhere_else() -> None:
    spans = (
        Span(TOXICITY, 0, 10, strand=3),
        Span(MODEL, 5, 100, strand=3),
        Span(PII, 20, 30, parent=1, strand=3),
        Span(PII, 40, 120, parent=1, strand=3),
        Span(TOXICITY, 60, 70, parent=3, strand=4),
    )
    assert drawn([Trace(0, 120, spans)]) == {
        "request": ["request"],
        "thread 3": ["toxicity", "pii"],  # the second call by the model outlived it
        "thread 3 (2)": ["gpt2", "pii"],
        "thread 4": ["toxicity"],
    }


def test_work_on_the_gpu_has_a_track_for_each_device() -> None:
    spans = (
        Span(MODEL, 0, 10, gpu_start_ns=2, gpu_end_ns=50, gpu_device="cuda:0"),
        Span(TOXICITY, 10, 12, gpu_start_ns=40, gpu_end_ns=60, gpu_device="cuda:0"),
        Span(TOXICITY, 12, 14, gpu_start_ns=13, gpu_end_ns=20, gpu_device="cuda:1"),
        Span(PII, 14, 16, gpu_start_ns=15),
    )
    trace = Trace(0, 60, spans)
    assert drawn([trace]) == {
        "request": ["request"],
        "thread 0": ["gpt2", "toxicity", "toxicity", "pii"],
        "cuda:0": ["gpt2"],
        "cuda:0 (2)": ["toxicity"],
        "cuda:1": ["toxicity"],
    }
    on_gpu = [(bar["ts"], bar["dur"]) for bar in bars([trace]) if bar["cat"] == "gpu"]
    assert on_gpu == [(0.002, 0.048), (0.04, 0.02), (0.013, 0.007)]


def test_errors_and_runs_without_a_verdict_say_so() -> None:
    spans = (Span(PII, 0, 1, Verdict.ERROR, error_type="KeyError"), Span(PII, 2, 3, None, call=1))
    failed, running = (bar["args"] for bar in bars([Trace(0, 3, spans)])[1:])
    assert (failed["verdict"], failed["error_type"]) == ("error", "KeyError")
    assert "verdict" not in running


@st.composite
def crowded(draw: st.DrawFn) -> Trace:
    """Spans of few threads that overlap in every way, with callers that need not contain them."""
    spans: list[Span] = []
    for index in range(draw(st.integers(0, 12))):
        start = draw(st.integers(0, 12))
        end = start + draw(st.integers(0, 12))
        parent = draw(st.none() | st.integers(0, index - 1)) if index else None
        layer = draw(st.sampled_from([PII, TOXICITY, MODEL]))
        spans.append(Span(layer, start, end, parent=parent, strand=draw(st.integers(0, 1)), call=index + 1))
    return Trace(0, 30, tuple(spans))


def callers(trace: Trace, position: int | None) -> set[int]:
    found: set[int] = set()
    while position is not None and (position := trace.spans[position].parent) is not None:
        found.add(position)
    return found


@given(crowded())
def test_on_a_track_bars_are_apart_or_inside_their_caller(trace: Trace) -> None:
    # Each span's interval is made recognisable, so that a bar can be led back to its span.
    tagged = [
        Span(s.layer, s.start_ns, s.end_ns, parent=s.parent, strand=s.strand, cpu_ns=i, call=s.call)
        for i, s in enumerate(trace.spans)
    ]
    trace = Trace(trace.start_ns, trace.end_ns, tuple(tagged))
    by_track: dict[int, list[dict[str, Any]]] = {}
    for bar in bars([trace]):
        if bar["cat"] == "layer":
            by_track.setdefault(bar["tid"], []).append(bar)
    assert sorted(bar["args"]["cpu_ns"] for found in by_track.values() for bar in found) == list(range(len(tagged)))
    titles = tracks([trace])
    for track, found in by_track.items():
        strands = {trace.spans[bar["args"]["cpu_ns"]].strand for bar in found}
        assert len(strands) == 1
        assert titles[track].startswith(f"thread {strands.pop()}")
        for one, other in combinations([trace.spans[bar["args"]["cpu_ns"]] for bar in found], 2):
            first, second = sorted((one, other), key=lambda span: (span.start_ns, -span.end_ns))
            if second.start_ns >= first.end_ns:
                continue
            inner, outer = (first, second) if second.cpu_ns in callers(trace, first.cpu_ns) else (second, first)
            assert outer.cpu_ns in callers(trace, inner.cpu_ns)
            assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns


def test_the_file_is_what_the_function_returns(busy: Profiler, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("an older file", encoding="utf-8")
    traces = busy.traces()
    write_chrome_trace(traces, path)
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(chrome_trace(traces)))
    assert [file.name for file in tmp_path.iterdir()] == ["trace.json"]
    shares = sum(bar["args"]["share_ns"] for bar in bars(traces) if bar["cat"] == "layer")
    assert shares == sum(attribute(trace).tax_ns for trace in traces), "each layer is called once a request here"


def test_no_traces_make_an_empty_picture() -> None:
    assert chrome_trace([]) == {"displayTimeUnit": "ns", "traceEvents": []}


def test_a_single_trace_is_not_taken_for_a_sequence() -> None:
    with pytest.raises(TypeError, match=r"pass \[trace\]"):
        chrome_trace(Trace(0, 1))  # type: ignore[arg-type]


def test_a_trace_that_cannot_be_attributed_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ends"):
        write_chrome_trace([Trace(5, 1)], tmp_path / "trace.json")
    assert not list(tmp_path.iterdir())
