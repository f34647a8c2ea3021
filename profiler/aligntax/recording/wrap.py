"""From a callable to a timed one, whatever kind of callable it is."""

from __future__ import annotations

import inspect
from _thread import get_ident
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from aligntax.recording import mirror
from aligntax.recording.proxy import proxy
from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, LAYER_SHIFT
from aligntax.recording.streams import AsyncStream, drive
from aligntax.recording.taps import Bypass, Tap
from aligntax.recording.verdicts import PLAIN, VerdictMapper, judge
from aligntax.trace import Layer, Verdict


class Shape(Enum):
    """What a call returns: its result, or something that has to run to get at it."""

    RESULT = auto()
    COROUTINE = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()


def shape_of(function: Callable[..., Any]) -> Shape:
    """Return the shape of the calls of a function, method, partial or callable object."""
    # A class is called as what makes its instances; its `__call__` is theirs.
    own = inspect.isroutine(function) or isinstance(function, type)
    called = function if own else getattr(function, "__call__", function)  # noqa: B004
    for shape, has_it in (
        (Shape.ASYNC_GENERATOR, inspect.isasyncgenfunction),
        (Shape.GENERATOR, inspect.isgeneratorfunction),
        (Shape.COROUTINE, inspect.iscoroutinefunction),
    ):
        if has_it(function) or has_it(called):
            return shape
    return Shape.RESULT


def wrap(
    recorder: Recorder,
    function: Callable[..., Any],
    layer: Layer,
    mapper: VerdictMapper | None = None,
    *,
    bypass: Bypass | None = None,
    bound: int = 0,
) -> Any:
    """Return `function` timed as `layer`: same signature, same results, same exceptions.

    Functions come back as functions, methods as methods, other callable objects as a proxy of the object. Coroutine
    functions, generator functions and asynchronous generator functions stay what they are.

    Args:
        recorder: takes the times.
        function: what is timed.
        layer: as what.
        mapper: maps results to verdicts; None for the default.
        bypass: what can stand in for the function; what its attribute `bypass` says where None.
        bound: how many leading arguments are not the caller's.

    Raises:
        ValueError: if the layer's name is taken by another layer, or if there is no room for it.
    """
    if bypass is None and not isinstance(function, type) and callable(getattr(function, "bypass", None)):
        bypass = function.bypass  # type: ignore[attr-defined]
    if isinstance(function, MethodType):
        return MethodType(
            wrap(recorder, function.__func__, layer, mapper, bypass=bypass, bound=bound + 1), function.__self__
        )
    if isinstance(function, (staticmethod, classmethod)):
        more = isinstance(function, classmethod)
        return type(function)(wrap(recorder, function.__func__, layer, mapper, bypass=bypass, bound=bound + more))
    row = recorder.ledger.layer_row(layer)
    allow = (row << LAYER_SHIFT) | CODE_OF[Verdict.ALLOW]
    if mapper is not None:
        code = "__judge(__result, {compared})"
    elif layer.kind == "guard":
        code = f"({allow} if {{unchanged}} else __judge(__result, {{compared}}))"
    else:
        code = str(allow)
    names: dict[str, Any] = {
        "__current": recorder.current,
        "__clock": recorder.clock,
        "__strand": get_ident,
        "__elsewhere": recorder.elsewhere,
        "__record": recorder.record,
        "__judge": judging(recorder, row, mapper),
        "__fail": partial(recorder.fail, row),
        "__refuse": recorder.refuse,
        "__enter": recorder.enter,
        "__leave": recorder.leave,
        "__row": row,
    }
    shape = shape_of(function)
    if shape is Shape.ASYNC_GENERATOR:
        names["__drive"] = partial(AsyncStream, recorder, row, mapper)
        wrappers = [mirror.compile_wrapper(mirror.ASYNC_GENERATOR, function, code, names, row)]
    elif shape is Shape.GENERATOR:
        names["__drive"] = partial(drive, recorder, row, mapper)
        wrappers = [mirror.compile_wrapper(mirror.GENERATOR, function, code, names, row)]
    elif shape is Shape.COROUTINE:
        plain = mirror.compile_wrapper(mirror.ASYNC, function, code, names, row, metered=False)
        names["__metered"] = recorder.meter.around_async(plain)
        wrappers = [mirror.compile_wrapper(mirror.ASYNC, function, code, names, row), plain]
    else:
        plain = mirror.compile_wrapper(mirror.SYNC, function, code, names, row, metered=False)
        names["__metered"] = recorder.meter.around(plain)
        wrappers = [mirror.compile_wrapper(mirror.SYNC, function, code, names, row), plain]
        for each in wrappers:
            recorder.blocking[id(each.__code__)] = (row, each.__code__)
    tap = Tap(function, bound, mapper, bypass, [each.__globals__ for each in wrappers])
    recorder.taps.setdefault(row, []).append(tap)
    wrapper = wrappers[0]
    return wrapper if isinstance(function, (FunctionType, BuiltinFunctionType)) else proxy(function, wrapper)


def judging(recorder: Recorder, row: int, mapper: VerdictMapper | None) -> Callable[[Any, Any], int]:
    """Return what tells the code of a call from its result and its arguments; it never raises."""
    base = row << LAYER_SHIFT
    allow, modify = base | CODE_OF[Verdict.ALLOW], base | CODE_OF[Verdict.MODIFY]

    def by_rule(result: Any, arguments: Any) -> int:
        try:
            verdict = judge(result, arguments) if mapper is None else Verdict(mapper(result))
        except Exception as error:
            return base | recorder.unknown_verdict(error)
        return base | CODE_OF[verdict]

    def by_default(result: Any, arguments: Any) -> int:
        # The same as `judge`, in a tenth of the time for what most guards return.
        kind = type(result)
        if kind in PLAIN:
            return allow
        if kind is str:
            for argument in arguments:
                if type(argument) is str:
                    return allow if argument == result else modify
        return by_rule(result, arguments)

    return by_default if mapper is None else by_rule
