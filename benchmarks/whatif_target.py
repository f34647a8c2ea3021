"""The demo's pipeline with guards that take long enough to be seen, and what can be changed about them.

Each of two guards does its work many times over, so that it can be made twice as fast for real: by doing it half as
many times. The decoder is small enough to stay in the processor's caches: the one that the demo has varies from
request to request by more than its guards take. Only prompts that no guard touches are asked, so that all requests do
the same work.

Beside the model, a guard that holds the interpreter's lock slows it down; one that waits for another machine does not.
There is one of each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from typing import Any

from aligntax import Profiler, Verdict
from aligntax.demo.decoder import DecoderConfig
from aligntax.demo.layers import text_of, verdict_of
from aligntax.demo.pipeline import Pipeline
from aligntax.demo.prompts import shipped_prompts
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel

MODEL = DecoderConfig(layers=4, width=256, heads=4, vocabulary=8_192, context=256)
TIMES = 10_000
"""How often a guard does its work: for some 10 ms, beside a model that takes some 25."""
WAIT_SECONDS = 0.01


class Movable(Pipeline):
    """The demo's pipeline, whose check for blocked phrases can be moved beside the model's first pass.

    Nothing gets out, and no further token is computed, before it has answered: as with the classifier, and as a
    prediction has it.
    """

    beside_model = False

    def __init__(self, config: DecoderConfig, *, seed: int) -> None:
        super().__init__(config, seed=seed)
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aligntax-beside")

    def stream(self, prompt: str) -> Iterator[str]:
        """Return an iterator over the answer, piece by piece."""
        return self._stream_beside(prompt) if self.beside_model else super().stream(prompt)

    def _stream_beside(self, prompt: str) -> Iterator[str]:
        assert self._profiler is not None
        guards, bind = self.guards, self._profiler.bind
        prompt = text_of(guards.redact(prompt))
        chunks = self._decode(prompt)
        check = self._beside.submit(bind(guards.check), prompt)
        classify = self._pool.submit(bind(guards.classify), prompt)
        first = next(chunks)
        if any(verdict_of(objection.result()) is Verdict.BLOCK for objection in (check, classify)):
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


def elsewhere(guard: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a guard that is waited for as if it ran on another machine."""

    def ask(text: str) -> Any:
        time.sleep(WAIT_SECONDS)
        return guard(text)

    return ask


_base = Movable(MODEL, seed=0)


def _measured(*, beside: bool = False, times: int = TIMES, remote: bool = False) -> Callable[[str], str]:
    """Return the pipeline of one case; all of them have one model, since two differ by where their weights lie."""
    profiler = Profiler(drain_seconds=0)
    guards = _base.guards
    check = elsewhere(guards.check) if remote else repeated(guards.check, TIMES)
    made = _base.behind(replace(guards, redact=repeated(guards.redact, times), check=check))
    made.beside_model = beside
    made.measure(profiler)

    def answer(prompt: str) -> str:
        return made.answer(prompt)

    answer.profiler = profiler  # type: ignore[attr-defined]
    return answer


def _untouched(prompts: Sequence[str]) -> list[str]:
    """Return the prompts that no guard blocks or changes, so that every request does the same work."""
    guards = _base.guards
    return [
        prompt
        for prompt in prompts
        if text_of(guards.redact(prompt)) == prompt
        and all(verdict_of(guard(prompt)) is Verdict.ALLOW for guard in (guards.check, guards.classify))
    ]


prompts = _untouched(shipped_prompts())
pipeline = _measured()
remote = _measured(remote=True)


def changed(changes: Sequence[Change]) -> Callable[[str], str] | None:
    """Return `pipeline` with changes, where there is one."""
    match changes:
        case [Faster("pii", 2)]:
            return _measured(times=TIMES // 2)
        case [Parallel("blocklist")]:
            return _measured(beside=True)
    return None


def _remote_changed(changes: Sequence[Change]) -> Callable[[str], str] | None:
    return _measured(beside=True, remote=True) if list(changes) == [Parallel("blocklist")] else None


remote.changed = _remote_changed  # type: ignore[attr-defined]

CASES: dict[str, tuple[str, Sequence[Change]]] = {
    "drop pii": ("pipeline", [Drop("pii")]),
    "pii twice as fast": ("pipeline", [Faster("pii", 2)]),
    "a guard that waits, beside the model": ("remote", [Parallel("blocklist")]),
    "a guard that holds the lock, beside the model": ("pipeline", [Parallel("blocklist")]),
}
"""What is changed of which pipeline."""
