"""Checks of arguments that several guards have: each error names the argument, what it got and what to pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

__all__ = ["chosen", "listed", "require_text", "required_share"]

Choice = TypeVar("Choice", bound=str)
Item = TypeVar("Item")


def chosen(argument: str, value: str, allowed: Sequence[Choice]) -> Choice:
    """Return `value` if it is one of `allowed`.

    Raises:
        ValueError: if it is not.
    """
    for choice in allowed:
        if choice == value:
            return choice
    raise ValueError(f"{argument}={value!r} is unknown here; use {' or '.join(map(repr, allowed))}")


def listed(argument: str, values: Iterable[Item]) -> list[Item]:
    """Return what is in `values`.

    Raises:
        TypeError: if they are a single string, whose characters nobody means, or cannot be iterated over.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{argument}: got one {type(values).__name__}; pass a list")
    return list(values)


def require_text(value: object, argument: str) -> None:
    """Raise TypeError unless `value` is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{argument}: got a {type(value).__name__}; pass a str")


def required_share(argument: str, value: float) -> float:
    """Return `value` if it is a number from 0 to 1.

    Raises:
        TypeError: if it is no number.
        ValueError: if it lies outside.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{argument}: got {value!r}; pass a number from 0 to 1")
    if not 0 <= value <= 1:
        raise ValueError(f"{argument}={value!r} is no probability; pass a number from 0 to 1")
    return float(value)
