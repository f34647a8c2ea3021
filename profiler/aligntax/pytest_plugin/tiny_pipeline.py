"""The smallest pipeline around a guard: the guard alone, or before or behind a model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from aligntax.recording.proxy import CallableProxy
from aligntax.recording.taps import WRAPPED
from aligntax.recording.verdicts import VerdictMapper, found_in, judge_error
from aligntax.recording.wrap import Shape, shape_of
from aligntax.trace import Verdict

__all__ = ["BESIDE_MODEL", "answering", "is_timed", "stage_of"]

BESIDE_MODEL = ("parallel", "decode")
"""Stages of guards that work beside or inside of the model, and not before or behind it."""

_BLOCKED = object()
_STREAMS = (Shape.GENERATOR, Shape.ASYNC_GENERATOR)
_BEHIND_MODEL = ("stream", "output")
_Step = Callable[[Any], Any]


def is_timed(guard: Any) -> bool:
    """Return whether a guard is timed by a profiler already."""
    if issubclass(type(guard), CallableProxy):  # the type is asked: a proxy says that it is what it wraps
        return True
    for each in (guard, getattr(type(guard), "__call__", None)):  # noqa: B004 (not whether it is there)
        function = getattr(each, "__func__", each)
        if WRAPPED in getattr(function, "__globals__", ()):
            return True
    return False


def stage_of(guard: Callable[..., Any], stage: Any, *, with_model: bool) -> Any:
    """Return where a guard stands, of which nobody may have said so.

    Args:
        guard: the guard.
        stage: what was said; None for nothing.
        with_model: whether there is a model that it stands before or behind.

    Raises:
        ValueError: if it stands neither before nor behind the model.
    """
    found = stage or ("stream" if shape_of(guard) in _STREAMS else "input")
    if with_model and found in BESIDE_MODEL:
        raise ValueError(
            f"a guard of stage {found!r} works beside or inside of the model, not before or behind it; measure it in "
            "the pipeline that it belongs to, with tax_benchmark.pipeline(...), or leave model= out"
        )
    return found


def answering(
    guard: Callable[..., Any], model: Callable[..., Any] | None, stage: str, mapper: VerdictMapper | None = None
) -> Callable[[Any], Any]:
    """Return a pipeline that answers a prompt; a coroutine function if the guard or the model is asynchronous.

    A guard that returns text, or something with a `text`, hands that on; any other one what it was given. What it
    blocks goes no further. One that filters streams gets an iterator over the chunks of a prompt or of an answer; a
    string is one chunk.

    Args:
        guard: called with the prompt, or with the model's answer.
        model: called with what the guard hands on, or with the prompt; None for the guard alone.
        stage: `stream` and `output` stand behind the model, all else before it.
        mapper: from what the guard returns to a verdict; None for the default.
    """
    steps = [_guarding(guard, mapper)]
    if model is not None:
        steps.insert(0 if stage in _BEHIND_MODEL else 1, _calling(model))
    awaited = [(step, shape_of(step) is Shape.COROUTINE) for step in steps]

    def answer(prompt: Any) -> Any:
        given = prompt
        try:
            for step in steps:
                given = step(given)
                if given is _BLOCKED:
                    return None
        except Exception as error:
            if judge_error(error) is not Verdict.BLOCK:
                raise
            return None
        return given

    async def answer_async(prompt: Any) -> Any:
        given = prompt
        try:
            for step, later in awaited:
                given = await step(given) if later else step(given)
                if given is _BLOCKED:
                    return None
        except Exception as error:
            if judge_error(error) is not Verdict.BLOCK:
                raise
            return None
        return given

    return answer_async if any(later for _, later in awaited) else answer


def _guarding(guard: Callable[..., Any], mapper: VerdictMapper | None) -> _Step:
    shape = shape_of(guard)
    if shape is Shape.GENERATOR:
        return lambda given: list(guard(_chunks(given)))
    if shape is Shape.ASYNC_GENERATOR:

        async def filtered(given: Any) -> Any:
            return [chunk async for chunk in guard(_chunks_async(given))]

        return filtered
    if shape is Shape.COROUTINE:

        async def guarded_async(given: Any) -> Any:
            return _handed_on(await guard(given), given, mapper)

        return guarded_async
    return lambda given: _handed_on(guard(given), given, mapper)


def _calling(model: Callable[..., Any]) -> _Step:
    shape = shape_of(model)
    if shape is Shape.GENERATOR:
        return lambda given: list(model(given))
    if shape is Shape.ASYNC_GENERATOR:

        async def collected(given: Any) -> Any:
            return [item async for item in model(given)]

        return collected
    return model


def _handed_on(result: Any, given: Any, mapper: VerdictMapper | None) -> Any:
    """Return what goes on after a guard was given something and returned `result`."""
    inside = found_in(result)
    verdict = inside if mapper is None else Verdict(mapper(result))
    if verdict is Verdict.BLOCK:
        return _BLOCKED
    if isinstance(given, str) and isinstance(text := getattr(result, "text", None), str):
        return text
    return result if type(result) is type(given) and inside is None else given


def _chunks(given: Any) -> Iterator[Any]:
    return iter((given,) if isinstance(given, (str, bytes)) else given)


async def _chunks_async(given: Any) -> AsyncIterator[Any]:
    for chunk in _chunks(given):
        yield chunk
