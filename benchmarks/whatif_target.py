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


class Beside(Pipeline):
    """Checks for blocked phrases beside the model, which goes on meanwhile; nothing gets out before that is done."""

    def __init__(self, config: DecoderConfig, *, seed: int) -> None:
        super().__init__(config, seed=seed)
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aligntax-beside")

    def stream(self, prompt: str) -> Iterator[str]:
        """Yield the answer piece by piece."""
        assert self._profiler is not None
        guards, bind = self.guards, self._profiler.bind
        prompt = text_of(guards.redact(prompt))
        chunks = self._decode(prompt)
        check = self._beside.submit(bind(guards.check), prompt)
        classify = self._pool.submit(bind(guards.classify), prompt)
        held = [next(chunks)]
        if verdict_of(classify.result()) is Verdict.BLOCK:
            return
        while not check.done() and (chunk := next(chunks, None)) is not None:
            held.append(chunk)
        if verdict_of(check.result()) is Verdict.BLOCK:
            return
        released = guards.filter()
        next(released)
        for chunk in chain(held, chunks):
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


def _measured(kind: type[Pipeline] = Pipeline, *, times: int = TIMES, remote: bool = False) -> Callable[[str], str]:
    profiler = Profiler(drain_seconds=0)
    made = kind(MODEL, seed=0)
    guards = made.guards
    check = elsewhere(guards.check) if remote else repeated(guards.check, TIMES)
    made = made.behind(replace(guards, redact=repeated(guards.redact, times), check=check))
    made.measure(profiler)

    def answer(prompt: str) -> str:
        return made.answer(prompt)

    answer.profiler = profiler  # type: ignore[attr-defined]
    return answer


def _untouched(prompts: Sequence[str]) -> list[str]:
    """Return the prompts that no guard blocks or changes, so that every request does the same work."""
    with Pipeline(MODEL) as made:
        guards = made.guards
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
            return _measured(Beside)
    return None


def _remote_changed(changes: Sequence[Change]) -> Callable[[str], str] | None:
    return _measured(Beside, remote=True) if list(changes) == [Parallel("blocklist")] else None


remote.changed = _remote_changed  # type: ignore[attr-defined]

CASES: dict[str, tuple[str, Sequence[Change]]] = {
    "drop pii": ("pipeline", [Drop("pii")]),
    "pii twice as fast": ("pipeline", [Faster("pii", 2)]),
    "a guard that waits, beside the model": ("remote", [Parallel("blocklist")]),
    "a guard that holds the lock, beside the model": ("pipeline", [Parallel("blocklist")]),
}
"""What is changed of which pipeline."""
