"""What a result says of measurements that are known, and how long it takes to say it."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from aligntax.attribution import attribute
from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import HOP, arms_of
from aligntax.experiment.call import Measurement
from aligntax.experiment.paired import MAX_PAIRS, Columns, Design
from aligntax.experiment.session import Session
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

GUARDS = [Layer(f"guard {number}", "guard", "input") for number in range(4)]
MODEL = Layer("model", "model")
MILLI = 1_000_000


def request(outcome: Outcome = Outcome.ALLOWED) -> Measurement:
    """Return a request with guards of 1, 2, 3 and 4 ms, and a model of 10 ms unless they block."""
    spans, now_ns = [], 0
    for number, layer in enumerate(GUARDS, 1):
        end_ns = now_ns + number * MILLI
        spans.append(Span(layer, now_ns, end_ns, Verdict.ALLOW, cpu_ns=MILLI // 2))
        now_ns = end_ns
    if outcome.comparable:
        spans.append(Span(MODEL, now_ns, now_ns + 10 * MILLI))
        now_ns += 10 * MILLI
    trace = Trace(0, now_ns, tuple(spans), outcome)
    return Measurement(now_ns / 1e9, 0.02, outcome, trace, attribute(trace))


def columns_of(pairs: int, outcomes: tuple[Outcome, ...] = (Outcome.ALLOWED,), **others: float) -> Columns:
    names = [*dict.fromkeys(["raw", "guarded", *others])]
    columns = Columns(names, measured={name: [] for name in names}, stopped="pairs")
    drawn = cycle(request(outcome) for outcome in outcomes)
    for index in range(pairs):
        flat = {name: Measurement(seconds, 0.01, Outcome.ALLOWED) for name, seconds in others.items()}
        raw = Measurement(0.010, 0.01, Outcome.ALLOWED)
        columns.add(index % 100, index // 100, {"raw": raw, **flat, "guarded": next(drawn)})
    return columns


def analysed(columns: Columns) -> dict[str, Any]:
    return analyse(columns, {layer.name: layer for layer in GUARDS})


def test_the_largest_experiment_is_analysed_and_written_in_little_time(tmp_path):
    arms = arms_of([layer.name for layer in GUARDS], each=True)
    columns = columns_of(MAX_PAIRS, **{arm.name: 0.011 for arm in arms if arm.name not in ("raw", "guarded")})
    start = time.process_time()
    parts = analysed(columns)
    assert time.process_time() - start < 2.0
    session = Session([f"prompt {number}" for number in range(100)], Design())
    described = {"kind": "pipeline", "name": "large", "guards": [], "always_on": [], "deterministic": True}
    path = tmp_path / "result.json"
    session.result(described, arms, columns, parts).save(path)
    assert path.stat().st_size < 20e6


def test_blocked_requests_count_for_verdicts_and_not_for_times():
    parts = analysed(columns_of(40, (Outcome.ALLOWED, Outcome.BLOCKED_INPUT)))
    assert parts["tax"]["n"] == 20
    assert parts["tax"]["seconds"]["value"] == pytest.approx(0.010)
    assert parts["latency"]["guarded"]["n"] == 20
    for number, guard in enumerate(parts["guards"], 1):
        assert guard["verdicts"] == {"allow": 40}
        assert guard["calls"] == 20
        assert guard["share_seconds"]["value"] == pytest.approx(number / 1000)
        assert guard["cpu_seconds"] == pytest.approx(0.0005)
        assert guard["gpu_seconds"] is None
    assert sum(guard["share_of_tax"] for guard in parts["guards"]) == pytest.approx(1.0)


def test_every_row_of_the_latencies_is_about_the_requests_that_ran_to_their_end_in_its_arm_and_both_others():
    """Requests that a guard blocks are the slow ones here: without guards they must not count either."""
    columns = columns_of(40, (Outcome.ALLOWED, Outcome.BLOCKED_INPUT), null=0.011, **{"only:guard 0": 0.012})
    for arm, seconds in (("raw", 0.030), ("null", 0.031), ("only:guard 0", 0.032)):
        column = columns.measured[arm]
        column[1::2] = [replace(each, seconds=seconds) for each in column[1::2]]
    columns.measured["only:guard 0"][0] = Measurement(0.5, 0.01, Outcome.ERROR)
    latency = analysed(columns)["latency"]
    assert {arm: times["n"] for arm, times in latency.items()} == {
        "raw": 20,
        "guarded": 20,
        "null": 20,
        "only:guard 0": 19,
    }
    assert [latency[arm]["p99"]["value"] for arm in ("raw", "null", "only:guard 0")] == [0.010, 0.011, 0.012]


def test_an_arm_that_never_ran_to_its_end_where_both_others_did_has_no_latency():
    columns = columns_of(40, (Outcome.ALLOWED, Outcome.BLOCKED_INPUT), **{"only:guard 0": 0.012})
    column = columns.measured["only:guard 0"]
    column[::2] = [replace(each, outcome=Outcome.BLOCKED_OUTPUT) for each in column[::2]]
    assert analysed(columns)["latency"]["only:guard 0"] == {"n": 0}


def test_what_a_guard_takes_alone_in_a_proxy_is_without_the_way_through_it():
    alone = {"only:guard 0": 0.0145, "without:guard 0": 0.0155}
    plain = analysed(columns_of(40, **alone))["guards"][0]
    assert plain["alone_seconds"]["value"] == pytest.approx(0.0045)
    assert plain["left_out_seconds"]["value"] == pytest.approx(0.0045)
    proxied = analysed(columns_of(40, **alone, **{HOP: 0.0125}))
    assert proxied["tax"]["hop_seconds"]["value"] == pytest.approx(0.0025)
    assert proxied["contention"]["hop_seconds"]["value"] == pytest.approx(0.0025)
    assert proxied["guards"][0]["alone_seconds"]["value"] == pytest.approx(0.002)
    assert proxied["guards"][0]["left_out_seconds"]["value"] == pytest.approx(0.0045)


def test_what_was_not_measured_is_absent():
    parts = analysed(columns_of(40))
    assert "null" not in parts
    assert parts["tax"]["distinguishable"] is None
    assert "hop_seconds" not in parts["tax"]
    assert "hop_seconds" not in parts["contention"]
    assert "first_chunk_seconds" not in parts["tax"]
    assert parts["guards"][0]["alone_seconds"] is None


@pytest.mark.parametrize(
    ("stopped", "error", "complaint"),
    [("budget", ValueError, "of 3 requests none ran to its end"), ("interrupted", KeyboardInterrupt, "interrupted")],
)
def test_nothing_to_compare_is_an_error_unless_somebody_ended_it(stopped, error, complaint):
    columns = columns_of(3, (Outcome.BLOCKED_INPUT,))
    columns.stopped = stopped
    with pytest.raises(error, match=complaint):
        analysed(columns)


def test_gpu_time_is_told_of_both_arms_once_any_request_had_some():
    columns = columns_of(40)
    assert "gpu_seconds" not in analysed(columns)["compute"]
    columns.measured["guarded"] = [replace(each, gpu_seconds=0.003) for each in columns.measured["guarded"]]
    found = analysed(columns)["compute"]["gpu_seconds"]
    assert {arm: found[arm]["value"] for arm in found} == {
        "raw": 0.0,
        "guarded": pytest.approx(0.003),
        "tax": pytest.approx(0.003),
    }
    columns.measured["raw"] = [replace(each, gpu_seconds=0.001) for each in columns.measured["raw"]]
    assert analysed(columns)["compute"]["gpu_seconds"]["tax"]["value"] == pytest.approx(0.002)


def test_the_warm_up_is_told_apart():
    columns = columns_of(40)
    assert "warm_up" not in analysed(columns)
    columns.warm_up = {"raw": [0.5] * 10, "guarded": [0.7] * 10}
    found = analysed(columns)
    assert {arm: (times["n"], times["p50"]["value"]) for arm, times in found["warm_up"].items()} == {
        "raw": (10, 0.5),
        "guarded": (10, 0.7),
    }
    assert found["latency"]["raw"]["n"] == 40
    assert found["latency"]["raw"]["p50"]["value"] == pytest.approx(0.010)
