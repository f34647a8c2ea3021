"""The search for the highest rate that keeps an objective, on simulated servers whose capacity is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.experiment.load.loads import POISSON, Fixed, loaded
from tests.experiment.load.simulated import OneAtATime

from aligntax.experiment.load import (
    Arrivals,
    Limits,
    Objective,
    Plan,
    Reply,
    SearchPlan,
    Timing,
)
from aligntax.experiment.load.records import ERROR


@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_the_capacity_of_a_queue_within_its_bracket(seed: int) -> None:
    """An M/M/1 queue keeps p90 <= x up to the rate mu - ln(10) / x, by the theory of queues."""
    objective = Objective(0.9, 0.1)
    mu = {"raw": 100.0, "guarded": 80.0}
    truth = {name: rate - math.log(10) / objective.limit_seconds for name, rate in mu.items()}
    plan = Plan(
        Arrivals("poisson", 20.0, seed),
        seconds=5.0,
        windows=1,
        limits=Limits(in_flight=5000),
        search=SearchPlan(objective, requests=800, budget_seconds=3000.0),
    )
    arms = {name: OneAtATime(1 / rate, exponential=True, seed=seed) for name, rate in mu.items()}
    found = loaded(arms, plan)["throughput_tax"]
    assert found["stopped"] == "done"
    for name, capacity in truth.items():
        arm = found["arms"][name]
        assert arm["highest_kept"] <= capacity <= arm["lowest_failed"]
        assert arm["lowest_failed"] / arm["highest_kept"] < 1.8
        assert arm["rate"]["low"] == arm["highest_kept"]
    relative, absolute = found["relative"], found["absolute"]
    assert relative["low"] <= 1 - truth["guarded"] / truth["raw"] <= relative["high"]
    assert absolute["low"] <= truth["raw"] - truth["guarded"] <= absolute["high"]


def test_the_search_is_sharp_where_the_capacity_is() -> None:
    """A server that takes 10 ms a request, one at a time, bears 100 a second that come evenly."""
    plan = Plan(
        Arrivals("constant", 40.0),
        seconds=2.0,
        windows=1,
        limits=Limits(in_flight=5000),
        search=SearchPlan(Objective.parse("p99<=50ms"), requests=1000, tolerance=0.02, budget_seconds=3000.0),
    )
    found = loaded({"raw": OneAtATime(0.010), "guarded": OneAtATime(0.0125)}, plan)["throughput_tax"]
    for name, capacity in (("raw", 100.0), ("guarded", 80.0)):
        arm = found["arms"][name]
        # Up to a hundredth above it, no line of a thousand requests grows to 50 ms.
        assert arm["highest_kept"] <= capacity * 1.01
        assert arm["highest_kept"] == pytest.approx(capacity, rel=0.04)
    assert found["relative"]["value"] == pytest.approx(0.2, abs=0.04)


def test_a_search_ends_at_its_budget_and_says_so() -> None:
    search = SearchPlan(Objective.parse("p90<=100ms"), budget_seconds=30.0)
    found = loaded({"raw": OneAtATime(0.01)}, Plan(POISSON, seconds=2.0, windows=1, search=search))
    tax = found["throughput_tax"]
    assert (tax["stopped"], tax["budget_seconds"]) == ("budget", 30.0)
    assert tax["arms"]["raw"]["highest_kept"] >= 20.0
    assert "relative" not in tax
    assert any("ended early: another trial would have taken it beyond its 30 s" in each for each in found["warnings"])


def test_a_load_and_its_search_send_no_more_requests_than_they_may() -> None:
    raw, guarded = OneAtATime(0.01), OneAtATime(0.011)
    sent = {"raw": 0, "guarded": 0}

    def counting(name: str, server: OneAtATime) -> OneAtATime:
        send = server.send

        async def counted(prompt: Any, timing: Timing) -> Reply:
            sent[name] += 1
            return await send(prompt, timing)

        server.send = counted  # type: ignore[method-assign]
        return server

    search = SearchPlan(Objective.parse("p90<=100ms"), requests=200, budget_seconds=1e6)
    plan = Plan(POISSON, seconds=10.0, windows=1, max_requests=2000, search=search)
    found = loaded({"raw": counting("raw", raw), "guarded": counting("guarded", guarded)}, plan)
    assert found["limits"]["requests"] == 2000
    assert found["throughput_tax"]["stopped"] == "requests"
    assert any("would have sent an arm more than 2,000 requests in all" in each for each in found["warnings"])
    assert 1000 < max(sent.values()) <= 2000
    whole = loaded({"raw": OneAtATime(0.01)}, Plan(POISSON, seconds=10.0, windows=1, search=search))
    assert whole["throughput_tax"]["stopped"] == "done"
    assert not any("ended early" in each for each in whole["warnings"])


def test_a_search_of_too_many_trials_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.experiment.load.throughput.MAX_TRIALS", 2)
    search = SearchPlan(Objective.parse("p90<=100ms"), requests=100, budget_seconds=1e6)
    found = loaded({"raw": OneAtATime(0.01)}, Plan(POISSON, seconds=2.0, windows=1, search=search))
    assert found["throughput_tax"]["stopped"] == "trials"
    assert len(found["throughput_tax"]["arms"]["raw"]["trials"]) == 2
    assert any("ended early: it had 2 trials of an arm" in each for each in found["warnings"])


@pytest.mark.parametrize(("q", "most"), [(1 - 1 / 7, 500), (0.88, 2000)], ids=["on the objective", "beside it"])
def test_a_trial_goes_on_only_while_it_may_come_to_tell(q: float, most: int) -> None:
    """One request of seven fails; of 500 the interval of the share is about 3 % wide to either side."""
    search = SearchPlan(Objective(q, 0.1), requests=500, budget_seconds=120.0)
    plan = Plan(Arrivals("constant", 20.0), seconds=2.0, windows=1, search=search)
    trial = loaded({"raw": Fixed(0.01, sometimes=ERROR)}, plan)["throughput_tax"]["arms"]["raw"]["trials"][0]
    assert trial["kept"] is (None if most == 500 else False)
    assert (trial["n"] > 500) is (most > 500)
    assert trial["n"] <= most


def test_an_objective_that_nothing_keeps_leaves_the_bracket_open() -> None:
    plan = Plan(
        Arrivals("constant", 10.0),
        seconds=2.0,
        windows=1,
        search=SearchPlan(Objective.parse("p90<=10ms"), requests=100, budget_seconds=1e6),
    )
    found = loaded({"raw": Fixed(0.05), "guarded": Fixed(0.05)}, plan)["throughput_tax"]
    assert found["relative"] is None
    assert found["arms"]["raw"]["rate"] is None
    assert found["arms"]["raw"]["highest_kept"] is None


def test_a_rate_that_is_bounded_by_what_sends_is_said() -> None:
    class LateToStart(OneAtATime):
        async def send(self, prompt: Any, timing: Timing) -> Reply:
            async with self._place:  # as calls wait for the only thread of a pool
                return await Fixed(0.01).send(prompt, timing)

    plan = Plan(
        Arrivals("constant", 50.0),
        seconds=2.0,
        windows=1,
        limits=Limits(in_flight=5000),
        search=SearchPlan(Objective.parse("p90<=100ms"), requests=200, budget_seconds=1e6),
    )
    found = loaded({"raw": LateToStart(0.0)}, plan)
    arm = found["throughput_tax"]["arms"]["raw"]
    assert arm["highest_kept"] == pytest.approx(100.0, rel=0.07)
    assert max(trial["dispatch_delay"] for trial in arm["trials"]) > 0.05
    assert any("may be what bounds the rate" in warning for warning in found["warnings"])


def test_a_trial_lasts_long_enough_for_a_line_to_grow() -> None:
    search = SearchPlan(Objective.parse("p90<=100ms"), requests=100, tolerance=0.05)
    assert search.requests_at(1.0) == 100
    assert search.requests_at(1000.0) == 4000
    assert search.requests_at(1e5) <= 500_000


@pytest.mark.parametrize(
    "wrong", [{"requests": 10}, {"requests": 500_001}, {"extensions": -1}, {"tolerance": 0}, {"budget_seconds": 0}]
)
def test_searches_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"requests|extensions|tolerance|budget"):
        SearchPlan(Objective.parse("p99<=1s"), **wrong)
