"""Pipelines in this process under load, and Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.experiment.load import Arm, Arrivals, InProcess, Limits, Plan, Window, constant, drive, load
from aligntax.testing import sleeping, sleeping_async
from aligntax.trace import Outcome


class BlockedError(Exception):
    verdict = Verdict.BLOCK


def fails(prompt: str) -> str:
    raise ConnectionResetError(prompt)


def blocks(prompt: str) -> str:
    raise BlockedError(prompt)


def times_out(prompt: str) -> str:
    raise TimeoutError(prompt)


async def driven(pipeline: Any, count: int = 4, threads: int = 16, **limits: Any) -> Window:
    target = InProcess(pipeline, threads=threads)
    await target.open()
    try:
        return await drive(target, constant(100.0, count=count), ["hello"], Limits(**limits))
    finally:
        await target.close()


@pytest.mark.parametrize("pipeline", [sleeping(0.2), sleeping_async(0.2)])
async def test_functions_and_coroutine_functions_are_called_without_waiting_for_one_another(pipeline: Any) -> None:
    began = time.perf_counter()
    window = await driven(pipeline, count=16)
    assert Counter(call.outcome for call in window.calls) == {"allowed": 16}
    assert time.perf_counter() - began < 16 * 0.2
    assert all(call.service_ns >= 0.199e9 for call in window.calls)
    assert all(call.scheduled_ns == call.dispatch_ns + call.service_ns for call in window.calls)


async def test_generators_are_streams() -> None:
    def pieces(_: str) -> Iterator[str]:
        for word in ("all", "is", "fine"):
            time.sleep(0.02)
            yield word

    async def pieces_async(_: str) -> AsyncIterator[str]:
        for word in ("all", "is", "fine"):
            await asyncio.sleep(0.02)
            yield word

    for pipeline in (pieces, pieces_async):
        window = await driven(pipeline)
        assert {call.chunks for call in window.calls} == {3}
        assert all(call.last_ns - call.first_ns >= 0.039e9 for call in window.calls)


@pytest.mark.parametrize(
    ("pipeline", "outcome", "error"),
    [
        (fails, "error", "ConnectionResetError"),
        (blocks, "blocked", None),
        (times_out, "timeout", "TimeoutError"),
        (lambda _: Verdict.BLOCK, "blocked", None),
        (lambda _: ("", Verdict.BLOCK), "blocked", None),
        (lambda _: {"verdict": Verdict.MODIFY}, "allowed", None),
        (lambda _: Outcome.BLOCKED_OUTPUT, "blocked", None),
        (lambda text: text, "allowed", None),
        (lambda _: None, "allowed", None),
    ],
)
async def test_how_a_call_ends_is_told_by_what_it_returns(pipeline: Any, outcome: str, error: str | None) -> None:
    window = await driven(pipeline, count=2)
    assert {(call.outcome, call.error) for call in window.calls} == {(outcome, error)}


async def test_a_request_of_a_profiler_says_how_it_ended() -> None:
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda text: Verdict.BLOCK, name="no", stage="input")

        def pipeline(prompt: str) -> Any:
            with profiler.request() as request:
                guard(prompt)
            return request

        window = await driven(pipeline, count=2)
    assert {call.outcome for call in window.calls} == {"blocked"}


async def test_waiting_for_a_thread_is_dispatch_delay() -> None:
    window = await driven(sleeping(0.2), count=4, threads=1)
    delays = [call.dispatch_ns / 1e9 for call in window.calls]
    assert delays[3] >= 0.55
    assert all(call.service_ns < 0.5e9 for call in window.calls)


async def test_a_call_that_hangs_is_given_up_and_still_counted_as_running() -> None:
    free = threading.Event()
    target = InProcess(lambda _: free.wait(20), threads=4)
    window = await drive(target, constant(100.0, count=2), ["hello"], Limits(timeout_seconds=0.2))
    assert {call.outcome for call in window.calls} == {"timeout"}
    assert target.running() == 2
    free.set()
    for _ in range(500):
        if not target.running():
            break
        await asyncio.sleep(0.01)
    assert target.running() == 0
    await target.close()


async def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads=0"):
        InProcess(fails, threads=0)


def test_a_load_can_be_run_without_an_event_loop_of_the_callers_on_any_thread() -> None:
    plan = Plan(Arrivals("constant", 50.0), seconds=0.4, windows=2, warm_up_seconds=0.0)
    arms = {name: Arm(InProcess(sleeping(0.002), threads=8)) for name in ("raw", "guarded")}
    before = signal.getsignal(signal.SIGINT)
    found = [load(arms, ["hello"], plan)]
    assert signal.getsignal(signal.SIGINT) is before
    thread = threading.Thread(target=lambda: found.append(load(arms, ["hello"], plan)))
    thread.start()
    thread.join(30)
    assert [each["arms"]["raw"]["outcomes"] for each in found] == [{"allowed": 20}] * 2


PROGRAM = """
import json, sys, time
from aligntax.experiment.load import Arm, Arrivals, InProcess, Plan, load
from aligntax.testing import sleeping

said = []
def on_progress(progress):
    if not said and progress.counts.due > 20:
        said.append(print("under load", flush=True))

found = load({"raw": Arm(InProcess(sleeping(0.01), threads=8))}, ["hello"],
             Plan(Arrivals("constant", 100.0), seconds=600.0, windows=1, warm_up_seconds=0.1), on_progress)
print(json.dumps({"stopped": found["stopped"], "n": found["arms"]["raw"]["n"]}))
"""


def test_ctrl_c_keeps_what_there_is(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "under load\n"
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert '"stopped": "interrupted"' in rest
    assert int(rest.split('"n": ')[1].rstrip("}\n")) > 5
