"""Traces handed to subscribers: which, how often, on whose failure, and that nobody else pays for it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler, Trace, Verdict, attribute, drain
from aligntax.attribution import Attribution
from aligntax.testing import FakeClock, taking

Make = Callable[..., Profiler]


class Keeping:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.attributions: list[Attribution] = []

    def __call__(self, trace: Trace, attribution: Attribution) -> None:
        self.traces.append(trace)
        self.attributions.append(attribution)


def serve(profiler: Profiler, count: int) -> None:
    for _ in range(count):
        with profiler.request():
            pass
    profiler.drain()


def test_every_request_is_handed_over_with_its_attribution(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 5), name="guard")
    block = profiler.guard(taking(clock, 7, Verdict.BLOCK), name="block")
    kept = Keeping()
    profiler.subscribe(kept)
    for call in (guard, block, guard):
        with profiler.request(trace_id="abc") as request:
            call("the prompt")
    assert kept.traces == [], "nothing is handed over before it is drained"
    profiler.drain()
    profiler.drain()
    assert kept.traces == profiler.traces()
    assert kept.traces[-1] == request.trace
    assert kept.attributions == [attribute(trace) for trace in kept.traces]
    assert "the prompt" not in repr(kept.traces)


def test_the_numbers_are_the_same_with_and_without_subscribers(make_profiler: Make) -> None:
    reports = []
    for share in (None, 0.0, 0.5, 1.0):
        clock = FakeClock()
        profiler = make_profiler(clock=clock, cpu_clock=clock)
        if share is not None:
            profiler.subscribe(Keeping(), share=share)
        guard = profiler.guard(taking(clock, 5), name="guard")
        change = profiler.guard(taking(clock, 50, "changed"), name="change", stage="output")
        model = profiler.model(taking(clock, 1000), name="model")
        for number in range(40):
            with profiler.request():
                guard("x")
                clock.advance(number)
                model("y")
                if number % 3 == 0:
                    change("z")
        reports.append(profiler.report().to_dict())
    assert reports[1:] == reports[:1] * 3


def test_only_chosen_requests_are_assembled(
    profiler: Profiler, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembled: list[Any] = []
    real = drain.assemble

    def counting(*arguments: Any) -> Trace:
        assembled.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(drain, "assemble", counting)
    guard = profiler.guard(taking(clock, 5), name="guard")

    def serve_thousand() -> int:
        assembled.clear()
        for _ in range(1000):
            with profiler.request():
                guard("x")
        profiler.drain()
        return len(assembled)

    assert serve_thousand() == 0
    kept = Keeping()
    stop = profiler.subscribe(kept, share=0.05)
    profiler._drain.subscribers._random.seed(3)
    assert serve_thousand() == len(kept.traces)
    assert 20 <= len(kept.traces) <= 80
    stop()
    assert serve_thousand() == 0


def test_each_subscriber_draws_for_itself(profiler: Profiler) -> None:
    profiler._drain.subscribers._random.seed(5)
    all_of_them, half, none = Keeping(), Keeping(), Keeping()
    for kept, share in ((all_of_them, 1), (half, 0.5), (none, 0.0)):
        profiler.subscribe(kept, share=share)
    serve(profiler, 400)
    assert len(all_of_them.traces) == 400
    assert 150 <= len(half.traces) <= 250
    assert none.traces == []
    assert set(half.traces) <= set(all_of_them.traces)


def test_a_subscription_ends_and_twice_the_same_are_two(profiler: Profiler) -> None:
    kept = Keeping()
    first, second = profiler.subscribe(kept), profiler.subscribe(kept)
    serve(profiler, 1)
    assert len(kept.traces) == 2
    first()
    first()
    serve(profiler, 1)
    assert len(kept.traces) == 3
    second()
    serve(profiler, 1)
    assert len(kept.traces) == 3


def test_one_who_fails_is_counted_and_logged_once_and_loses_nobody_else_a_trace(
    profiler: Profiler, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(trace: Trace, attribution: Attribution) -> None:
        raise ValueError("what the customer wrote")

    def no_disk(trace: Trace, attribution: Attribution) -> None:
        raise OSError(28, "No space left on device", "traces.jsonl")

    before, after = Keeping(), Keeping()
    for callback in (before, fail, no_disk, after):
        profiler.subscribe(callback)
    serve(profiler, 3)
    serve(profiler, 2)
    assert len(before.traces) == len(after.traces) == 5
    report = profiler.report().to_dict()
    assert report["requests"] == 5
    assert report["self"]["dropped_by_reason"] == {"export": 10}
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"aligntax: a subscriber of traces failed ({error}); its further failures are only counted")
        for error in ("ValueError", "OSError: No space left on device, traces.jsonl")
    ]


def test_a_subscriber_may_read_a_report_and_end_its_own_subscription(profiler: Profiler) -> None:
    seen = []

    def read(trace: Trace, attribution: Attribution) -> None:
        seen.append(profiler.report().to_dict()["requests"])
        stop()

    stop = profiler.subscribe(read)
    serve(profiler, 1)
    serve(profiler, 1)
    assert seen == [1]


def test_a_slow_subscriber_keeps_nobody_else_waiting(profiler: Profiler) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def wait(trace: Trace, attribution: Attribution) -> None:
        begun.set()
        assert let_go.wait(20)

    profiler.subscribe(wait)
    with profiler.request():
        pass
    draining = threading.Thread(target=profiler.drain)
    draining.start()
    assert begun.wait(20)
    assert profiler.report().to_dict()["requests"] == 1
    let_go.set()
    draining.join(20)


def test_what_it_costs_is_booked_as_draining(profiler: Profiler, clock: FakeClock) -> None:
    profiler.subscribe(lambda trace, attribution: clock.advance(1_000_000_000))
    serve(profiler, 3)
    assert profiler.report().to_dict()["self"]["seconds"]["drain"] == 3.0


def test_the_drain_thread_delivers_and_closing_delivers_the_rest() -> None:
    kept, names = Keeping(), set()
    arrived = threading.Event()

    def note(trace: Trace, attribution: Attribution) -> None:
        names.add(threading.current_thread().name)
        arrived.set()

    with Profiler(drain_seconds=0.001) as profiler:
        profiler.subscribe(note)
        profiler.subscribe(kept)
        with profiler.request():
            pass
        assert arrived.wait(20)
        with profiler.request():
            pass
    assert len(kept.traces) == 2
    assert "aligntax-drain" in names


def test_a_request_that_cannot_be_folded_is_not_handed_over(profiler: Profiler, clock: FakeClock) -> None:
    guard = profiler.guard(taking(clock, 5), name="guard")
    kept = Keeping()
    profiler.subscribe(kept)
    for number in range(3):
        with profiler.request():
            guard()
            if number == 1:
                (running,) = profiler._intake.running
                running.root[2] |= 0xFFFF << 4  # a layer that does not exist
    report = profiler.report().to_dict()
    assert report["self"]["dropped_by_reason"] == {"internal_error": 1}
    assert len(kept.traces) == report["requests"] == 2
    assert profiler._drain._takers == {}


FORK = """
import os
from aligntax import Profiler

profiler = Profiler(drain_seconds=0)
profiler.subscribe(lambda trace, attribution: print(os.getpid() == parent, trace.model, flush=True))
parent = os.getpid()
with profiler.request(model="before"):
    pass
child = os.fork()
with profiler.request(model="after"):
    pass
if child:
    assert os.waitpid(child, 0)[1] == 0
profiler.drain()
os._exit(0)
"""


def test_a_forked_child_hands_over_its_own_requests_alone() -> None:
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["False after", "True before", "True after"]


def test_bad_arguments(profiler: Profiler) -> None:
    with pytest.raises(TypeError, match="callback=3 is not callable"):
        profiler.subscribe(3)  # type: ignore[arg-type]
    for share in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"share={share} is not a share"):
            profiler.subscribe(print, share=share)
