"""Trace files: what a line says."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.exporters.jsonl.lines import MODEL, PII, TRACE, lines_of, write

from aligntax import Profiler, Span, Trace, attribute
from aligntax.exporters.jsonl import TraceFile
from aligntax.exporters.record import MAX_SPANS
from aligntax.testing import FakeClock, taking

MILLISECOND = 1_000_000


def test_a_line_says_it_all(path: Path) -> None:
    clock = FakeClock(500_000)
    before = datetime.now(UTC)
    file = TraceFile(path, clock=clock)
    after = datetime.now(UTC)
    write(file, TRACE)
    file.close()
    (line,) = lines_of(path)
    start = datetime.fromisoformat(line.pop("start"))
    earlier = timedelta(microseconds=500 - 1)  # the request began before the file was made
    assert before - timedelta(milliseconds=1) <= start + earlier <= after
    found = attribute(TRACE)
    spans = line.pop("spans")
    assert line == {
        "schema": "aligntax.trace/1",
        "trace_id": 'an "id"',
        "model": "gpt2",
        "outcome": "modified",
        "duration_ns": 8_000,
        "raw_ns": found.raw_ns,
        "tax_ns": found.tax_ns,
        "unattributed_ns": found.unattributed_ns,
        "shares_ns": {"pii": found.layers["pii"].share_ns},
        "spans_left_out": 0,
    }
    assert sum(line["shares_ns"].values()) == line["tax_ns"] > 0
    nothing = dict.fromkeys(("parent", "call", "cpu_ns", "gpu_ns", "gpu_offset_ns", "gpu_device", "error_type"))
    pii = {"layer": "pii", "kind": "guard", "stage": "input"}
    model = {"layer": "gpt2", "kind": "model", "stage": "model"}
    assert spans == [
        nothing | pii | {"offset_ns": 1_000, "duration_ns": 500, "verdict": "error"}
        | {"cpu_ns": 400, "error_type": "KeyError"},
        nothing | model | {"offset_ns": 2_000, "duration_ns": 2_000, "verdict": None, "call": 3}
        | {"gpu_ns": 2_500, "gpu_offset_ns": 2_100, "gpu_device": "cuda:0"},
        nothing | pii | {"offset_ns": 3_000, "duration_ns": 500, "verdict": "modify", "parent": 1},
        nothing | model | {"offset_ns": 5_000, "duration_ns": 1_000, "verdict": "allow", "call": 3},
    ]  # fmt: skip


def test_a_profiler_s_requests_arrive_in_order_and_without_any_text(path: Path) -> None:
    clock = FakeClock()
    profiler = Profiler(clock=clock, drain_seconds=0)
    guard = profiler.guard(taking(clock, MILLISECOND, "the changed answer"), name="guard")
    file = TraceFile(path, clock=clock)
    profiler.subscribe(file)
    starts_ns = []
    for _ in range(3):
        clock.advance(3 * MILLISECOND)
        starts_ns.append(clock.now_ns)
        with profiler.request():
            guard("the prompt")
    profiler.close()
    file.close()
    lines = lines_of(path)
    times = [datetime.fromisoformat(line["start"]) for line in lines]
    assert [time - times[0] for time in times] == [timedelta(milliseconds=4 * number) for number in range(3)]
    assert [line["tax_ns"] for line in lines] == [MILLISECOND] * 3
    assert b"the " not in path.read_bytes()


def test_many_spans_are_cut(path: Path) -> None:
    spans = [Span(PII, number, number + 1) for number in range(MAX_SPANS + 5)]
    spans[3] = spans[3]._replace(parent=MAX_SPANS + 1)
    spans[MAX_SPANS + 1] = Span(MODEL, 0, 100)
    file = TraceFile(path)
    write(file, Trace(0, 2 * MAX_SPANS, tuple(spans)))
    file.close()
    (line,) = lines_of(path)
    assert (len(line["spans"]), line["spans_left_out"]) == (MAX_SPANS, 5)
    assert line["spans"][3]["parent"] is None


def test_times_are_of_the_wall_clock(path: Path) -> None:
    profiler = Profiler(drain_seconds=0)
    file = TraceFile(path)
    profiler.subscribe(file)
    before = time.time()
    with profiler.request():
        pass
    after = time.time()
    profiler.drain()
    file.close()
    (line,) = lines_of(path)
    assert before - 0.001 <= datetime.fromisoformat(line["start"]).timestamp() <= after + 0.001
