"""What is called instead of a guard that is left out, where nobody has said what: made from calls that it let pass.

A guard that lets something pass returns what it was given, or a constant that says so, or a tuple, a mapping or a data
class with both inside. What it returned on the call that it let pass last becomes a form; each place in which one of
the arguments stood is filled with the argument of the call that is to be stood in for.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from aligntax.recording.taps import Tap
from aligntax.recording.verdicts import judge
from aligntax.recording.wrap import Shape, shape_of
from aligntax.trace import Verdict

__all__ = ["Lesson", "observing"]

_COMPARED = (str, bytes)
_SHARED = (type(None), bool, int, float, complex)  # one object stands for all equal ones: being the same says nothing
_PASSES = (Verdict.ALLOW, Verdict.SKIPPED)
_Form = Callable[[tuple[Any, ...], dict[str, Any]], Any]


class Lesson:
    """What one function of a guard was seen to return when it let something pass.

    Args:
        tap: where the function is called.

    Attributes:
        calls: how often it was called while it was observed.
    """

    def __init__(self, tap: Tap) -> None:
        self.calls = 0
        self.tap = tap
        self._shape = shape_of(tap.wrapped)
        self._form: _Form | None = None

    def observer(self) -> Callable[..., Any]:
        """Return a function that does what the guard's does, and learns from it."""
        wrapped = self.tap.wrapped

        def call(*args: Any, **kwargs: Any) -> Any:
            result = wrapped(*args, **kwargs)
            self._note(args, kwargs, result)
            return result

        async def call_async(*args: Any, **kwargs: Any) -> Any:
            result = await wrapped(*args, **kwargs)
            self._note(args, kwargs, result)
            return result

        def generate(*args: Any, **kwargs: Any) -> Any:
            self._note_stream(args, kwargs)
            return wrapped(*args, **kwargs)

        if self._shape is Shape.COROUTINE:
            return call_async
        return call if self._shape is Shape.RESULT else generate

    def stand_in(self) -> Callable[..., Any] | None:
        """Return what can be called instead, with all arguments; None if no call was seen to let anything pass."""
        tap, form = self.tap, self._form
        if tap.stand_in is not None:
            return _as_called(tap.stand_in, tap.bound, self._shape)
        if form is None:
            return None
        if self._shape is Shape.COROUTINE:

            async def passing_async(*args: Any, **kwargs: Any) -> Any:
                return form(args, kwargs)

            return passing_async
        if self._shape is Shape.GENERATOR:

            def passing_items(*args: Any, **kwargs: Any) -> Any:
                yield from form(args, kwargs)

            return passing_items
        if self._shape is Shape.ASYNC_GENERATOR:

            async def passing_items_async(*args: Any, **kwargs: Any) -> Any:
                async for item in form(args, kwargs):
                    yield item

            return passing_items_async
        return lambda *args, **kwargs: form(args, kwargs)

    def _note(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        self.calls += 1
        mapper = self.tap.mapper
        arguments = (*args, *kwargs.values())
        try:
            verdict = judge(result, arguments) if mapper is None else Verdict(mapper(result))
        except Exception:
            return  # the profiler counts it, and says so; nothing can be learnt from it
        if verdict in _PASSES:
            self._form = form_of(result, args[self.tap.bound :], kwargs, self.tap.bound)

    def _note_stream(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note a generator that filters another one, which is then the only argument that can be iterated over once."""
        self.calls += 1
        kind = "__anext__" if self._shape is Shape.ASYNC_GENERATOR else "__next__"
        places: list[int | str] = [place for place, value in enumerate(args) if hasattr(value, kind)]
        places += [name for name, value in kwargs.items() if hasattr(value, kind)]
        if len(places) == 1:
            self._form = _argument(places[0])


@contextmanager
def observing(taps: list[Tap]) -> Iterator[list[Lesson]]:
    """Have the functions at `taps` observed for a while."""
    lessons = [Lesson(tap) for tap in taps]
    for tap, lesson in zip(taps, lessons, strict=True):
        tap.divert(lesson.observer())
    try:
        yield lessons
    finally:
        for tap in taps:
            tap.restore()


def form_of(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any], bound: int = 0) -> _Form:
    """Return the form of a result: a function from the arguments of another call to what it returns then.

    Args:
        result: what a call returned.
        args: its positional arguments, without those that are not its caller's.
        kwargs: its keyword arguments.
        bound: how many leading arguments were left out of `args`.
    """
    places: list[tuple[int | str, Any]] = [*enumerate(args, bound), *kwargs.items()]
    for place, value in places:
        alike = type(result) in _COMPARED and type(value) is type(result) and value == result
        if alike or (result is value and type(result) not in _SHARED):
            return _argument(place)
    inner = partial(form_of, args=args, kwargs=kwargs, bound=bound)
    if isinstance(result, tuple) and result:
        items = [inner(item) for item in result]
        make = getattr(type(result), "_make", tuple)
        return lambda args, kwargs: make(item(args, kwargs) for item in items)
    if type(result) is dict and result:
        entries = {key: inner(value) for key, value in result.items()}
        return lambda args, kwargs: {key: value(args, kwargs) for key, value in entries.items()}
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        fields = {field.name: inner(getattr(result, field.name)) for field in dataclasses.fields(result) if field.init}
        return lambda args, kwargs: dataclasses.replace(
            result, **{name: form(args, kwargs) for name, form in fields.items()}
        )
    return lambda args, kwargs: result  # noqa: ARG005 (forms are called alike)


def _argument(place: int | str) -> _Form:
    if isinstance(place, str):
        return lambda args, kwargs: kwargs[place]  # noqa: ARG005 (as above)
    return lambda args, kwargs: args[place]  # noqa: ARG005 (as above)


def _as_called(stand_in: Callable[..., Any], bound: int, shape: Shape) -> Callable[..., Any]:
    """Return a stand-in that somebody gave as the wrapper calls it: with all arguments, awaited if the guard is."""
    if shape is not Shape.COROUTINE or inspect.iscoroutinefunction(stand_in):
        return lambda *args, **kwargs: stand_in(*args[bound:], **kwargs)

    async def passing(*args: Any, **kwargs: Any) -> Any:
        return stand_in(*args[bound:], **kwargs)

    return passing
