"""One text in front of a set of guards, as a request would meet them: the first that stops it ends it."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

from aligntax.clock import Clock, wall_clock
from aligntax.guards.judgement import Judgement
from aligntax.taxes.benefit.labelled import Item
from aligntax.trace import Verdict

__all__ = ["STAGES", "Judge", "Ruling", "at_once"]

STAGES = ("input", "parallel", "stream", "output")
_ON_ANSWER = frozenset({"stream", "output"})
_NANO = 1e9
_MAX_KINDS = 100
_Result = TypeVar("_Result")


class Ruling(NamedTuple):
    """What became of a text.

    Attributes:
        verdict: of the guard that stopped it; else of the last one that failed and let it pass; else modify where one
            changed it; else allow.
        guard: the name of that guard; None where all allowed it.
        passed: whether it went on.
        latency_seconds: all that the guards took, one after another.
    """

    verdict: Verdict
    guard: str | None
    passed: bool
    latency_seconds: float


class Judge:
    """Asks guards about texts.

    Guards at the input and parallel ones see the text; those of streams and at the output see the answer, or what is
    left of the text where there is none. A guard that raises, is too late or returns no `Judgement` stops the text,
    unless it is one of the `aligntax.guards` whose policy is `open`: its judgement says that it failed, and the text
    goes on.

    Args:
        guards: as `from_file` returns them.
        timeout_seconds: how long one call of an asynchronous guard may take; nothing can end another one's.
        clock: reads nanoseconds.

    Attributes:
        names: of the guards, in the order in which they are asked.
        asynchronous: whether any guard has to be awaited.
        failures: how often which guard failed with which type of error.

    Raises:
        ValueError: for a guard of logits, which has no place here.
    """

    def __init__(self, guards: Sequence[Any], timeout_seconds: float = 60.0, clock: Clock = wall_clock) -> None:
        for guard in guards:
            if guard.stage not in STAGES:
                raise ValueError(
                    f"guard {guard.name!r} stands at stage {guard.stage!r} and judges logits, of which a labelled text "
                    f"has none; leave it out here: guards at {', '.join(STAGES)} judge texts"
                )
        self._guards = sorted(guards, key=lambda guard: STAGES.index(guard.stage))
        self._awaited = [_is_async(guard) for guard in self._guards]
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self.names: list[str] = [guard.name for guard in self._guards]
        self.asynchronous = any(self._awaited)
        self.failures: Counter[tuple[str, str]] = Counter()

    async def judge(self, item: Item) -> Ruling:
        """Return what becomes of a text; awaits only asynchronous guards."""
        text, answer = item.text, item.answer
        verdict, by = Verdict.ALLOW, None
        total_ns = 0
        for guard, awaited in zip(self._guards, self._awaited, strict=True):
            on_answer = answer is not None and guard.stage in _ON_ANSWER
            start_ns = self._clock()
            said = await self._ask(guard, awaited, answer if on_answer and answer is not None else text)
            total_ns += self._clock() - start_ns
            if not isinstance(said, Judgement):
                return Ruling(said, guard.name, passed=False, latency_seconds=total_ns / _NANO)
            if on_answer:
                answer = said.text
            else:
                text = said.text
            failed = said.verdict in {Verdict.ERROR, Verdict.TIMEOUT}
            if failed:
                self._note(guard.name, said.labels[0] if said.labels else said.verdict.value)
            if failed or (said.verdict is Verdict.MODIFY and verdict is Verdict.ALLOW):
                verdict, by = said.verdict, guard.name
        return Ruling(verdict, by, passed=True, latency_seconds=total_ns / _NANO)

    async def _ask(self, guard: Any, awaited: bool, text: str) -> Judgement | Verdict:
        """Return what a guard says of a text that it lets go on, or why it does not."""
        try:
            if awaited:
                async with asyncio.timeout(self._timeout_seconds):
                    said = await guard(text)
            else:
                said = guard(text)
        except asyncio.CancelledError as error:
            task = asyncio.current_task() if awaited else None
            if task is not None and task.cancelling():
                raise
            return self._failed(guard, error)
        except Exception as error:
            if getattr(error, "verdict", None) is Verdict.BLOCK:
                return Verdict.BLOCK
            return self._failed(guard, error)
        if not (isinstance(said, Judgement) and isinstance(said.verdict, Verdict) and isinstance(said.text, str)):
            self._note(guard.name, f"returned a {type(said).__name__} and no Judgement")
            return Verdict.ERROR
        if said.verdict in {Verdict.BLOCK, Verdict.CANCELLED}:
            return Verdict.BLOCK if said.verdict is Verdict.BLOCK else self._failed(guard, asyncio.CancelledError())
        return said

    def _failed(self, guard: Any, error: BaseException) -> Verdict:
        """Note the type of an error; its message may quote a text."""
        self._note(guard.name, type(error).__name__)
        return Verdict.TIMEOUT if isinstance(error, TimeoutError) else Verdict.ERROR

    def _note(self, guard: str, kind: str) -> None:
        if (guard, kind) in self.failures or len(self.failures) < _MAX_KINDS:
            self.failures[guard, kind] += 1


def at_once(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of a coroutine that awaits nothing, without an event loop: a guard may start one of its own.

    Raises:
        RuntimeError: if it does await something.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: _Result = done.value
        return result
    coroutine.close()
    raise RuntimeError("a guard that says that it answers at once awaited something; make its __call__ a coroutine")


def _is_async(guard: Any) -> bool:
    return inspect.iscoroutinefunction(guard) or inspect.iscoroutinefunction(type(guard).__call__)
