"""Pipelines of several sizes, as a user would write them: targets for `aligntax sweep`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aligntax import Profiler
from aligntax.testing import spinning

UNIT_SECONDS = 100e-6
prompts = [f"prompt {number}" for number in range(5)]


def sweep(parameter: str, value: float) -> Any:
    if parameter not in {"patterns", "prompt_length", "no_prompts"}:
        raise ValueError(f"cannot vary {parameter!r}; use patterns or prompt_length")
    if parameter == "no_prompts":
        return build(1), []
    return build(value) if parameter == "patterns" else (build(value), ["x" * round(value)] * 3)


def no_pipeline(parameter: str, value: float) -> Any:
    return 17


def breaking(parameter: str, value: float) -> Any:
    raise {"patterns": KeyError, "concurrency": RuntimeError, "batch_size": SystemExit}[parameter]("a secret")


def unguarded(parameter: str, value: float) -> Any:
    return build(value, guarded=False)


def saving(parameter: str, value: float) -> Any:
    """Make a pipeline that is faster with its guard than with what stands in for it."""
    profiler = Profiler(drain_seconds=0)
    model = profiler.model(spinning(UNIT_SECONDS), name="model")
    stand_in = spinning(value * UNIT_SECONDS)
    words = profiler.guard(lambda prompt: prompt, name="words", bypass=lambda prompt: stand_in(prompt))

    def pipeline(prompt: str) -> str:
        with profiler.request():
            return str(model(words(prompt)))

    return pipeline


def build(units: float, *, guarded: bool = True) -> Callable[[str], str]:
    profiler = Profiler(drain_seconds=0)
    model = profiler.model(spinning(UNIT_SECONDS), name="model")
    words = profiler.guard(spinning(units * UNIT_SECONDS), name="words") if guarded else str

    def pipeline(prompt: str) -> str:
        with profiler.request():
            return str(model(words(prompt)))

    return pipeline
