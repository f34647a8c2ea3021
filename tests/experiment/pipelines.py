"""Pipelines of known cost, for experiments."""

from __future__ import annotations

from aligntax import Profiler, Verdict
from aligntax.testing import sleeping, spinning

profiler = Profiler(drain_seconds=0)
prompts = ["one", "two", "three", "four"]

_model = profiler.model(sleeping(0.002), name="model")
_first = profiler.guard(sleeping(0.001), name="first", stage="input")
_second = profiler.guard(spinning(0.0005), name="second", stage="output")


def pipeline(prompt: str) -> str:
    """Return the prompt, through a guard of 1 ms, a model of 2 ms and a guard of 0.5 ms."""
    with profiler.request():
        return str(_second(_model(_first(prompt))))


def without_request(prompt: str) -> str:
    """Do the same, and leave it to the experiment to open a request."""
    return str(_second(_model(_first(prompt))))


def unguarded(prompt: str) -> str:
    """Call the model alone."""
    with profiler.request():
        return str(_model(prompt))


async def later(prompt: str) -> str:
    """Do the same as a coroutine."""
    with profiler.request():
        return str(_second(_model(_first(prompt))))


def pieces(prompt: str):
    """Do the same in pieces."""
    with profiler.request():
        checked = _first(prompt)
        yield from _second(_model(checked))


def blocking(prompt: str) -> str:
    """Block every prompt."""
    with profiler.request():
        _refuse(prompt)
        return ""


def changing(prompt: str) -> str:
    """Answer differently without the guard, which says that it allowed."""
    with profiler.request():
        return str(_model(_loud(prompt)["text"]))


def _says_nothing(prompt: str) -> Verdict:
    return Verdict.BLOCK


_refuse = profiler.guard(_says_nothing, name="refuse", bypass=lambda _: Verdict.ALLOW)
_loud = profiler.guard(lambda text: {"text": text.upper()}, name="loud", bypass=lambda text: {"text": text})

not_callable = 3
