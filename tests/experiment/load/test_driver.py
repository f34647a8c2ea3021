"""The open loop, on a simulated clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import numpy as np
import pytest
from tests.experiment.load.simulated import OneAtATime, Stalling
from tests.experiment.load.virtual_time import VirtualTime

from aligntax.experiment.load import Arrivals, Limits, Reply, Target, Timing, Window, constant, drive, poisson
from aligntax.experiment.load.driver import MAX_ERROR_KINDS, Counts
from aligntax.experiment.load.records import ALLOWED, BLOCKED

PROMPTS = ["one", "two", "three"]


class Scripted:
    """Does with each prompt what a function says."""

    def __init__(self, script: Any) -> None:
        self._script = script
        self.prompts: list[Any] = []

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def running(self) -> int:
        return 0

    async def send(self, prompt: Any, timing: Timing) -> Reply:
        self.prompts.append(prompt)
        timing.start()
        reply = self._script(prompt, timing)
        return await reply if asyncio.iscoroutine(reply) else reply


def under(target: Target, arrivals: Any, limits: Limits | None = None, **more: Any) -> tuple[Window, VirtualTime]:
    time = VirtualTime()
    window = time.run(drive(target, arrivals, PROMPTS, limits, clock=time.clock, pace=time.pace, **more))
    return window, time


def scheduled(window: Window) -> np.ndarray:
    return np.array([call.scheduled_ns for call in window.calls if call.scheduled_ns is not None]) / 1e9


def sleeping(seconds: float) -> Scripted:
    async def sleep(_: Any, timing: Timing) -> Reply:
        await asyncio.sleep(seconds)
        return Reply(ALLOWED)

    return Scripted(sleep)


def test_requests_go_out_when_they_are_due_however_slow_the_answers() -> None:
    offsets = list(poisson(50.0, 1, count=500))
    window, _ = under(sleeping(3.0), iter(offsets), Limits(in_flight=1000))
    assert window.ended == "done"
    assert [call.intended_ns for call in window.calls] == offsets
    late = [call.dispatch_ns for call in window.calls]
    assert max(late) < 1e6
    assert scheduled(window) == pytest.approx(3.0, abs=2e-3)


def test_prompts_come_in_turn() -> None:
    target = sleeping(0.0)
    under(target, constant(100.0, count=7))
    assert target.prompts == ["one", "two", "three", "one", "two", "three", "one"]


def test_a_stall_shows_at_the_intended_rate_and_would_not_in_a_closed_loop() -> None:
    """Coordinated omission: 1 s of every 10 s nothing is answered; one request in ten falls into that."""

    def stalling() -> Stalling:
        return Stalling(0.005, every_seconds=10.0, stall_seconds=1.0)

    window, _ = under(stalling(), constant(100.0, seconds=60.0))
    found = scheduled(window)
    assert np.quantile(found, 0.99) == pytest.approx(0.9, abs=0.02)
    assert np.mean(found > 0.25) == pytest.approx(0.075, abs=0.01)  # those of the first 0.75 s of each stall

    async def closed_loop(time: VirtualTime) -> np.ndarray:
        target, taken = stalling(), []
        for _ in range(6000):
            before_ns = time.clock()
            await target.send("one", Timing(time.clock))
            taken.append(time.clock() - before_ns)
        return np.array(taken) / 1e9

    time = VirtualTime()
    closed = time.run(closed_loop(time))
    assert np.quantile(closed, 0.99) < 0.01
    assert np.max(closed) > 0.9


def test_a_server_that_is_too_slow_has_a_line_that_grows() -> None:
    window, _ = under(OneAtATime(0.02), constant(100.0, seconds=4.0), Limits(in_flight=1000))
    found = scheduled(window)
    # Twice as many come as it can bear: the one due at t waits for t.
    assert found[-1] == pytest.approx(4.0, abs=0.1)
    assert np.all(np.diff(found) > 0)


def test_what_exceeds_the_places_in_flight_is_dropped_and_counted() -> None:
    said: list[Counts] = []
    window, _ = under(sleeping(1.0), constant(100.0, seconds=2.0), Limits(in_flight=30), on_progress=said.append)
    outcomes = Counter(call.outcome for call in window.calls)
    assert outcomes == {"allowed": 60, "dropped": 140}
    assert len(window.calls) == 200
    assert all(
        call.started_ns is None and call.scheduled_ns is None for call in window.calls if call.outcome != ALLOWED
    )
    assert (said[-1].due, said[-1].sent, said[-1].dropped, said[-1].in_flight) == (200, 60, 140, 0)


def test_a_request_that_takes_too_long_is_given_up() -> None:
    window, _ = under(sleeping(10.0), constant(10.0, count=5), Limits(timeout_seconds=0.5))
    assert {call.outcome for call in window.calls} == {"timeout"}
    assert {call.error for call in window.calls} == {"time-out"}
    assert [call.service_ns for call in window.calls] == [pytest.approx(5e8, abs=2e6)] * 5


def test_errors_are_counted_by_kind_and_kinds_are_bounded() -> None:
    numbers = iter(range(100))

    def fail(_: Any, timing: Timing) -> Reply:
        raise type(f"Error{next(numbers)}", (Exception,), {})("secret prompt")

    window, _ = under(Scripted(fail), constant(100.0, count=60))
    kinds = Counter(call.error for call in window.calls)
    assert {call.outcome for call in window.calls} == {"error"}
    assert len(kinds) == MAX_ERROR_KINDS + 1
    assert kinds["other"] == 60 - MAX_ERROR_KINDS
    assert not any("secret" in str(kind) for kind in kinds)


def test_a_targets_own_time_out_is_told_from_the_drivers() -> None:
    def fail(_: Any, timing: Timing) -> Reply:
        raise TimeoutError

    window, _ = under(Scripted(fail), constant(100.0, count=1))
    assert (window.calls[0].outcome, window.calls[0].error) == ("timeout", "time-out of the target")


def test_chunks_are_noted() -> None:
    async def stream(_: Any, timing: Timing) -> Reply:
        for gap in (0.1, 0.02, 0.05):
            await asyncio.sleep(gap)
            timing.chunk()
        timing.end()
        await asyncio.sleep(1)
        return Reply(BLOCKED, None, 12)

    window, _ = under(Scripted(stream), constant(1.0, count=1))
    call = window.calls[0]
    assert call.scheduled_first_ns == pytest.approx(1e8, abs=1e6)
    assert call.last_ns - call.first_ns == pytest.approx(7e7, abs=1e6)
    assert call.longest_gap_ns == pytest.approx(5e7, abs=1e6)
    assert call.scheduled_ns == pytest.approx(1.7e8, abs=1e6)
    assert (call.chunks, call.output_tokens, call.outcome) == (3, 12, "blocked")


def test_stopping_keeps_what_there_is() -> None:
    async def main(time: VirtualTime) -> Window:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(1.05, stop.set)
        return await drive(
            sleeping(0.3), constant(10.0, seconds=60.0), PROMPTS, stop=stop, clock=time.clock, pace=time.pace
        )

    time = VirtualTime()
    window = time.run(main(time))
    assert window.ended == "stopped"
    assert time.clock() < 2e9
    outcomes = Counter(call.outcome for call in window.calls)
    assert outcomes.keys() == {"allowed", "cancelled"}
    assert outcomes.total() == 11
    assert outcomes["cancelled"] >= 2


def test_a_window_that_was_stopped_lasted_until_then() -> None:
    async def main(time: VirtualTime) -> Window:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(15.0, stop.set)
        arrivals = constant(0.1, seconds=60.0)
        return await drive(sleeping(0.3), arrivals, PROMPTS, stop=stop, clock=time.clock, pace=time.pace)

    time = VirtualTime()
    window = time.run(main(time))
    assert [call.intended_ns for call in window.calls] == [0, 10**10]
    assert window.seconds == pytest.approx(15.0, abs=0.2)


def test_a_window_can_be_given_up() -> None:
    window, time = under(sleeping(0.3), constant(10.0, seconds=60.0), give_up=lambda call: call.number == 4)
    assert window.ended == "given up"
    assert time.clock() < 2e9
    assert [call.number for call in window.calls][:5] == [0, 1, 2, 3, 4]


async def test_cancelling_the_caller_cancels_what_is_in_flight() -> None:
    ended: list[str] = []

    async def wait(_: Any, timing: Timing) -> Reply:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return Reply(ALLOWED)

    task = asyncio.create_task(drive(Scripted(wait), constant(200.0, seconds=30.0), PROMPTS))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
    assert [each for each in asyncio.all_tasks() if each.get_name() == "aligntax-load"] == []


async def test_real_time_is_kept_too() -> None:
    """The default pace: nothing is sent early, and whatever is late is so by what the machine does."""
    window = await drive(sleeping(0.2), Arrivals("poisson", 100.0, 1).offsets(seconds=1.5), PROMPTS)
    late = np.array([call.dispatch_ns for call in window.calls]) / 1e9
    assert late.min() >= 0
    assert np.median(late) < 0.02
    assert scheduled(window).min() >= 0.2


async def test_no_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="no prompts"):
        await drive(sleeping(0.1), constant(1.0, count=1), [])


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"in_flight": 10**9}, {"timeout_seconds": 0}])
def test_limits_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)
