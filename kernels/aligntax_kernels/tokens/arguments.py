"""What a call of `TokenBans` may be given for states, tokens and numbers of rows, and what it says of anything else."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.arrays import shared_array

__all__ = ["missing", "row_count", "states_array", "tokens_array"]

_INT32, _INT64 = np.dtype(np.int32), np.dtype(np.int64)


def row_count(name: str, given: Any) -> int:
    """Return a number of rows or drafts.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is negative.
    """
    try:
        count = index(given)
    except TypeError as error:
        raise TypeError(f"{name}: got a {type(given).__name__}; pass how many, as an integer") from error
    if count < 0:
        raise ValueError(f"{name}={count} is negative; pass how many, 0 or more")
    return count


def missing(**arguments: Any) -> TypeError:
    """Return the error for the one that is None, which must not pass for an argument that the call does without."""
    name = next(name for name, value in arguments.items() if value is None)
    mend = "make it with start()" if name == "state" else "pass a numpy array or a torch tensor"
    return TypeError(f"{name}: got None; {mend}")


def states_array(state: Any, rows: int | None) -> NDArray[np.int32]:
    """Return states as an array on the same memory, to be changed in place; any number of them where `rows` is None.

    Raises:
        TypeError: if they are no int32, or their memory cannot be used.
        ValueError: if there is not one for each row, or they cannot be changed one by one.
    """
    numbers = shared_array(state, "state")
    if numbers.dtype != _INT32:
        raise TypeError(f"state is of {numbers.dtype}; make it with start(), or .astype(np.int32)")
    if numbers.ndim != 1 or (rows is not None and len(numbers) != rows):
        wanted = "(rows,)" if rows is None else f"({rows},)"
        raise ValueError(f"state has shape {numbers.shape}; expected {wanted}, one for each row")
    if not numbers.flags.writeable or not numbers.flags.aligned:
        raise ValueError("state is read-only or not aligned, and is changed in place; pass a copy and keep that")
    if len(numbers) > 1 and numbers.strides[0] == 0:
        raise ValueError("state is one number for all rows, and each row changes its own; pass a copy and keep that")
    return numbers


def tokens_array(tokens: Any, rows: int | None) -> NDArray[Any]:
    """Return tokens as (rows, length).

    Raises:
        TypeError: if they are neither int32 nor int64, or their memory cannot be used.
        ValueError: if there is not one row for each state.
    """
    read = shared_array(tokens, "tokens")
    if read.dtype != _INT64 and read.dtype != _INT32:
        raise TypeError(f"tokens are {read.dtype}; pass token ids as int32 or int64")
    if read.ndim not in (1, 2) or len(read) != rows:
        raise ValueError(
            f"tokens have shape {read.shape}; expected ({rows},) or ({rows}, length), a row for each state"
        )
    if read.ndim == 1:
        read = read[:, np.newaxis]
    return read if read.flags.aligned else read.copy()
