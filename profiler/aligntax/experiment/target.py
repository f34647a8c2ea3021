"""What an experiment measures: a pipeline of the user's, the profiler that times it, and the guards in it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aligntax.experiment.call import Caller, Measurement
from aligntax.experiment.loading import profiler_of
from aligntax.experiment.outputs import same
from aligntax.experiment.paired import Progress
from aligntax.experiment.stand_ins import Lesson, observing
from aligntax.recording.taps import Tap
from aligntax.trace import Layer, Outcome

__all__ = ["Target", "prepare"]

MAX_CHECKED = 32


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline that is ready to be measured with any of its guards left out.

    Attributes:
        name: as the user wrote it.
        caller: calls it once, and takes the times.
        prompts: what it is to be called with: those that it was prepared with.
        guards: those that were called and can be left out, in the order of the profiler's layers.
        always_on: names of those that were called and cannot.
        deterministic: whether it answers alike when asked twice; None where its outputs cannot be compared.
        warnings: what the reader of a result should know.
    """

    name: str
    caller: Caller
    prompts: Sequence[Any]
    guards: Mapping[str, Layer]
    always_on: Sequence[str]
    deterministic: bool | None
    warnings: Sequence[str]
    _diversions: Mapping[str, Sequence[tuple[Tap, Callable[..., Any]]]] = field(repr=False)

    def leave_out(self, names: frozenset[str]) -> None:
        """Leave some of the guards out from now on, and no others."""
        for name, diversions in self._diversions.items():
            for tap, stand_in in diversions:
                if name in names:
                    tap.divert(stand_in)
                else:
                    tap.restore()

    @contextmanager
    def whole_again(self) -> Iterator[None]:
        """Have every guard called again at the end."""
        try:
            yield
        finally:
            self.leave_out(frozenset())


def prepare(
    name: str,
    pipeline: Callable[..., Any],
    prompts: Sequence[Any],
    *,
    budget_seconds: float = math.inf,
    progress: Progress | None = None,
) -> Target:
    """Find out what is in a pipeline by letting it answer, and how to leave each guard out.

    Every prompt is answered once or more: this is the first part of the warm-up.

    Args:
        name: of the target.
        pipeline: answers a prompt; a function, coroutine function or generator function, asynchronous or not.
        prompts: what to ask it.
        budget_seconds: after which no further prompt is asked: the target has then fewer, and says so.
        progress: is told.

    Raises:
        ValueError: if no profiler times it, if a guard cannot be left out, or if it answers differently without its
            guards where they changed nothing.
        KeyboardInterrupt: if `progress` ended it.
        Exception: what the pipeline raised.
    """
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        profiler, opens = profiler_of(pipeline, prompts[0], runner)
        caller = Caller(pipeline, profiler, opens_requests=opens, runner=runner)
        stack.callback(caller.close)
        target = _prepared(name, caller, prompts, budget_seconds, progress or _unseen)
        stack.pop_all()
    return target


def _unseen(stage: str, done: float, detail: str) -> bool:  # noqa: ARG001 (nobody looks)
    return True


def _prepared(name: str, caller: Caller, prompts: Sequence[Any], budget_seconds: float, progress: Progress) -> Target:
    profiler = caller.profiler
    rows = {row: layer for row, layer in enumerate(profiler.ledger.layers) if layer.kind == "guard"}
    taps = [(row, tap) for row in rows for tap in profiler.recorder.taps.get(row, ())]
    seen: dict[str, int] = {}
    asked: list[Any] = []
    allowed: list[tuple[int, Measurement]] = []
    warnings = []
    until = time.monotonic() + budget_seconds
    with observing([tap for _, tap in taps]) as lessons:
        for prompt in prompts:
            if asked and time.monotonic() > until:
                warnings.append(
                    f"{len(asked):,} of {len(prompts):,} prompts were looked at within {budget_seconds:g} s, and are "
                    "all that was asked; give it more time"
                )
                break
            measurement = caller(prompt, keep_output=len(allowed) < MAX_CHECKED)
            asked.append(prompt)
            for layer_name, part in measurement.attribution.layers.items() if measurement.attribution else ():
                if part.layer.kind == "guard":
                    seen[layer_name] = seen.get(layer_name, 0) + part.calls
            if measurement.outcome is Outcome.ALLOWED and len(allowed) < MAX_CHECKED:
                allowed.append((len(asked) - 1, measurement))
            if not progress("looking at the target", len(asked) / len(prompts), f"prompt {len(asked):,}"):
                raise KeyboardInterrupt
    if not seen:
        raise ValueError(f"{name}: no guard was called; time its guards with profiler.guard(...), see the README")
    diversions, always_on = _diversions(
        name, rows, seen, [(row, lesson) for (row, _), lesson in zip(taps, lessons, strict=True)]
    )
    if not diversions:
        raise ValueError(
            f"{name}: its guards are blocks ({', '.join(always_on)}), and a block cannot be left out; put them into "
            "functions and time those with profiler.guard(...)"
        )
    guards = {layer.name: layer for layer in rows.values() if layer.name in diversions}
    target = Target(name, caller, asked, guards, always_on, None, warnings, diversions)
    with target.whole_again():
        deterministic = _checked(target, allowed, until, progress)
    if always_on:
        warnings.append(f"always on, and part of the raw time: {', '.join(always_on)} (blocks cannot be left out)")
    if deterministic is False:
        warnings.append("the target answers differently when asked twice, so its outputs were not compared")
    elif deterministic is None:
        warnings.append("no output could be compared with and without guards")
    return replace(target, deterministic=deterministic)


def _diversions(
    name: str, rows: Mapping[int, Layer], seen: Mapping[str, int], lessons: Sequence[tuple[int, Lesson]]
) -> tuple[dict[str, list[tuple[Tap, Callable[..., Any]]]], list[str]]:
    """Return what stands in for each guard where, and the names of those that nothing can stand in for."""
    diversions: dict[str, list[tuple[Tap, Callable[..., Any]]]] = {}
    always_on = []
    for row, layer in rows.items():
        if layer.name not in seen:
            continue
        mine = [lesson for of, lesson in lessons if of == row and lesson.calls]
        if not mine:
            always_on.append(layer.name)
            continue
        found = [(lesson.tap, lesson.stand_in()) for lesson in mine]
        if any(stand_in is None for _, stand_in in found):
            raise ValueError(
                f"{name}: what guard {layer.name!r} returns when it lets something pass was not seen; say it with "
                f"profiler.guard(..., bypass=a function that is called like the guard), or add a prompt that it allows"
            )
        diversions[layer.name] = [(tap, stand_in) for tap, stand_in in found if stand_in is not None]
    return diversions, always_on


def _checked(
    target: Target, allowed: Sequence[tuple[int, Measurement]], until: float, progress: Progress
) -> bool | None:
    """Return whether a target answers alike when asked twice, after checking that no guard changes what it allowed.

    Raises:
        ValueError: if it answers alike, and differently without its guards.
    """
    alike: list[bool | None] = []
    changed = []
    target.leave_out(frozenset(target.guards))
    for number, (index, guarded) in enumerate(allowed):
        if alike and time.monotonic() > until:
            break
        if not progress("comparing outputs", number / len(allowed), ""):
            raise KeyboardInterrupt
        prompt = target.prompts[index]
        first, second = (target.caller(prompt, keep_output=True) for _ in range(2))
        if first.outcome is not Outcome.ALLOWED:
            raise ValueError(
                f"{target.name}: without its guards a prompt ended as {first.outcome.value!r} that they allowed; "
                "what stands in for a guard must let everything pass: say so with profiler.guard(..., bypass=...)"
            )
        alike.append(same(first.output, second.output))
        if alike[-1] is False:
            return False
        if same(first.output, guarded.output) is False:
            changed.append(index)
    if True not in alike:
        return None
    # What bans tokens changes answers, and allows them all the same.
    if changed and not any(layer.stage == "decode" for layer in target.guards.values()):
        raise ValueError(
            f"{target.name}: prompt {changed[0]} was allowed unchanged by every guard, and is answered differently "
            "without them; give a guard that changes things a verdict 'modify', or say with "
            "profiler.guard(..., bypass=...) what it returns when it is left out"
        )
    return True
