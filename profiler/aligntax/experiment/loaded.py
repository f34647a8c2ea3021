"""Load on what an experiment measures: a pipeline in this process, or servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.load import Arm, InProcess, Plan, Progress, run_load
from aligntax.experiment.load.records import Target as LoadTarget
from aligntax.experiment.paired import Progress as Show
from aligntax.experiment.target import Target

__all__ = ["load_on_pipeline", "load_on_servers"]

_LOOK_SECONDS = 0.2


def load_on_pipeline(target: Target, plan: Plan, show: Show) -> dict[str, Any]:
    """Put a pipeline under load with its guards and without them, in turns; return the part `load` of a result."""
    called = InProcess(target.caller.as_request, threads=plan.limits.in_flight)
    arms = {
        RAW: Arm(called, partial(target.leave_out, frozenset(target.guards))),
        GUARDED: Arm(called, partial(target.leave_out, frozenset())),
    }
    with target.whole_again():
        return target.caller.runner.run(_loaded(arms, target.prompts, plan, show))


def load_on_servers(
    raw: LoadTarget, guarded: LoadTarget, prompts: Sequence[Any], plan: Plan, show: Show
) -> dict[str, Any]:
    """Put two servers under load, in turns; return the part `load` of a result."""
    with asyncio.Runner() as runner:
        return runner.run(_loaded({RAW: Arm(raw), GUARDED: Arm(guarded)}, prompts, plan, show))


async def _loaded(arms: Mapping[str, Arm], prompts: Sequence[Any], plan: Plan, show: Show) -> dict[str, Any]:
    """Run a load, and look now and then whether it is still wanted, also while it waits for answers."""
    stop = asyncio.Event()
    shown: tuple[str, float, str] = ("load", 0.0, "")

    def note(progress: Progress) -> None:
        nonlocal shown
        done = min(1.0, progress.elapsed_seconds / progress.total_seconds)
        stage = "load" if progress.stage == "load" else "searching the highest rate"
        shown = (stage, done, f"{progress.arm}, {progress.rate:.3g} requests/s")

    async def watch() -> None:
        while show(*shown):  # noqa: ASYNC110 (a signal handler sets it, between any two instructions)
            await asyncio.sleep(_LOOK_SECONDS)
        stop.set()

    watching = asyncio.create_task(watch(), name="aligntax-watch")
    try:
        return await run_load(arms, prompts, plan, note, stop=stop)
    finally:
        watching.cancel()
