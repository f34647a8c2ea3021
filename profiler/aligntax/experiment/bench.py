"""The experiment on a pipeline in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aligntax.devices import open_sensors
from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import GUARDED, RAW, Arm, arms_of
from aligntax.experiment.call import Measurement
from aligntax.experiment.cold import measure_cold_start
from aligntax.experiment.energy import energy_of
from aligntax.experiment.load.plan import Plan
from aligntax.experiment.loaded import load_on_pipeline
from aligntax.experiment.loading import load, prompts_for
from aligntax.experiment.memory import peaks_of_heap
from aligntax.experiment.paired import Design, Progress, run_paired
from aligntax.experiment.result import Result
from aligntax.experiment.session import Session
from aligntax.experiment.target import Target, prepare
from aligntax.inference import mean

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
        progress: is told.

    Raises:
        ValueError: if the target cannot be measured; see `prepare`.
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
        progress: is told.
    """
    session = Session(prompts, design)
    target = prepare(name, pipeline, prompts)
    session.warnings += target.warnings
    try:
        cold_start = _cold_start(cold, target, session, progress)
        arms = arms_of([*target.guards], each=each)
        answering = {arm.name: partial(_answer, target, arm) for arm in arms}
        with target.whole_again():
            columns = run_paired(answering, prompts, design, progress)
            parts = analyse(columns, target.guards)
            if columns.stopped != "interrupted":
                both = {arm: answering[arm] for arm in (RAW, GUARDED)}
                progress("measuring memory and energy", 0.0, "")
                parts["compute"] |= _beside(both, prompts)
        if plan is not None and columns.stopped != "interrupted":
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


def _answer(target: Target, arm: Arm, prompt: Any) -> Measurement:
    target.leave_out(arm.bypassed)
    return target.caller(prompt)


def _beside(arms: Mapping[str, Callable[[Any], Measurement]], prompts: Sequence[Any]) -> dict[str, Any]:
    """Return what requests need besides time, measured when no time is."""
    peaks = peaks_of_heap(arms, prompts)
    found: dict[str, Any] = {"memory_bytes": {arm: mean(values).to_dict() for arm, values in peaks.items()}}
    energy = energy_of(arms, prompts, open_sensors())
    return found if energy is None else {**found, "energy_joules": energy}


def _cold_start(
    cold: Callable[..., dict[str, Any]] | None, target: Target, session: Session, progress: Progress
) -> dict[str, Any] | None:
    if cold is None:
        return None
    progress("cold start", 0.0, "in fresh processes")
    try:
        return cold(opens_requests=target.caller.opens_requests)
    except RuntimeError as error:
        session.warnings.append(f"the cold start could not be measured: {error}")
        return None
