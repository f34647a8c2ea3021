"""Whole loads on simulated servers, in simulated time: what comes out is known beforehand."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from tests.experiment.load.loads import POISSON, PROMPTS, Fixed, loaded
from tests.experiment.load.simulated import OneAtATime, Stalling
from tests.experiment.load.virtual_time import VirtualTime

from aligntax.experiment.load import (
    Arm,
    Arrivals,
    Limits,
    Objective,
    Plan,
    Progress,
    Reply,
    SearchPlan,
    Slo,
    Timing,
    run_load,
)
from aligntax.experiment.load.records import BLOCKED, ERROR


def test_the_tax_under_load_is_what_the_guards_take() -> None:
    plan = Plan(POISSON, seconds=40.0, windows=4, warm_up_seconds=1.0)
    found = loaded({"raw": Fixed(0.050), "guarded": Fixed(0.062)}, plan)
    assert found["stopped"] == "done"
    assert found["tax"]["scheduled"]["seconds"]["value"] == pytest.approx(0.012, abs=1e-6)
    assert found["tax"]["scheduled"]["relative"]["value"] == pytest.approx(0.24, abs=1e-4)
    assert found["differences_of_quantiles"]["service"]["p99"] == pytest.approx(0.012, abs=1e-6)
    for name, seconds in (("raw", 0.050), ("guarded", 0.062)):
        arm = found["arms"][name]
        assert arm["latency"]["scheduled"]["p99"]["value"] == pytest.approx(seconds, abs=1e-3)
        assert arm["latency"]["dispatch_delay"]["p99"]["value"] < 1e-3
        assert arm["seconds"] == pytest.approx(40.0)
        assert arm["offered_rate"] == pytest.approx(20.0, rel=0.15)
        assert arm["throughput"] == pytest.approx(arm["offered_rate"], rel=0.01)
        assert arm["warm_up"] > 0
        assert arm["dropped"] == 0
    assert found["arms"]["raw"]["n"] == found["arms"]["guarded"]["n"] == found["tax"]["scheduled"]["n"]
    assert len(found["samples"]["window"]) == found["tax"]["scheduled"]["n"]
    assert found["warnings"] == []
    assert found["formulas"].keys() >= found["arms"]["raw"]["latency"].keys()


def test_as_many_are_answered_as_are_due_where_a_server_keeps_up_however_short_the_windows() -> None:
    arm = loaded({"raw": Fixed(0.6)}, Plan(Arrivals("constant", 20.0), seconds=4.0, windows=4))["arms"]["raw"]
    assert arm["throughput"] == pytest.approx(20.0, rel=0.06) == arm["offered_rate"]
    late = loaded({"raw": Fixed(1.2)}, Plan(Arrivals("constant", 20.0), seconds=4.0, windows=2, warm_up_seconds=0.0))
    assert late["arms"]["raw"]["throughput"] == pytest.approx(20.0 * 0.8 / 2.0, rel=0.07)


def test_arms_take_turns_and_get_the_same_prompts() -> None:
    begun: list[str] = []
    raw, guarded = Fixed(0.01), Fixed(0.01)
    arms = {"raw": Arm(raw, lambda: begun.append("raw")), "guarded": Arm(guarded, lambda: begun.append("guarded"))}
    loaded(arms, Plan(POISSON, seconds=9.0, windows=3, warm_up_seconds=0.5))
    assert begun == ["raw", "guarded", "guarded", "raw", "raw", "guarded"]
    assert raw.events == guarded.events
    assert (raw.events[0], raw.events[-1]) == ("open", "close")
    # Windows go on with the prompts where the one before ended.
    sent = raw.events[1:-1]
    assert sent == [PROMPTS[number % 7] for number in range(len(sent))]


def test_no_request_of_one_arm_is_in_flight_when_another_begins() -> None:
    in_flight = {"raw": 0, "guarded": 0}

    class Counting(Fixed):
        def __init__(self, name: str) -> None:
            super().__init__(1.5)
            self._name = name

        async def send(self, prompt: Any, timing: Timing) -> Reply:
            in_flight[self._name] += 1
            try:
                assert not all(in_flight.values())
                return await super().send(prompt, timing)
            finally:
                in_flight[self._name] -= 1

    found = loaded(
        {"raw": Counting("raw"), "guarded": Counting("guarded")}, Plan(POISSON, seconds=4.0, warm_up_seconds=0.2)
    )
    assert found["arms"]["raw"]["outcomes"].keys() == {"allowed"}


def test_blocks_are_kept_apart() -> None:
    found = loaded(
        {"raw": Fixed(0.1), "guarded": Fixed(0.1, sometimes=BLOCKED)},
        Plan(POISSON, seconds=30.0, slo=Slo(seconds=0.2)),
    )
    guarded = found["arms"]["guarded"]
    blocked, allowed = guarded["outcomes"]["blocked"], guarded["outcomes"]["allowed"]
    assert blocked / (blocked + allowed) == pytest.approx(1 / 7, abs=0.02)
    assert guarded["latency"]["scheduled"]["n"] == allowed
    assert guarded["blocked_latency"]["scheduled"]["n"] == blocked
    assert guarded["errors"] == {}
    # A block is neither a good answer nor a bad one; it is no answer that anybody waited for.
    assert guarded["within_slo"]["value"] == 1.0
    assert guarded["goodput"]["value"] == pytest.approx(allowed / guarded["seconds"])
    assert found["tax"]["scheduled"]["n"] == allowed


def test_errors_count_against_the_service_level_and_are_said() -> None:
    found = loaded(
        {"raw": Fixed(0.1), "guarded": Fixed(0.1, sometimes=ERROR)}, Plan(POISSON, seconds=30.0, slo=Slo(seconds=0.2))
    )
    guarded = found["arms"]["guarded"]
    share = guarded["within_slo"]
    assert share["low"] < share["value"] < share["high"]
    assert share["value"] == pytest.approx(6 / 7, abs=0.02)
    assert guarded["errors"] == {"broken": guarded["outcomes"]["error"]}
    assert any("failed or timed out" in warning for warning in found["warnings"])


def test_drops_are_said_and_count_against_the_service_level() -> None:
    plan = Plan(POISSON, seconds=20.0, limits=Limits(in_flight=10), slo=Slo(seconds=5.0))
    found = loaded({"raw": Fixed(1.0)}, plan)
    raw = found["arms"]["raw"]
    assert raw["dropped"] == raw["outcomes"]["dropped"] > 100
    assert raw["within_slo"]["value"] == pytest.approx(1 - raw["dropped"] / raw["n"])
    assert any("were not sent" in warning for warning in found["warnings"])


def test_a_stall_is_in_the_quantiles_of_the_result() -> None:
    plan = Plan(Arrivals("constant", 50.0), seconds=120.0, windows=2)
    found = loaded({"raw": Stalling(0.005, every_seconds=10.0, stall_seconds=1.0)}, plan)
    latency = found["arms"]["raw"]["latency"]["scheduled"]
    assert latency["p99"]["value"] == pytest.approx(0.9, abs=0.03)  # one in ten falls into a stall of up to 1 s
    assert latency["p50"]["value"] < 0.01


def test_stopping_keeps_what_there_is() -> None:
    async def main(time: VirtualTime) -> dict[str, Any]:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(15.0, stop.set)
        arms = {"raw": Arm(Fixed(0.05)), "guarded": Arm(Fixed(0.06))}
        return await run_load(arms, PROMPTS, Plan(POISSON, seconds=40.0), stop=stop, clock=time.clock, pace=time.pace)

    time = VirtualTime()
    found = time.run(main(time))
    assert found["stopped"] == "interrupted"
    assert found["arms"]["raw"]["n"] > 150
    assert 0 < found["arms"]["guarded"]["n"] < found["arms"]["raw"]["n"]
    assert found["arms"]["guarded"]["seconds"] < 3.5
    assert 0 < found["tax"]["scheduled"]["n"] <= found["arms"]["guarded"]["n"]


def test_calls_that_do_not_end_keep_the_next_arm_from_beginning() -> None:
    class Hanging(Fixed):
        def running(self) -> int:
            return 2 if len(self.events) > 2 else 0

    found = loaded({"raw": Hanging(0.01), "guarded": Fixed(0.01)}, Plan(POISSON, seconds=4.0))
    assert found["stopped"] == "stuck"
    assert "guarded" not in found["arms"]
    assert any("still ran" in warning for warning in found["warnings"])


def test_progress_is_told() -> None:
    said: list[Progress] = []
    search = SearchPlan(Objective.parse("p90<=100ms"), requests=100, budget_seconds=100.0)
    loaded(
        {"raw": OneAtATime(0.01), "guarded": OneAtATime(0.011)},
        Plan(POISSON, seconds=10.0, search=search),
        on_progress=said.append,
    )
    assert {(each.stage, each.arm) for each in said} == {
        (stage, arm) for stage in ("load", "search") for arm in ("raw", "guarded")
    }
    first = [each for each in said if each.stage == "load"]
    assert all(before.elapsed_seconds <= after.elapsed_seconds for before, after in pairwise(first))
    assert first[-1].elapsed_seconds == pytest.approx(first[-1].total_seconds, rel=0.05)
    assert len(first) < 250


async def test_nothing_to_do_is_refused() -> None:
    for arms, prompts in (({}, PROMPTS), ({"raw": Arm(Fixed(0.1))}, [])):
        with pytest.raises(ValueError, match="at least one of each"):
            await run_load(arms, prompts, Plan(POISSON))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0},
        {"windows": 0},
        {"windows": 10**6},
        {"warm_up_seconds": -1},
        {"seconds": 0.001, "warm_up_seconds": 0},
        {"max_requests": 0},
        {"max_requests": 1_000_001},
        {"max_requests": 600},
        {"seconds": 50_000.0},
    ],
)
def test_plans_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|less than one|at most (600|1,000,000) are sent"):
        Plan(POISSON, **wrong)
