"""Wrappers have the signature of what they wrap: right calls arrive, wrong ones fail as they would have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler

DEFAULT = {"an": "object"}


def nothing():
    return locals()


def positional(a, b):
    return locals()


def positional_only(a, b, /):
    return locals()


def positional_only_and_more(a, /, b, c=1):
    return locals()


def keyword_only(*, a, b=2):
    return locals()


def everything(a, b=DEFAULT, /, c=3, *rest, d, e=DEFAULT, **named):
    return locals()


def only_var(*args, **kwargs):
    return locals()


def annotated(text: str, limit: int = 3) -> dict[str, object]:
    return locals()


def names_of_ours(wrapper, result, code, clock, type=str, str=2, len=3):  # noqa: A002
    return locals()


def dunder(__text, __live=1):
    return locals()


def unsorted_defaults(*, b=1, a):
    return locals()


@functools.wraps(positional)
def decorated(*args, **kwargs):
    return positional(*args, **kwargs)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "nothing": nothing,
    "positional": positional,
    "positional only": positional_only,
    "positional only and more": positional_only_and_more,
    "keyword only": keyword_only,
    "everything": everything,
    "only var": only_var,
    "annotated": annotated,
    "names of ours": names_of_ours,
    "dunder": dunder,
    "unsorted defaults": unsorted_defaults,
    "decorated": decorated,
}
CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((1, 2, 3, 4, 5), {"d": 6}),
    ((1, 2, 3, 4, 5, 6, 7), {}),
    ((1,), {"d": 4, "z": 5}),
    ((), {"a": 1}),
    ((), {"a": 1, "b": 2}),
    ((1,), {"a": 1}),
    ((), {"text": "x", "limit": 1}),
    ((), {"__text": "x"}),
)


def outcome(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        return str(error)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_calls_right_and_wrong_end_as_without_the_wrapper(name: str, profiler: Profiler) -> None:
    untimed = FUNCTIONS[name]
    timed = profiler.guard(untimed, name="guard")
    rightly = 0
    with profiler.request() as request:
        for args, kwargs in CALLS:
            expected = outcome(untimed, args, kwargs)
            assert outcome(timed, args, kwargs) == expected
            rightly += isinstance(expected, dict)
    assert rightly
    # A call that cannot be made is no call where the wrapper has the very parameters, and a failed one elsewhere.
    assert len(request.trace.spans) == (len(CALLS) if name in {"dunder", "decorated"} else rightly)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_equal(name: str, profiler: Profiler) -> None:
    untimed = FUNCTIONS[name]
    timed = profiler.guard(untimed, name="guard")
    assert inspect.signature(timed) == inspect.signature(untimed)
    assert timed.__annotations__ == untimed.__annotations__
    if name != "dunder":
        mirrored = inspect.signature(timed, follow_wrapped=False).parameters.values()
        parameters = inspect.signature(untimed, follow_wrapped=False).parameters.values()
        assert [(it.name, it.kind, it.default) for it in mirrored] == [
            (it.name, it.kind, it.default) for it in parameters
        ]


@pytest.mark.parametrize(
    "untimed",
    [
        functools.partial(positional, 1),
        functools.partial(everything, 1, d=2),
        dict.get,
        "".join,
    ],
    ids=["partial", "partial with keywords", "method of a builtin", "bound method of a builtin"],
)
def test_signatures_of_what_is_no_plain_function(untimed: Callable[..., Any], profiler: Profiler) -> None:
    timed = profiler.guard(untimed, name="guard")
    assert inspect.signature(timed) == inspect.signature(untimed)


def test_defaults_are_the_objects_themselves(profiler: Profiler) -> None:
    given = profiler.guard(everything, name="guard")(1, d=4)
    assert given["b"] is given["e"] is DEFAULT


def test_a_coroutine_function_fails_when_called_not_when_awaited(profiler: Profiler) -> None:
    async def untimed(text: str) -> str:
        return text

    timed = profiler.guard(untimed, name="guard")
    assert inspect.iscoroutinefunction(timed)
    with pytest.raises(TypeError) as wrong:
        untimed()
    with pytest.raises(TypeError) as as_wrong:
        timed()
    assert str(as_wrong.value) == str(wrong.value)
