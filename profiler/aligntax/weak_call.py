"""A call of a method by something that lives longer than the object that it is a method of."""

from __future__ import annotations

import weakref
from collections.abc import Callable

__all__ = ["weakly"]


def weakly(method: Callable[[], object]) -> Callable[[], None]:
    """Return a function that calls a bound method as long as its object is alive, and does not keep it so."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        bound = reference()
        if bound is not None:
            bound()

    return call
