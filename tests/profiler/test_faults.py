"""Full queues and tables, a closed profiler, clocks and devices gone wrong: losses are counted, calls go on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from aligntax import Profiler, Verdict
from aligntax.ledger import Ledger
from aligntax.ledger_fields import MAX_ERROR_TYPES
from aligntax.recording.scope import FIELDS, LAYER_MASK, LAYER_SHIFT
from aligntax.testing import FakeClock, taking


def dropped(profiler: Profiler) -> dict[str, int]:
    return profiler.report().to_dict()["self"]["dropped_by_reason"]


@pytest.mark.parametrize(("queue_size", "kept"), [(1, 1), (3, 3), (10, 5)])
def test_a_full_queue_drops_the_oldest_requests(
    queue_size: int, kept: int, make_profiler: Callable[..., Profiler], clock: FakeClock
) -> None:
    profiler = make_profiler(queue_size=queue_size)
    for length in range(1, 6):
        with profiler.request():
            clock.advance(length)
    report = profiler.report().to_dict()
    assert report["requests"] == kept
    assert report["self"]["dropped_by_reason"] == ({"queue_full": 5 - kept} if kept < 5 else {})
    assert report["closure_seconds"]["request"] == pytest.approx(sum(range(6 - kept, 6)) * 1e-9)


def test_after_close_layers_go_on_untimed(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 5), name="guard")
    with profiler.request():
        guard("before")
    with profiler.request() as unfinished:
        guard("x")
        profiler.close()
        assert guard("within an open request") == "within an open request"
    assert guard("after") == "after"
    with profiler.request() as late:
        assert guard("in a request after") == "in a request after"
    assert (unfinished.tax.tax_ns, late.tax.tax_ns) == (10, 5)
    report = profiler.report().to_dict()
    assert report["requests"] == 1
    assert report["self"]["dropped_by_reason"] == {"closed": 3}  # two requests, and one span outside of any
    profiler.close()


def test_a_context_manager_closes(make_profiler: Callable[..., Profiler]) -> None:
    with make_profiler() as profiler:
        guard = profiler.guard(len, name="guard")
        with profiler.request():
            guard([])
    guard([])
    assert dropped(profiler) == {"closed": 1}
    assert profiler.report().to_dict()["requests"] == 1


def test_a_clock_that_stands_still(make_profiler: Callable[..., Profiler]) -> None:
    profiler = make_profiler(clock=lambda: 42, cpu_clock=lambda: 42, cpu_share=1.0)
    model = profiler.model(lambda text: text, name="model")
    guard = profiler.guard(lambda text: model(text.upper()), name="guard")
    for _ in range(3):
        with profiler.request() as request:
            assert guard("x") == "X"
    assert request.tax.seconds == request.tax.ratio == 0.0
    report = profiler.report()
    assert report.to_dict()["layers"][1]["verdicts"] == {"modify": 3}
    assert report.to_dict()["request"]["tax_ratio"]["of_sums"] is None
    assert "0 s" in report.headline
    assert dropped(profiler) == {}


def test_a_clock_that_jumps_ahead(profiler: Profiler, clock: FakeClock) -> None:
    year_ns = 365 * 24 * 3600 * 10**9
    guard = profiler.guard(taking(clock, year_ns), name="guard")
    with profiler.request() as request:
        guard()
    assert request.tax.tax_ns == year_ns
    report = profiler.report().to_dict()
    assert report["layers"][0]["wall_seconds"]["sum"] == pytest.approx(365 * 24 * 3600)
    assert dropped(profiler) == {}


@pytest.mark.parametrize("nested", [False, True])
def test_a_clock_that_runs_backwards_loses_time_but_no_request(
    nested: bool, make_profiler: Callable[..., Profiler]
) -> None:
    clock = FakeClock(1_000)
    profiler = make_profiler(clock=clock)

    @profiler.guard
    def inner() -> str:
        clock.now_ns -= 100
        return "answer"

    outer = profiler.guard(lambda: inner(), name="outer") if nested else inner
    for _ in range(2):
        with profiler.request() as backwards:
            assert outer() == "answer"
        with profiler.request() as forwards:
            clock.advance(7)
    assert backwards.tax.tax_ns == 0
    assert forwards.tax.guarded_ns == 7
    report = profiler.report().to_dict()
    assert report["requests"] == 4
    assert report["closure_seconds"]["request"] == pytest.approx(14e-9)
    assert {layer["wall_seconds"]["sum"] for layer in report["layers"]} == {0.0}
    assert report["self"]["dropped_by_reason"] == {}
    assert report["self"]["seconds"]["drain"] >= 0


def test_more_error_types_than_there_is_room_for(profiler: Profiler) -> None:
    @profiler.guard
    def guard(kind: type[Exception]) -> None:
        raise kind

    kinds = [type(f"Error{number}", (Exception,), {}) for number in range(MAX_ERROR_TYPES + 4)]
    with profiler.request() as request:
        for kind in kinds:
            with pytest.raises(kind):
                guard(kind)
    errors = profiler.report().to_dict()["layers"][0]["errors"]
    named = MAX_ERROR_TYPES - 1
    assert errors == {"other": 5, **{f"Error{number}": 1 for number in range(named)}}
    assert [span.error_type for span in request.trace.spans][-5:] == ["other"] * 5
    assert dropped(profiler) == {}


def test_more_models_than_there_is_room_for(make_profiler: Callable[..., Profiler], clock: FakeClock) -> None:
    profiler = make_profiler(max_models=3)
    for number in range(5):
        with profiler.request(model=f"model-{number}"):
            clock.advance(10)
    report = profiler.report().to_dict()
    assert report["models"] == ["model-0", "model-1"]
    assert profiler.ledger.requests.sum(axis=(1, 2)).tolist() == [3, 1, 1]
    assert report["requests"] == 5


@pytest.mark.parametrize("verdict", [Verdict.ALLOW, Verdict.BLOCK])  # folded by the batch, and one by one
def test_a_request_that_cannot_be_folded_costs_no_other_request(
    verdict: Verdict, profiler: Profiler, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    guard = profiler.guard(taking(clock, 5, verdict), name="guard")
    for number in range(5):
        with profiler.request():
            guard()
            if number == 2:
                (running,) = profiler._intake.running
                running.root[2] |= LAYER_MASK << LAYER_SHIFT  # a layer that does not exist
    report = profiler.report().to_dict()
    assert report["requests"] == 4
    assert report["self"]["dropped_by_reason"] == {"internal_error": 1}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    with profiler.request():
        guard()
    assert profiler.report().to_dict()["requests"] == 5


def test_a_chore_that_fails_does_not_stop_the_drain(profiler: Profiler) -> None:
    def chore() -> None:
        raise RuntimeError("CUDA error: device lost")

    done = []
    profiler.recorder.chores += [chore, lambda: done.append(True)]
    with profiler.request():
        pass
    report = profiler.report().to_dict()
    assert report["requests"] == 1
    assert report["self"]["dropped_by_reason"] == {"internal_error": 1}
    assert done == [True]


def test_a_span_that_comes_behind_the_seal_is_late(profiler: Profiler, clock: FakeClock) -> None:
    """A thread that passed the check for room before the request ended appends after it."""
    guard = profiler.guard(taking(clock, 5), name="guard")
    with profiler.request() as request:
        guard()
        (running,) = profiler._intake.running
    profiler.drain()
    running.root += running.root[:FIELDS]
    assert len(request.trace.spans) == 1
    report = profiler.report().to_dict()
    assert (report["requests"], report["layers"][0]["calls"]) == (1, 1)
    assert dropped(profiler) == {"late_span": 1}


def test_ledgers_can_be_too_small() -> None:
    with pytest.raises(ValueError, match="at least 1 and 2"):
        Ledger(0, 2)
