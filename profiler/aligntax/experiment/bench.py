"""The experiment on a pipeline in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aligntax.devices import open_sensors
from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import GUARDED, RAW, arms_of
from aligntax.experiment.call import Measurement
from aligntax.experiment.cold import measure_cold_start
from aligntax.experiment.energy import energy_of
from aligntax.experiment.load.plan import Plan
from aligntax.experiment.loaded import load_on_pipeline
from aligntax.experiment.loading import load, prompts_for
from aligntax.experiment.memory import peaks_of_heap
from aligntax.experiment.paired import Columns, Design, Progress, run_paired
from aligntax.experiment.result import Result
from aligntax.experiment.seconds import answering
from aligntax.experiment.session import Session
from aligntax.experiment.target import Target, prepare
from aligntax.inference import mean, mean_of_differences

__all__ = ["bench", "measure"]


def bench(
    name: str,
    *,
    prompts: Path | None = None,
    design: Design,
    each: bool = False,
    cold: bool = True,
    plan: Plan | None = None,
    progress: Progress,
) -> Result:
    """Measure what the guards of a pipeline cost.

    Args:
        name: `package.module:pipeline`, or an alias.
        prompts: file of prompts; the target's own where None.
        design: how long it goes on.
        each: whether each guard is also measured alone, and left out.
        cold: whether the first request of a fresh process is measured, too.
        plan: of the load to put it under after that; None: none.
        progress: is told, and may end it.

    Raises:
        ValueError: if the target cannot be measured; see `prepare` and `analyse`.
        KeyboardInterrupt: if `progress` ended it before there was anything to tell.
        Exception: what the target raised.
    """
    progress("loading", 0.0, name)
    pipeline = load(name)
    asked = prompts_for(name, pipeline, prompts)
    start_cold = partial(measure_cold_start, name, prompts) if cold else None
    return measure(name, pipeline, asked, design=design, each=each, cold=start_cold, plan=plan, progress=progress)


def measure(
    name: str,
    pipeline: Callable[..., Any],
    prompts: Sequence[Any],
    *,
    design: Design,
    each: bool = False,
    cold: Callable[..., dict[str, Any]] | None = None,
    plan: Plan | None = None,
    compute: bool = True,
    progress: Progress,
) -> Result:
    """Measure what the guards of a pipeline cost that is at hand; see `bench`.

    Args:
        name: what to call it.
        pipeline: answers a prompt.
        prompts: what to ask it.
        design: how long it goes on.
        each: whether each guard is also measured alone, and left out.
        cold: measures its cold start, if that is wanted.
        plan: of the load to put it under after that; None: none.
        compute: whether memory, and energy where the machine tells, are measured after that as well.
        progress: is told, and may end it.

    Raises:
        ValueError: if the target cannot be measured; see `prepare` and `analyse`.
        KeyboardInterrupt: if `progress` ended it before there was anything to tell.
        Exception: what the target raised.
    """
    session = Session(prompts, design)
    target = prepare(name, pipeline, prompts, budget_seconds=design.budget_seconds, progress=progress)
    session.warnings += target.warnings
    try:
        cold_start = _cold_start(cold, target, session, progress)
        arms = arms_of([*target.guards], each=each)
        answers = {arm.name: answering(target, arm.bypassed) for arm in arms}
        with target.whole_again():
            columns = run_paired(answers, target.prompts, design, progress)
            parts = analyse(columns, target.guards)
            going_on = columns.stopped != "interrupted"
            if going_on and compute:
                both = {arm: answers[arm] for arm in (RAW, GUARDED)}
                beside, going_on = _beside(both, _comparable(columns, target.prompts), progress)
                parts["compute"] |= beside
        if plan is not None and going_on:
            parts["load"] = load_on_pipeline(target, plan, progress)
    finally:
        target.caller.close()
    profiler = target.caller.profiler
    own = profiler.report().to_dict()["self"]
    parts["self"] = {"seconds_per_span": own["seconds_per_span"], "dropped": own["dropped"]}
    if cold_start is not None:
        parts["cold_start"] = cold_start
    described = {
        "kind": "pipeline",
        "name": name,
        "guards": [*target.guards],
        "always_on": list(target.always_on),
        "deterministic": target.deterministic,
    }
    return session.result(described, arms, columns, parts, profiler.recorder.clock)


def _comparable(columns: Columns, prompts: Sequence[Any]) -> list[Any]:
    """Return the prompts that ran to their end with and without guards; what a block saves is no cost."""
    return [prompts[index] for index in sorted({columns.prompt[pair] for pair in columns.comparable(RAW, GUARDED)})]


def _beside(
    arms: Mapping[str, Callable[[Any], Measurement]], prompts: Sequence[Any], progress: Progress
) -> tuple[dict[str, Any], bool]:
    """Return what requests need besides time, measured when no time is, and whether to go on after that."""
    found: dict[str, Any] = {}
    if not progress("measuring memory", 0.0, ""):
        return found, False
    peaks = peaks_of_heap(arms, prompts)
    found["memory_bytes"] = {
        **{arm: mean(values).to_dict() for arm, values in peaks.items()},
        "tax": mean_of_differences(peaks[RAW], peaks[GUARDED]).to_dict(),
    }
    energy = energy_of(arms, prompts, open_sensors(), progress)
    if energy is not None:
        found["energy_joules"] = energy
    return found, progress("measuring energy", 1.0, "")


def _cold_start(
    cold: Callable[..., dict[str, Any]] | None, target: Target, session: Session, progress: Progress
) -> dict[str, Any] | None:
    if cold is None:
        return None
    going_on = partial(progress, "cold start", 0.0, "in fresh processes")
    try:
        return cold(opens_requests=target.caller.opens_requests, go_on=going_on)
    except RuntimeError as error:
        session.warnings.append(f"the cold start could not be measured: {error}")
        return None
