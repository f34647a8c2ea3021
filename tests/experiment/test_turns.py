"""The warm-up, and what becomes of slow arms when it is to end."""

from __future__ import annotations

import time

import pytest

from aligntax.experiment import turns
from aligntax.experiment.call import Measurement
from aligntax.experiment.paired import Design, run_paired
from aligntax.trace import Outcome

PROMPTS = ["a", "b", "c"]
NAMES = ["raw", "guarded", "null", "only:one", "only:two"]
SLOW_SECONDS = 0.02


def arms(log: list[str], seconds: float = SLOW_SECONDS):
    """Return arms that take their time; each call is noted."""

    def arm(name: str):
        def answer(prompt: str) -> Measurement:
            log.append(name)
            time.sleep(seconds)
            return Measurement(seconds, 0.0, Outcome.ALLOWED)

        return answer

    return {name: arm(name) for name in NAMES}


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow is what takes a hundredth of a second."""
    monkeypatch.setattr(turns, "LOOK_SECONDS", 0.01)


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("stage", ["warming up", "measuring"])
def test_whoever_ends_it_waits_for_one_slow_request_and_not_for_all_arms(stage):
    log: list[str] = []
    rounds = 1 if stage == "warming up" else 0
    design = Design(width=1e-9, warm_up_rounds=rounds)
    columns = run_paired(arms(log), PROMPTS, design, lambda now, *_: now != stage)
    assert columns.stopped == "interrupted"
    assert len(log) == 1
    assert columns.prompt == []
    assert all(column == [] for column in columns.measured.values())


@pytest.mark.usefixtures("looking")
def test_a_warm_up_ends_with_its_time_in_the_middle_of_slow_arms():
    log: list[str] = []
    design = Design(budget_seconds=SLOW_SECONDS / 2, max_pairs=1)
    columns = run_paired(arms(log), PROMPTS, design, lambda *_: True)
    assert columns.warm_up_cut == 3
    assert columns.warm_up == {}
    assert len(log) == 1 + len(NAMES)
    assert columns.stopped == "budget"
    assert len(columns.prompt) == 1


def test_nobody_is_asked_between_the_arms_of_quick_requests():
    told: list[str] = []
    run_paired(
        arms([], 0.0), PROMPTS, Design(max_pairs=6, width=1e-9), lambda stage, *_: bool(told.append(stage) or True)
    )
    assert told == ["warming up"] * 3 + ["measuring"] * 5  # after each prompt; not after the last one


def test_a_warm_up_says_how_long_the_requests_of_each_arm_took(monkeypatch):
    columns = run_paired(arms([], 0.0), PROMPTS, Design(max_pairs=1, warm_up_rounds=4), lambda *_: True)
    assert columns.warm_up == {name: [0.0] * 12 for name in NAMES}
    assert columns.warm_up_cut == 0
    monkeypatch.setattr(turns, "MAX_NOTED", 5)
    columns = run_paired(arms([], 0.0), PROMPTS, Design(max_pairs=1, warm_up_rounds=4), lambda *_: True)
    assert {len(seconds) for seconds in columns.warm_up.values()} == {5}
