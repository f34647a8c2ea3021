"""From a callable to a timed one, whatever kind of callable it is."""

from __future__ import annotations

import inspect
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from typing import Any

from aligntax.recording import mirror
from aligntax.recording.proxy import CallableProxy
from aligntax.recording.recorder import Recorder
from aligntax.recording.scope import CODE_OF, LAYER_SHIFT
from aligntax.recording.streams import AsyncStream, drive
from aligntax.recording.verdicts import PLAIN, VerdictMapper, judge
from aligntax.trace import Layer, Verdict


def wrap(recorder: Recorder, function: Callable[..., Any], layer: Layer, mapper: VerdictMapper | None = None) -> Any:
    """Return `function` timed as `layer`: same signature, same results, same exceptions.

    Functions and bound methods come back as functions, other callable objects as a proxy of the object. Coroutine
    functions, generator functions and asynchronous generator functions stay what they are.

    Raises:
        ValueError: if the layer's name is taken by another layer, or if there is no room for it.
    """
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
        "__judge": _judge(recorder, row, mapper),
        "__fail": partial(recorder.fail, row),
        "__refuse": recorder.refuse,
        "__enter": recorder.enter,
        "__leave": recorder.leave,
        "__row": row,
    }
    called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    if inspect.isasyncgenfunction(function) or inspect.isasyncgenfunction(called):
        names["__drive"] = partial(AsyncStream, recorder, row, mapper)
        wrapper = mirror.compile_wrapper(mirror.ASYNC_GENERATOR, function, code, names, row)
    elif inspect.isgeneratorfunction(function) or inspect.isgeneratorfunction(called):
        names["__drive"] = partial(drive, recorder, row, mapper)
        wrapper = mirror.compile_wrapper(mirror.GENERATOR, function, code, names, row)
    elif inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
        plain = mirror.compile_wrapper(mirror.ASYNC, function, code, names, row, metered=False)
        names["__metered"] = recorder.meter.around_async(plain)
        wrapper = mirror.compile_wrapper(mirror.ASYNC, function, code, names, row)
    else:
        plain = mirror.compile_wrapper(mirror.SYNC, function, code, names, row, metered=False)
        names["__metered"] = recorder.meter.around(plain)
        wrapper = mirror.compile_wrapper(mirror.SYNC, function, code, names, row)
        recorder.rows_by_code[plain.__code__] = recorder.rows_by_code[wrapper.__code__] = row
    return wrapper if inspect.isroutine(function) else CallableProxy(function, wrapper)


def _judge(recorder: Recorder, row: int, mapper: VerdictMapper | None) -> Callable[[Any, Any], int]:
    """Return what tells the code of a call from its result and its arguments; it never raises."""
    base = row << LAYER_SHIFT
    allow, modify = base | CODE_OF[Verdict.ALLOW], base | CODE_OF[Verdict.MODIFY]

    def by_rule(result: Any, arguments: Any) -> int:
        try:
            verdict = judge(result, arguments) if mapper is None else Verdict(mapper(result))
        except Exception as error:
            recorder.drops.count("verdict_mapper")
            recorder.complain("the verdict of a call could not be told; it counts as an error", error)
            return base | CODE_OF[Verdict.ERROR] | recorder.error_bits("verdict_mapper")
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
