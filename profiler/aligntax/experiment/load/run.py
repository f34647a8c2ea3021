"""A load, from its plan to its part of a result."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from aligntax.clock import Clock, wall_clock
from aligntax.experiment.load.comparison import compared, samples_of
from aligntax.experiment.load.driver import Counts, Window
from aligntax.experiment.load.pace import Pace
from aligntax.experiment.load.plan import Plan, Progress
from aligntax.experiment.load.records import ALLOWED, ERROR, TIMEOUT, Arm
from aligntax.experiment.load.summary import FORMULAS, Stretch, summarise
from aligntax.experiment.load.throughput import search_rates
from aligntax.experiment.load.turns import Stuck, Turns

__all__ = ["load", "run_load"]

LATE = 0.1
"""Share of the median service from which on dispatch delays are worth a warning."""


def load(
    arms: Mapping[str, Arm],
    prompts: Sequence[Any],
    plan: Plan,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Put arms under load, and return the part `load` of a result; see `run_load`.

    Ctrl-C ends it early, and what there is until then is returned; a second one interrupts as always.

    Raises:
        ValueError: without arms or prompts.
        RuntimeError: if an event loop runs in this thread already; await `run_load` there.
    """
    with asyncio.Runner() as runner:
        stop = asyncio.Event()
        with _stopping_at_interrupt(runner.get_loop(), stop):
            return runner.run(run_load(arms, prompts, plan, on_progress, stop=stop))


async def run_load(
    arms: Mapping[str, Arm],
    prompts: Sequence[Any],
    plan: Plan,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    stop: asyncio.Event | None = None,
    clock: Clock = wall_clock,
    pace: Pace | None = None,
) -> dict[str, Any]:
    """Put arms under load, in turns, and return the part `load` of a result.

    In each turn every arm gets the same prompts at the same intended times, one arm after the other and every second
    turn in reverse. If the plan says so, the highest rate of each arm is searched after that.

    Args:
        arms: by name; `raw` and `guarded` are compared.
        prompts: what they are asked, in order, and again from the start.
        plan: see `Plan`.
        on_progress: told how far it has come, a few times a second.
        stop: once set, it ends, and what there is until then is returned.
        clock: in nanoseconds.
        pace: how to wait; None for the driver's own way.

    Raises:
        ValueError: without arms or prompts.
    """
    if not arms or not prompts:
        raise ValueError(f"{len(arms)} arms and {len(prompts)} prompts; a load needs at least one of each")
    stop = stop or asyncio.Event()
    turns = Turns(arms, prompts, plan.limits, stop=stop, clock=clock, pace=pace)
    names = list(arms)
    stretches: dict[str, list[Stretch]] = {name: [] for name in names}
    sent: Counter[str] = Counter()
    warm_ups: Counter[str] = Counter()
    warnings: list[str] = []
    found: dict[str, Any] = {}
    async with AsyncExitStack() as opened:
        for arm in arms.values():
            opened.push_async_callback(arm.target.close)
            await arm.target.open()
        try:
            async for name, window in _windows(turns, names, plan, on_progress):
                stretches[name].append(_counted(window, plan))
                sent[name] += len(window.calls)
                warm_ups[name] += len(window.calls) - len(stretches[name][-1].calls)
            if plan.search is not None and not stop.is_set():
                found["throughput_tax"], said = await search_rates(turns, names, plan, plan.search, sent, on_progress)
                warnings += said
        except Stuck as error:
            warnings.append(str(error))
    summaries = {
        name: summarise(plan.arrivals.rate, stretches[name], warm_ups[name], plan.slo)
        for name in names
        if any(stretch.calls for stretch in stretches[name])
    }
    whole = all(len(each) == plan.windows for each in stretches.values())
    search = found.get("throughput_tax")
    stopped = "interrupted" if stop.is_set() else "done" if whole and (search or not plan.search) else "stuck"
    for name, summary in summaries.items():
        warnings += _warnings(name, summary)
    return {
        "engine": "aligntax",
        **_design(plan),
        "stopped": stopped,
        "arms": summaries,
        **compared(stretches),
        **found,
        "samples": samples_of(stretches, warnings),
        "formulas": FORMULAS,
        "warnings": warnings,
    }


async def _windows(
    turns: Turns, names: Sequence[str], plan: Plan, on_progress: Callable[[Progress], None] | None
) -> AsyncIterator[tuple[str, Window]]:
    """Yield the name of an arm and a window of its, one after the other."""
    started_ns = turns.clock()
    total = plan.window_seconds * plan.windows * len(names)
    first = 0
    for number in range(plan.windows):
        most = 0
        for name in names if number % 2 == 0 else list(reversed(names)):

            def report(counts: Counts, name: str = name) -> None:
                if on_progress is not None:
                    elapsed = (turns.clock() - started_ns) / 1e9
                    on_progress(Progress("load", name, plan.arrivals.rate, counts, elapsed, total))

            window = await turns.window(
                name, plan.arrivals, number=number, first=first, seconds=plan.window_seconds, on_progress=report
            )
            most = max(most, len(window.calls))
            yield name, window
            if turns.stop.is_set():
                return
        first += most


def _counted(window: Window, plan: Plan) -> Stretch:
    """Return the part of a window behind its warm-up."""
    start_ns = round(plan.warm_up_seconds * 1e9)
    seconds = plan.window_seconds if window.ended == "done" else min(plan.window_seconds, window.seconds)
    calls = [call for call in window.calls if call.intended_ns >= start_ns]
    ends = [call.ended_ns for call in window.calls if call.outcome == ALLOWED and call.ended_ns is not None]
    answered = sum(start_ns <= end_ns < seconds * 1e9 for end_ns in ends)
    return Stretch(calls, max(0.0, seconds - plan.warm_up_seconds), answered)


def _design(plan: Plan) -> dict[str, Any]:
    arrivals, limits = plan.arrivals, plan.limits
    found: dict[str, Any] = {
        "arrivals": {"kind": arrivals.kind, "rate": arrivals.rate, "seed": arrivals.seed},
        "windows": plan.windows,
        "window_seconds": plan.window_seconds,
        "warm_up_seconds": plan.warm_up_seconds,
        "limits": {
            "in_flight": limits.in_flight,
            "timeout_seconds": limits.timeout_seconds,
            "requests": plan.max_requests,
        },
    }
    if plan.slo is not None:
        found["slo"] = {"seconds": plan.slo.seconds, "first_chunk_seconds": plan.slo.first_chunk_seconds}
    return found


def _warnings(name: str, summary: Mapping[str, Any]) -> Iterator[str]:
    n, outcomes = summary["n"], summary["outcomes"]
    if summary["dropped"]:
        yield (
            f"load, {name}: {summary['dropped']} of {n} requests were not sent, as many as may be being in flight; "
            "its latencies are those of the others, and look better than they are"
        )
    missed = outcomes.get(ERROR, 0) + outcomes.get(TIMEOUT, 0)
    if missed:
        yield (
            f"load, {name}: {missed} of {n} requests failed or timed out; its latencies are those of the others, "
            "and may look better than they are"
        )
    latency = summary["latency"]
    if latency["service"]["n"] and latency["dispatch_delay"]["n"]:
        late, service = latency["dispatch_delay"]["p99"]["value"], latency["service"]["p50"]["value"]
        if late > LATE * service:
            yield (
                f"load, {name}: requests went out up to {late * 1e3:.3g} ms late (p99), beside {service * 1e3:.3g} ms "
                "of service; what sends them is short of processor time, or the target holds up its event loop"
            )


@contextmanager
def _stopping_at_interrupt(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> Iterator[None]:
    """Have the first Ctrl-C set an event; only a main thread is told of any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupted() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
