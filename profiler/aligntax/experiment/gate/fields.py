"""Single fields of a result, checked: numbers that are numbers, estimates that enclose their value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aligntax.experiment.gate.measured import Values
from aligntax.inference import CONFIDENCE, Estimate

__all__ = ["confidence", "estimate", "numbers"]


def numbers(name: str, values: Sequence[Any]) -> Values:
    """Return values as an array.

    Raises:
        ValueError: if one of them is no finite number; names it and where it stands.
    """
    for index, value in enumerate(values):
        if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
            raise ValueError(f"{name} holds {value!s:.40} at index {index}, which is no measurement; measure again")
    return np.asarray(values, np.float64)


def confidence(found: Any) -> float:
    """Return how sure intervals are, as a file has it; 0.95 where it says nothing, or nothing that can be."""
    return float(found) if isinstance(found, int | float) and 0 < found < 1 else CONFIDENCE


def estimate(name: str, found: Any) -> Estimate | None:
    """Return an estimate as a result holds it; None where there was nothing to estimate it from.

    Raises:
        ValueError: if it is none; names it.
    """
    if isinstance(found, Mapping) and "value" in found and found["value"] is None:
        return None
    try:
        return Estimate.from_dict(found)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
