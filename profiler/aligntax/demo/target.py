"""The demo's pipeline as the target of an experiment: `aligntax bench demo`."""

from __future__ import annotations

from aligntax.demo.pipeline import Pipeline
from aligntax.demo.prompts import shipped_prompts
from aligntax.profiler import Profiler

__all__ = ["pipeline", "prompts"]

_profiler = Profiler()
_guarded = Pipeline()
_guarded.measure(_profiler)

prompts = shipped_prompts()


def pipeline(prompt: str) -> str:
    """Return the answer to a prompt, as one request; empty if a guard blocked it."""
    return _guarded.answer(prompt)
