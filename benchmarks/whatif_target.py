"""The demo's pipeline with guards that take long enough to be seen, and what can be changed about them.

Each of two guards does its work many times over, so that it can be made twice as fast for real: by doing it half as
many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from aligntax import Profiler, Verdict
from aligntax.demo.layers import text_of, verdict_of
from aligntax.demo.pipeline import Pipeline
from aligntax.demo.prompts import shipped_prompts
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel

TIMES = 4_000
"""How often a guard does its work: for some 20 ms, beside a model that takes some 120."""
ALLOWED = 12
"""How many of the shipped prompts are used: the first ones that no guard blocks."""


class Beside(Pipeline):
    """Checks for blocked phrases beside the model, and lets nothing out before that is done."""

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the answer piece by piece."""
        assert self._profiler is not None
        guards, bind = self.guards, self._profiler.bind
        prompt = text_of(guards.redact(prompt))
        chunks = self._decode(prompt)
        objections = [self._pool.submit(bind(guard), prompt) for guard in (guards.check, guards.classify)]
        first = next(chunks)
        if any(verdict_of(objection.result()) is Verdict.BLOCK for objection in objections):
            return
        released = guards.filter()
        next(released)
        for chunk in chain((first,), chunks):
            yield released.send(chunk).text
        for rest in released:
            yield rest.text


def repeated(guard: Callable[[str], Any], times: int) -> Callable[[str], Any]:
    """Return a guard that does its work many times over."""

    def again(text: str) -> Any:
        for _ in range(times - 1):
            guard(text)
        return guard(text)

    return again


def _measured(kind: type[Pipeline], times: int) -> Callable[[str], str]:
    profiler = Profiler(drain_seconds=0)
    made = kind(seed=0)
    guards = replace(made.guards, redact=repeated(made.guards.redact, times), check=repeated(made.guards.check, TIMES))
    made = made.behind(guards)
    made.measure(profiler)

    def answer(prompt: str) -> str:
        return made.answer(prompt)

    answer.profiler = profiler  # type: ignore[attr-defined]
    return answer


prompts = shipped_prompts()[:ALLOWED]
pipeline = _measured(Pipeline, TIMES)


def changed(changes: Sequence[Change]) -> Callable[[str], str] | None:
    """Return the pipeline with changes, where there is one."""
    match changes:
        case [Faster("pii", 2)]:
            return _measured(Pipeline, TIMES // 2)
        case [Parallel("blocklist")]:
            return _measured(Beside, TIMES)
    return None


CASES: dict[str, Sequence[Change]] = {
    "drop pii": [Drop("pii")],
    "pii twice as fast": [Faster("pii", 2)],
    "blocklist beside the model": [Parallel("blocklist")],
}
