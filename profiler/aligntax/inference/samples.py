"""What may be called a sample: one dimension, at least one value, every value finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Sample = NDArray[np.float64]

LARGEST = 1e150  # what can still be squared and summed


def sample(name: str, values: ArrayLike) -> Sample:
    """Return values as an array of shape (n,), float64.

    Args:
        name: what the caller calls them, for the message.
        values: n >= 1 finite numbers.

    Raises:
        ValueError: if they are not numbers, not one-dimensional, none at all, or one of them is not finite or too
            large to be squared.
    """
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no flat list of measured values ({error})") from error
    if given.ndim != 1:
        raise ValueError(f"{name} has shape {given.shape}; pass one flat list of measured values")
    if not given.size:
        raise ValueError(f"{name} is empty; pass at least one measured value")
    if given.dtype.kind not in "iuf":
        raise ValueError(f"{name} does not hold numbers only, but {given.dtype}; leave out what was not measured")
    found = given.astype(np.float64)
    strange = np.flatnonzero(~(np.abs(found) <= LARGEST))
    if strange.size:
        where = int(strange[0])
        mend = "check its unit" if np.isfinite(found[where]) else "leave out what was not measured"
        raise ValueError(f"{name} holds {found[where]} at index {where}; {mend}")
    return found


def arms(base: ArrayLike, new: ArrayLike, *, paired: bool) -> tuple[Sample, Sample]:
    """Return the two arms of a comparison as arrays.

    Raises:
        ValueError: if one of them is no sample, or if they are paired and differ in length.
    """
    first, second = sample("base", base), sample("new", new)
    if paired and len(first) != len(second):
        raise ValueError(
            f"base has {len(first)} values and new has {len(second)}, so they cannot be paired; "
            "keep the requests that both arms answered, or compare them unpaired"
        )
    return first, second


def differences(base: ArrayLike, new: ArrayLike) -> Sample:
    """Return new minus base, pair by pair.

    Raises:
        ValueError: if the arms are no samples, or differ in length.
    """
    first, second = arms(base, new, paired=True)
    return second - first


def probability(name: str, value: float) -> float:
    """Return a number that lies between 0 and 1, ends excluded.

    Raises:
        ValueError: if it does not.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name}={value} must lie between 0 and 1")
    return value
