"""A callable object that is timed when called, and is otherwise the object that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import MethodType
from typing import Any

# Python looks these up on the class, where `__getattr__` is not asked.
_LOOKED_UP_ON_THE_CLASS = (
    *("__len__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__reversed__"),
    *("__enter__", "__exit__", "__aenter__", "__aexit__", "__aiter__", "__anext__", "__await__"),
    *("__instancecheck__", "__subclasscheck__", "__copy__", "__deepcopy__"),
)


class CallableProxy:
    """Passes everything but the call itself on to the wrapped object, also what is set on it or deleted.

    `isinstance` sees the wrapped object's class, and copies and pickles are of the wrapped object. `__wrapped__` is the
    object itself. To be made by `proxy`.
    """

    __slots__ = ("__weakref__", "__wrapped__", "_aligntax_call")

    def __init__(self, wrapped: Callable[..., Any], call: Callable[..., Any]) -> None:
        object.__setattr__(self, "__wrapped__", wrapped)
        object.__setattr__(self, "_aligntax_call", call)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._aligntax_call(*args, **kwargs)

    @property
    def __class__(self) -> Any:
        return type(self.__wrapped__)

    @__class__.setter
    def __class__(self, value: Any) -> None:
        self.__wrapped__.__class__ = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__wrapped__, name)

    def __dir__(self) -> list[str]:
        return dir(self.__wrapped__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __str__(self) -> str:
        return str(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return bool(self.__wrapped__ == (other.__wrapped__ if isinstance(other, CallableProxy) else other))

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __bool__(self) -> bool:
        return bool(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


def proxy(wrapped: Callable[..., Any], call: Callable[..., Any]) -> CallableProxy:
    """Return a proxy of `wrapped` that does what the class of `wrapped` can do, no more, and calls `call`."""
    kind = type(wrapped)
    able = tuple(name for name in _LOOKED_UP_ON_THE_CLASS if getattr(kind, name, None) is not None)
    return _class_for(able, hasattr(kind, "__get__"))(wrapped, call)


@cache
def _class_for(able: tuple[str, ...], binds: bool) -> type[CallableProxy]:
    """Return a proxy class with these special methods; one that binds is a method where it is kept in a class."""
    namespace: dict[str, Any] = {name: _passed_on(name) for name in able}
    if binds:
        namespace["__get__"] = _bound
    doc = property(lambda self: self.__wrapped__.__doc__)
    return type("CallableProxy", (CallableProxy,), {"__slots__": (), "__doc__": doc, **namespace})


def _passed_on(name: str) -> Callable[..., Any]:
    def special(self: CallableProxy, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.__wrapped__, name)(*args, **kwargs)

    return special


def _bound(self: CallableProxy, instance: object, _owner: type | None = None) -> Any:
    return self if instance is None else MethodType(self, instance)
