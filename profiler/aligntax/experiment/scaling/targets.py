"""Pipelines of several sizes, made by a function of the user's.

A module that can be swept has a function `sweep`, which makes a pipeline for one value of one parameter:

    def sweep(parameter, value):
        profiler = aligntax.Profiler()
        words = profiler.guard(blocklist(WORDS[:value]), name="words")
        model = profiler.model(answer, name="model")

        def pipeline(prompt):
            with profiler.request():
                return model(words(prompt))

        return pipeline

What it returns is measured as `aligntax bench` does: a function that answers a prompt, whose layers a profiler times.
The profiler has to live as long as the pipeline, which it does where the pipeline opens its requests with it. It may
also return a pair of that and the prompts to ask, for a sweep over their length. A parameter that it does not know, it
refuses with a ValueError. How many requests run at once, and how many prompts are in a batch, is up to the pipeline: it
may take one prompt and answer it so many times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.loading import ALIASES, load, prompts_for
from aligntax.experiment.paired import Design, Progress
from aligntax.experiment.scaling.sweep import Scaling, Sweep
from aligntax.experiment.seconds import answering, paired_seconds
from aligntax.experiment.target import prepare
from aligntax.experiment.target_errors import running_target

__all__ = ["sweep_target"]

FACTORY = "sweep"


class _Sized(NamedTuple):
    value: float
    pipeline: Callable[..., Any]
    prompts: Sequence[Any]


def sweep_target(
    name: str,
    parameter: str,
    values: Sequence[float],
    *,
    prompts: Path | None = None,
    design: Design,
    progress: Progress,
) -> Scaling:
    """Measure the tax of a target at several values of a parameter.

    Args:
        name: `package.module`, or `package.module:function` where the function is not called `sweep`.
        parameter: what to vary.
        values: different numbers above 0.
        prompts: file of prompts; those of the target where None.
        design: how long it goes on at each value; its seed chooses their order, too.
        progress: is told.

    Raises:
        ValueError: if there is no such function, it refuses a value, or what it made cannot be measured.
        KeyboardInterrupt: if `progress` ended it before one value was done.
        Exception: what the target raised.
    """
    reference = ALIASES[name].partition(":")[0] if name in ALIASES else name
    reference = reference if ":" in reference else f"{reference}:{FACTORY}"
    make = load(reference)
    begun: list[float] = []
    said: dict[str, list[float]] = {}

    def build(value: float) -> _Sized:
        begun.append(value)
        progress(f"{parameter}={value:g}", 0.0, f"building, {len(begun)} of {len(values)}")
        made = _made(make, parameter, value)
        pipeline, own = made if isinstance(made, tuple) else (made, None)
        if not callable(pipeline):
            raise ValueError(  # noqa: TRY004 (it is the user's module that is wrong)
                f"{reference} returned {pipeline!r:.60}; return a function that answers one prompt"
            )
        return _Sized(value, pipeline, prompts_for(reference, pipeline, prompts) if own is None else list(own))

    def measure(sized: _Sized) -> Mapping[str, Sequence[float]]:
        def told(stage: str, done: float, detail: str) -> bool:
            return progress(f"{parameter}={sized.value:g}, {len(begun)} of {len(values)}, {stage}", done, detail)

        if not sized.prompts:
            raise ValueError(
                f"{reference} returned no prompts; return at least one beside the pipeline, or none at all"
            )
        target = prepare(reference, sized.pipeline, sized.prompts, budget_seconds=design.budget_seconds, progress=told)
        try:
            with target.whole_again():
                arms = {RAW: answering(target, frozenset(target.guards)), GUARDED: answering(target)}
                found = paired_seconds(arms, target.prompts, design, told)
        finally:
            target.caller.close()
        for warning in target.warnings:
            said.setdefault(warning, []).append(sized.value)
        return found

    scaling = Sweep(parameter, tuple(values), build).run(measure, seed=design.seed)
    of_targets = [f"at {', '.join(f'{value:g}' for value in sorted(where))}: {what}" for what, where in said.items()]
    return replace(scaling, warnings=(*scaling.warnings, *of_targets))


def _made(make: Callable[..., Any], parameter: str, value: float) -> Any:
    """Return what a function of the user's makes; what it raises is marked as the target's, but for a refusal."""
    try:
        return make(parameter, value)
    except ValueError:
        raise
    except (Exception, SystemExit):
        with running_target():
            raise
