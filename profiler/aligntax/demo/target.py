"""The demo's pipeline as the target of `aligntax bench demo` and of `aligntax sweep demo`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from aligntax.demo.decoder import DecoderConfig
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
        parameter: `patterns`, how many phrases are blocked; `prompt_length`, in words; `model_size`, in transformer
            blocks; `batch_size`, how many answers are asked for at a time; or `concurrency`, how many of them are
            worked on side by side.
        value: at least 1.

    Raises:
        ValueError: for another parameter, or a smaller value.
    """
    size = int(value)
    if size < 1:
        raise ValueError(f"{parameter}={value:g} is too small; use at least 1")
    match parameter:
        case "patterns":
            return _measured(_unmeasured, check=Blocklist(made_up_phrases(size))).answer, prompts
        case "prompt_length":
            words = " ".join(prompts).split()
            return pipeline, [" ".join((words * (size // len(words) + 1))[:size])]
        case "model_size":
            return _measured(Pipeline(DecoderConfig(layers=size))).answer, prompts
        case "batch_size":
            return _many(size, at_once=1), prompts
        case "concurrency":
            return _many(size, at_once=size), prompts
    known = "patterns, prompt_length, model_size, batch_size or concurrency"
    raise ValueError(f"{parameter!r} cannot be varied; use {known}")


def _measured(model: Pipeline, profiler: Profiler | None = None, **guards: Any) -> Pipeline:
    measured = model.behind(replace(model.guards, **guards))
    measured.measure(profiler or Profiler())
    return measured


def _many(count: int, *, at_once: int) -> Callable[[str], str]:
    """Return what answers a prompt so many times, as one request."""
    profiler = Profiler()
    each = _measured(_unmeasured, profiler)
    threads = ThreadPoolExecutor(at_once, thread_name_prefix="aligntax-demo-request")

    def answer(prompt: str) -> str:
        return "".join(each.stream(prompt))

    def answers(prompt: str) -> str:
        with profiler.request():
            return "\n".join(threads.map(profiler.bind(answer), [prompt] * count))

    return answers
