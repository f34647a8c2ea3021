"""Load on what an experiment measures: a pipeline in this process, or servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.load import Arm, InProcess, Plan, Progress, load
from aligntax.experiment.load.records import Target as LoadTarget
from aligntax.experiment.paired import Progress as Show
from aligntax.experiment.target import Target

__all__ = ["load_on_pipeline", "load_on_servers"]


def load_on_pipeline(target: Target, plan: Plan, show: Show) -> dict[str, Any]:
    """Put a pipeline under load with its guards and without them, in turns; return the part `load` of a result."""
    called = InProcess(target.caller.as_request, threads=plan.limits.in_flight)
    arms = {
        RAW: Arm(called, partial(target.leave_out, frozenset(target.guards))),
        GUARDED: Arm(called, partial(target.leave_out, frozenset())),
    }
    with target.whole_again():
        return _loaded(arms, target.prompts, plan, show)


def load_on_servers(
    raw: LoadTarget, guarded: LoadTarget, prompts: Sequence[Any], plan: Plan, show: Show
) -> dict[str, Any]:
    """Put two servers under load, in turns; return the part `load` of a result."""
    return _loaded({RAW: Arm(raw), GUARDED: Arm(guarded)}, prompts, plan, show)


def _loaded(arms: Mapping[str, Arm], prompts: Sequence[Any], plan: Plan, show: Show) -> dict[str, Any]:
    return load(arms, prompts, plan, _shown_by(show))


def _shown_by(show: Show) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        done = min(1.0, progress.elapsed_seconds / progress.total_seconds)
        stage = "load" if progress.stage == "load" else "searching the highest rate"
        show(stage, done, f"{progress.arm}, {progress.rate:.3g} requests/s")

    return report
