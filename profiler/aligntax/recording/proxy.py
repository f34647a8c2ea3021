"""A callable object that is timed when called, and is otherwise the object that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class CallableProxy:
    """Passes everything but the call itself on to the wrapped object, also what is set on it or deleted.

    `isinstance` sees the wrapped object's class. `__wrapped__` is the object itself.
    """

    __slots__ = ("__wrapped__", "_aligntax_call")

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
        return bool(self.__wrapped__ == (other.__wrapped__ if type(other) is CallableProxy else other))

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __bool__(self) -> bool:
        return bool(self.__wrapped__)
