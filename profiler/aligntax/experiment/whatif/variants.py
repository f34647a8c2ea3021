"""Pipelines as a scenario would have them, for real: made by leaving guards out, or by the target itself.

A target that can be changed says so with an attribute `changed`, of the pipeline or of its module: a function that
takes the changes and returns the pipeline with all of them, or None where it has no such pipeline.

    def changed(changes):
        match changes:
            case [Parallel("toxicity")]:
                return pipeline_with_toxicity_beside_the_model
        return None

It is called like the pipeline, and its layers are timed by a profiler, the pipeline's or one of its own. Guards that
are only dropped need no such function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.call import Caller, Measurement
from aligntax.experiment.loading import load, profiler_of, prompts_for
from aligntax.experiment.paired import Columns, Design, Progress
from aligntax.experiment.seconds import answering, run_whole, seconds_of
from aligntax.experiment.session import design_data
from aligntax.experiment.target import Target, prepare
from aligntax.experiment.whatif.changes import Change, Drop
from aligntax.experiment.whatif.prediction import Prediction
from aligntax.experiment.whatif.scenario import Scenario
from aligntax.experiment.whatif.verification import CHANGED, Verification, verify

__all__ = ["changing_of", "variant", "verify_target"]

Changing = Callable[[Sequence[Change]], Callable[..., Any] | None]


def changing_of(pipeline: Callable[..., Any]) -> Changing | None:
    """Return the function that makes changed pipelines of a target; None where it has none.

    Raises:
        ValueError: if what is there cannot be called.
    """
    module = sys.modules.get(str(getattr(pipeline, "__module__", None)))
    found: Changing | None = getattr(pipeline, "changed", None) or getattr(module, "changed", None)
    if found is not None and not callable(found):
        raise ValueError(f"changed={found!r:.60} cannot be called; write a function from changes to a pipeline")
    return found


@contextmanager
def variant(target: Target, scenario: Scenario, changing: Changing | None) -> Iterator[Callable[[Any], Measurement]]:
    """Yield what answers a prompt as a scenario would have it.

    Args:
        target: the pipeline as it is, ready to be measured.
        scenario: the changes.
        changing: makes changed pipelines; None where the target cannot be changed.

    Raises:
        ValueError: if there is no such pipeline.
    """
    dropped = frozenset(change.guard for change in scenario.changes if isinstance(change, Drop))
    if len(dropped) == len(scenario.changes) and dropped <= target.guards.keys():
        yield answering(target, dropped)
        return
    pipeline = None if changing is None else changing(scenario.changes)
    if pipeline is None:
        raise ValueError(
            f"{target.name} cannot be run with {scenario}; give its module a function changed(changes) that returns "
            "the pipeline with these changes (only dropped guards need none)"
        )
    target.leave_out(frozenset())
    profiler, opens = profiler_of(pipeline, target.prompts[0])
    caller = Caller(pipeline, profiler, opens_requests=opens)

    def answer(prompt: Any) -> Measurement:
        target.leave_out(frozenset())  # its guards may be the same objects
        return caller(prompt)

    try:
        yield answer
    finally:
        caller.close()


def verify_target(
    prediction: Prediction, name: str, prompts: Path | None, design: Design, progress: Progress
) -> Verification:
    """Run a predicted scenario for real, in turns with the target as it is and without its guards.

    Args:
        prediction: from requests that the target served.
        name: `package.module:pipeline`, or an alias.
        prompts: file of prompts; the target's own where None.
        design: how long it goes on.
        progress: is told.

    Raises:
        ValueError: if the target cannot be measured, or not with these changes.
        KeyboardInterrupt: if `progress` ended it.
        Exception: what the target raised.
    """
    progress("loading", 0.0, name)
    pipeline = load(name)
    asked = prompts_for(name, pipeline, prompts)
    target = prepare(name, pipeline, asked, budget_seconds=design.budget_seconds, progress=progress)
    try:
        scenario = prediction.scenario
        unknown = sorted({*scenario.guards} - {*target.guards, *target.always_on})
        if unknown:
            names = ", ".join([*target.guards, *target.always_on])
            raise ValueError(f"{name} has no guard {unknown[0]!r}; its guards are: {names}")
        with target.whole_again(), variant(target, scenario, changing_of(pipeline)) as changed:
            arms = {RAW: answering(target, frozenset(target.guards)), GUARDED: answering(target), CHANGED: changed}
            columns = run_whole(arms, target.prompts, design, progress)
            found = verify(prediction, name, arms, lambda _: seconds_of(columns))
            told = design_data(target.prompts, design, columns)
            return replace(found, design=told, warnings=(*target.warnings, *_left_out(columns, len(target.prompts))))
    finally:
        target.caller.close()


def _left_out(columns: Columns, prompts: int) -> Iterator[str]:
    yield from columns.cut_short(prompts)
    pairs, compared = len(columns.prompt), len(columns.comparable(*columns.arms))
    if compared < pairs:
        yield f"{pairs - compared:,} of {pairs:,} pairs are left out: in one of the arms they were blocked, or failed"
