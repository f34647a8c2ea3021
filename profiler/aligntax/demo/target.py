"""The demo's pipeline as the target of `aligntax bench demo` and of `aligntax sweep aligntax.demo.target`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from aligntax.demo.phrases import made_up_phrases
from aligntax.demo.pipeline import Pipeline
from aligntax.demo.prompts import shipped_prompts
from aligntax.guards import Blocklist
from aligntax.profiler import Profiler

__all__ = ["pipeline", "prompts", "sweep"]

prompts = shipped_prompts()

_profiler = Profiler()
_unmeasured = Pipeline()
_guarded = _unmeasured.behind(_unmeasured.guards)
_guarded.measure(_profiler)


def pipeline(prompt: str) -> str:
    """Return the answer to a prompt, as one request; empty if a guard blocked it."""
    return _guarded.answer(prompt)


def sweep(parameter: str, value: float) -> tuple[Callable[[str], str], Sequence[str]]:
    """Return the pipeline in another size, and its prompts.

    Args:
        parameter: `patterns`, how many phrases are blocked; or `prompt_length`, in words.
        value: at least 1.

    Raises:
        ValueError: for another parameter, or a smaller value.
    """
    size = int(value)
    if size < 1:
        raise ValueError(f"{parameter}={value:g} is too small; use at least 1")
    if parameter == "prompt_length":
        words = " ".join(prompts).split()
        return pipeline, [" ".join((words * (size // len(words) + 1))[:size])]
    if parameter == "patterns":
        guards = replace(_unmeasured.guards, check=Blocklist(made_up_phrases(size)))
        sized = _unmeasured.behind(guards)
        sized.measure(Profiler())
        return sized.answer, prompts
    raise ValueError(f"{parameter!r} cannot be varied; use patterns or prompt_length")
