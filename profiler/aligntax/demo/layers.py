"""What a request passes on its way, and how to have it timed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from aligntax.demo.decoder import KeyValueCache
from aligntax.profiler import Profiler
from aligntax.trace import Verdict

__all__ = ["Guards", "Layers", "text_of", "verdict_of"]


@dataclass(frozen=True, slots=True)
class Guards:
    """One implementation of everything that stands around the model: plain callables, timed or not.

    What they return is read by `text_of` and `verdict_of`.

    Attributes:
        redact: takes personal data out of the prompt.
        check: blocks a prompt with a blocked phrase in it.
        classify: blocks an attack; runs beside the model.
        mask: bans tokens, in place.
        filter: makes a generator that takes phrases out of the chunks of an answer.
    """

    redact: Callable[[str], Any]
    check: Callable[[str], Any]
    classify: Callable[[str], Any]
    mask: Callable[[Tensor], Any]
    filter: Callable[[], Generator[Any, str | None, None]]


@dataclass(frozen=True, slots=True)
class Layers:
    """The guards and the model: tokens and cache to logits, once for each token."""

    guards: Guards
    decoder: Callable[[Tensor, KeyValueCache], Tensor]

    def timed(self, profiler: Profiler) -> Layers:
        """Return the same layers, timed by `profiler`. This is all that a program has to do to be measured."""
        guards = self.guards
        redact = profiler.guard(guards.redact, name="pii", stage="input")
        check = profiler.guard(guards.check, name="blocklist", stage="input")
        classify = profiler.guard(guards.classify, name="classifier", stage="parallel")
        decoder = profiler.model(self.decoder, name="decoder")
        mask = profiler.guard(guards.mask, name="token_mask", stage="decode")
        filter_stream = profiler.guard(guards.filter, name="filter", stage="stream")
        return Layers(Guards(redact, check, classify, mask, filter_stream), decoder)


def text_of(said: Any) -> str:
    """Return the text that goes on from a guard: it returned a string, or something that has one."""
    return said if isinstance(said, str) else str(said.text)


def verdict_of(said: Any) -> Verdict:
    """Return the verdict of a guard that returned one, or something that has one."""
    return said if isinstance(said, Verdict) else Verdict(said.verdict)
