"""Wrappers with the exact signature of what they wrap.

`def call(*args, **kwargs)` packs and unpacks its arguments at a price of half a span. A wrapper that is compiled with
the wrapped function's own parameters has no such price, and a wrong call fails as it would have without it. Where the
parameters cannot be copied (builtins, callable objects), the same template is filled with `*args, **kwargs`.
"""

from __future__ import annotations

import functools
import inspect
import keyword
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

from aligntax.recording.taps import WRAPPED

SYNC = """\
def {name}({parameters}):
    __live = __current()
    if {metered}:
        return __metered({arguments})
    __start = __clock()
    try:
        __result = __wrapped({arguments})
    except BaseException as __error:
        __fail(__live, __start, __clock(), __error, 0)
        raise
    __end = __clock()
    if __strand() != __live.strand:
        __live = __elsewhere(__live)
    if __len(__live) < __live.room:
        __live += (__start, __end, {code})
    else:
        __refuse(__live)
    return __result
"""

ASYNC = """\
async def {name}({parameters}):
    __live = __current()
    if __len(__live) >= __live.room:
        __refuse(__live)
        return await __wrapped({arguments})
    if {metered}:
        return await __metered({arguments})
    __inner = __enter(__live, __row)
    __start = __clock()
    try:
        __result = await __wrapped({arguments})
    except BaseException as __error:
        __end = __clock()
        __leave(__live, __inner)
        __fail(__live, __start, __end, __error, __inner.bits)
        raise
    __end = __clock()
    __leave(__live, __inner)
    __record(__live, __start, __end, {code} | __inner.bits)
    return __result
"""

GENERATOR = """\
def {name}({parameters}):
    return (yield from __drive(__wrapped({arguments})))
"""

ASYNC_GENERATOR = """\
async def {name}({parameters}):
    __stream = __drive(__wrapped({arguments}))
    try:
        __item = await __stream.next()
        while True:
            try:
                __sent = yield __item
            except GeneratorExit:
                await __stream.close()
                raise
            except BaseException as __error:
                __item = await __stream.throw(__error)
            else:
                __item = await __stream.next() if __sent is None else await __stream.send(__sent)
    except StopAsyncIteration:
        return
"""


class _Call(NamedTuple):
    """How to spell a call in source: what is declared, what is passed on, and what a result is compared with.

    `unchanged` is a condition that holds when the call returned the very text that it was given. Of other results the
    inside has to be looked at: what was passed in may come back with a verdict on it.
    """

    parameters: str
    arguments: str
    compared: str
    unchanged: str
    defaults: dict[str, Any]


_ANY_CALL = _Call(
    "*args, **kwargs",
    "*args, **kwargs",
    "args or tuple(kwargs.values())",
    "args and __result is args[0] and __type(__result) is __str",
    {},
)


def compile_wrapper(
    template: str, wrapped: Callable[..., Any], code: str, names: dict[str, Any], row: int, metered: bool = True
) -> FunctionType:
    """Return a function made from `template` that calls `wrapped` and has its signature, name and documentation.

    Args:
        template: one of the templates above.
        wrapped: what the wrapper calls.
        code: expression for the span's code; may use `__result` and the fields `{compared}` and `{unchanged}`.
        names: what the template refers to.
        row: the layer's row, shown in tracebacks.
        metered: whether the wrapper hands calls of metered requests to `__metered`.
    """
    call = _copied(wrapped) or _ANY_CALL
    source = template.format(
        name="wrapper",
        parameters=call.parameters,
        arguments=call.arguments,
        code=code.format(compared=call.compared, unchanged=call.unchanged),
        metered="__live.metered" if metered else "False",
    )
    scope = {**names, **call.defaults, WRAPPED: wrapped, "__len": len, "__type": type, "__str": str}
    name = getattr(wrapped, "__qualname__", type(wrapped).__qualname__)
    # Templates and parameter names only: nothing in this source comes from outside the program's own code.
    exec(compile(source, f"<aligntax layer {row} around {name}>", "exec"), scope)  # noqa: S102
    wrapper: FunctionType = scope["wrapper"]
    functools.update_wrapper(wrapper, wrapped)
    return wrapper


def _copied(wrapped: Callable[..., Any]) -> _Call | None:
    """Return the call with the parameters of `wrapped`; None where they cannot be copied."""
    if not isinstance(wrapped, FunctionType) or hasattr(wrapped, "__signature__"):
        return None
    signature = inspect.signature(wrapped, follow_wrapped=False)
    names = list(signature.parameters)
    if any(name.startswith("__") or keyword.iskeyword(name) or not name.isidentifier() for name in names):
        return None
    parameters: list[str] = []
    arguments: list[str] = []
    compared: list[str] = []
    defaults: dict[str, Any] = {}
    previous = None
    for name, parameter in signature.parameters.items():
        kind = parameter.kind
        if previous is parameter.POSITIONAL_ONLY and kind is not previous:
            parameters.append("/")
        if kind is parameter.KEYWORD_ONLY and previous not in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY):
            parameters.append("*")
        star = "*" if kind is parameter.VAR_POSITIONAL else "**" if kind is parameter.VAR_KEYWORD else ""
        default = ""
        if parameter.default is not parameter.empty:
            defaults[f"__default_{name}"] = parameter.default
            default = f"=__default_{name}"
        parameters.append(f"{star}{name}{default}")
        arguments.append(f"{name}={name}" if kind is parameter.KEYWORD_ONLY else f"{star}{name}")
        compared.append("*" + name if star == "*" else f"*{name}.values()" if star else name)
        previous = kind
    if previous is inspect.Parameter.POSITIONAL_ONLY:
        parameters.append("/")
    text = next((name for name in compared if name not in {"self", "cls"} and not name.startswith("*")), None)
    return _Call(
        ", ".join(parameters),
        ", ".join(arguments),
        f"({', '.join(compared)},)" if compared else "()",
        f"__result is {text} and __type(__result) is __str" if text else "False",
        defaults,
    )
