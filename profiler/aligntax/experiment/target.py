"""What an experiment measures: a pipeline of the user's, the profiler that times it, and the guards in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aligntax.experiment.call import Caller, Measurement
from aligntax.experiment.loading import profiler_of
from aligntax.experiment.outputs import same
from aligntax.experiment.stand_ins import observing
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
        prompts: what it is called with.
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


def prepare(name: str, pipeline: Callable[..., Any], prompts: Sequence[Any]) -> Target:
    """Find out what is in a pipeline by letting it answer, and how to leave each guard out.

    Every prompt is answered once or more: this is the first part of the warm-up.

    Args:
        name: of the target.
        pipeline: answers a prompt; a function, coroutine function or generator function, asynchronous or not.
        prompts: what to ask it.

    Raises:
        ValueError: if no profiler times it, if a guard cannot be left out, or if it answers differently without its
            guards where they changed nothing.
        Exception: what the pipeline raised.
    """
    profiler, opens = profiler_of(pipeline, prompts[0])
    caller = Caller(pipeline, profiler, opens_requests=opens)
    rows = {row: layer for row, layer in enumerate(profiler.ledger.layers) if layer.kind == "guard"}
    taps = [(row, tap) for row in rows for tap in profiler.recorder.taps.get(row, ())]
    seen: dict[str, int] = {}
    allowed: list[tuple[Any, Measurement]] = []
    with observing([tap for _, tap in taps]) as lessons:
        for prompt in prompts:
            measurement = caller(prompt, keep_output=True)
            for layer_name, part in measurement.attribution.layers.items() if measurement.attribution else ():
                if part.layer.kind == "guard":
                    seen[layer_name] = seen.get(layer_name, 0) + part.calls
            if measurement.outcome is Outcome.ALLOWED and len(allowed) < MAX_CHECKED:
                allowed.append((prompt, measurement))
    if not seen:
        raise ValueError(f"{name}: no guard was called; time its guards with profiler.guard(...), see the README")
    diversions: dict[str, list[tuple[Tap, Callable[..., Any]]]] = {}
    always_on = []
    for row, layer in rows.items():
        if layer.name not in seen:
            continue
        mine = [lesson for (of, _), lesson in zip(taps, lessons, strict=True) if of == row and lesson.calls]
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
    if not diversions:
        raise ValueError(
            f"{name}: its guards are blocks ({', '.join(always_on)}), and a block cannot be left out; put them into "
            "functions and time those with profiler.guard(...)"
        )
    guards = {layer.name: layer for layer in rows.values() if layer.name in diversions}
    target = Target(name, caller, prompts, guards, always_on, None, (), diversions)
    with target.whole_again():
        deterministic = _checked(target, allowed)
    warnings = []
    if always_on:
        warnings.append(f"always on, and part of the raw time: {', '.join(always_on)} (blocks cannot be left out)")
    if deterministic is False:
        warnings.append("the target answers differently when asked twice, so its outputs were not compared")
    elif deterministic is None:
        warnings.append("no output could be compared with and without guards")
    return Target(name, caller, prompts, guards, always_on, deterministic, warnings, diversions)


def _checked(target: Target, allowed: Sequence[tuple[Any, Measurement]]) -> bool | None:
    """Return whether a target answers alike when asked twice, after checking that no guard changes what it allowed.

    Raises:
        ValueError: if it answers alike, and differently without its guards.
    """
    alike: list[bool | None] = []
    changed = []
    for prompt, guarded in allowed:
        target.leave_out(frozenset(target.guards))
        first, second = (target.caller(prompt, keep_output=True) for _ in range(2))
        if first.outcome is not Outcome.ALLOWED:
            raise ValueError(
                f"{target.name}: without its guards a prompt ended as {first.outcome.value!r} that they allowed; "
                "what stands in for a guard must let everything pass: say so with profiler.guard(..., bypass=...)"
            )
        alike.append(same(first.output, second.output))
        if same(first.output, guarded.output) is False:
            changed.append(target.prompts.index(prompt))
    if False in alike:
        return False
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
