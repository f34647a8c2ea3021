"""Whether two answers of a pipeline are the same, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["same"]


def same(one: Any, other: Any) -> bool | None:
    """Return whether two answers are equal; None where they cannot be compared.

    Containers are compared item by item, so that arrays and tensors may be in them; objects that compare by identity
    alone cannot be compared.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and _all(same(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, (str, bytes, bytearray)):
        return len(one) == len(other) and _all(same(*pair) for pair in zip(one, other, strict=True))
    if one is None:
        return True
    if getattr(type(one), "__eq__", None) is object.__eq__:
        return None
    try:
        if hasattr(one, "shape"):  # an array or a tensor
            return bool(one.shape == other.shape and (one == other).all())
        return bool(one == other)
    except Exception:
        return None  # foreign objects may refuse in any way; then there is nothing to say


def _all(answers: Any) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True
