"""How requests end: the seven outcomes, what decides between them, and what each is counted in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.testing import FakeClock, taking


class BlockedError(Exception):
    verdict = Verdict.BLOCK


# name: (stage, what its guard does, what the application raises)
CASES: dict[Outcome, tuple[str, object, BaseException | None]] = {
    Outcome.ALLOWED: ("input", Verdict.ALLOW, None),
    Outcome.MODIFIED: ("input", Verdict.MODIFY, None),
    Outcome.BLOCKED_INPUT: ("input", Verdict.BLOCK, None),
    Outcome.BLOCKED_OUTPUT: ("output", Verdict.BLOCK, None),
    Outcome.ERROR: ("input", Verdict.ALLOW, ValueError("no")),
    Outcome.TIMEOUT: ("input", Verdict.ALLOW, TimeoutError()),
    Outcome.CANCELLED: ("input", Verdict.ALLOW, asyncio.CancelledError()),
}


def serve(profiler: Profiler, guard: Callable[[object], object], error: BaseException | None) -> Outcome:
    with contextlib.suppress(BaseException), profiler.request() as request:
        guard("x")
        if error is not None:
            raise error
    return request.outcome


@pytest.mark.parametrize("outcome", CASES)
def test_the_outcome_of_a_request(outcome: Outcome, profiler: Profiler, clock: FakeClock) -> None:
    stage, verdict, error = CASES[outcome]
    guard = profiler.guard(taking(clock, 10, verdict), name="guard", stage=stage)
    assert serve(profiler, guard, error) is outcome
    report = profiler.report().to_dict()
    assert report["outcomes"] == {str(outcome): 1}
    # Only requests that ran to their end have a raw time to compare with.
    compared = outcome in {Outcome.ALLOWED, Outcome.MODIFIED}
    assert report["request"]["tax_seconds"]["n"] == compared
    assert report["layers"][0]["tax_seconds"]["n"] == compared
    assert report["layers"][0]["calls"] == 1
    assert report["closure_seconds"] == pytest.approx(
        {"request": 10e-9, "guards": 10e-9, "model": 0.0, "unattributed": 0.0}
    )


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [
        ("input", Outcome.BLOCKED_INPUT),
        ("parallel", Outcome.BLOCKED_INPUT),
        ("decode", Outcome.BLOCKED_OUTPUT),
        ("stream", Outcome.BLOCKED_OUTPUT),
        ("output", Outcome.BLOCKED_OUTPUT),
    ],
)
@pytest.mark.parametrize("error", [None, ValueError("no"), TimeoutError(), BlockedError()])
def test_a_block_wins_over_an_error(
    stage: str, outcome: Outcome, error: BaseException | None, profiler: Profiler
) -> None:
    guard = profiler.guard(lambda _: Verdict.BLOCK, name="guard", stage=stage)
    assert serve(profiler, guard, error) is outcome


def test_the_first_block_decides(profiler: Profiler) -> None:
    late = profiler.guard(lambda _: Verdict.BLOCK, name="late", stage="output")
    early = profiler.guard(lambda _: Verdict.BLOCK, name="early", stage="input")
    with profiler.request() as request:
        early("x")
        late("x")
    assert request.outcome is Outcome.BLOCKED_INPUT


def test_raising_is_a_way_to_block(profiler: Profiler) -> None:
    def guard(_: object) -> None:
        raise BlockedError

    assert serve(profiler, profiler.guard(guard, stage="output"), None) is Outcome.BLOCKED_OUTPUT
    assert serve(profiler, lambda _: None, BlockedError()) is Outcome.BLOCKED_OUTPUT


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.TIMEOUT, Verdict.CANCELLED, Verdict.SKIPPED])
def test_a_guards_failure_that_the_application_survives_is_no_outcome(verdict: Verdict, profiler: Profiler) -> None:
    assert serve(profiler, profiler.guard(lambda _: verdict, name="guard"), None) is Outcome.ALLOWED


def test_a_models_answer_is_no_verdict(profiler: Profiler) -> None:
    assert serve(profiler, profiler.model(lambda _: Verdict.BLOCK, name="model"), None) is Outcome.ALLOWED


@pytest.mark.parametrize("outcome", [*Outcome, "timeout"])
def test_the_application_may_know_better(outcome: Outcome | str, profiler: Profiler) -> None:
    guard = profiler.guard(lambda _: Verdict.BLOCK, name="guard")
    with profiler.request() as request:
        guard("x")
        request.outcome = outcome
        assert request.outcome == outcome
    assert request.outcome is request.trace.outcome is Outcome(outcome)
    assert profiler.report().to_dict()["outcomes"] == {str(Outcome(outcome)): 1}


def test_an_unknown_outcome_is_refused(profiler: Profiler) -> None:
    with profiler.request() as request, pytest.raises(ValueError, match="'fine' is not a valid Outcome"):
        request.outcome = "fine"
    with pytest.raises(RuntimeError, match="has ended"):
        request.outcome = Outcome.ERROR
    assert request.outcome is Outcome.ALLOWED


def test_model_time_that_a_block_throws_away_is_counted(profiler: Profiler, clock: FakeClock) -> None:
    model = profiler.model(taking(clock, 300), name="model")
    scan = profiler.guard(taking(clock, 20, Verdict.BLOCK), name="scan", stage="output")
    with profiler.request():
        model("x")
        scan("x")
    report = profiler.report().to_dict()
    assert report["discarded_model_seconds"] == pytest.approx({"scan": 300e-9})
    assert report["request"]["raw_seconds"]["n"] == 0
