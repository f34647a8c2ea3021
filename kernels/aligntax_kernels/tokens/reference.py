"""The oracle of the token filters: slow and obvious."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.tokens.rules import Rules


def apply_bitmask(logits: NDArray[Any], bitmask: NDArray[np.int32], minus_infinity: int) -> None:
    """Set the logits of banned tokens to minus infinity, in place.

    Args:
        logits: 16 or 32 bits each, (rows, vocabulary).
        bitmask: int32, (rows or 1, ceil(vocabulary / 32)); bit set = allowed, the lowest bit first.
        minus_infinity: its bits in the type of the logits.
    """
    bits = logits.view(f"u{logits.itemsize}")
    rows, vocabulary = bits.shape
    for row in range(rows):
        words = bitmask[0] if len(bitmask) == 1 else bitmask[row]
        for token in range(vocabulary):
            word, bit = divmod(token, 32)
            if not (int(words[word]) >> bit) & 1:
                bits[row, token] = minus_infinity


def walk(
    rules: Rules,
    state: NDArray[np.int32] | None,
    tokens: NDArray[Any] | None,
    logits: NDArray[Any] | None,
    minus_infinity: int,
    states: NDArray[np.int32] | None,
) -> int:
    """Read tokens row by row, and ban in the logits what would complete a banned sequence; in place.

    Args:
        rules: what is banned.
        state: int32, (rows,), where each row stands, and afterwards where it has come to unless `states` is given;
            None for rows of which all is to be read.
        tokens: int32 or int64, (rows, length), what each row reads; a negative one is none. None for no tokens.
        logits: 16 or 32 bits each, (rows, length + 1, vocabulary) with `states`, for what may follow each token and
            come before the first; else (rows, 1, vocabulary), for what may follow the last. None to read only.
        minus_infinity: its bits in the type of the logits.
        states: int32, (rows, length + 1), where the row stands at each place; None if nobody wants to know.

    Returns:
        The first row whose state is none of the automaton's, and then nothing was done; or -1.
    """
    beginnings = rules.beginnings()
    given = [0] * _rows_of(state, tokens, logits) if state is None else state.tolist()
    for row, number in enumerate(given):
        if not 0 <= number < len(beginnings):
            return row
    for row, number in enumerate(given):
        read = beginnings[number]
        places = [read]
        for token in () if tokens is None else tokens[row].tolist():
            read += rules.symbols(token)
            read = next(read[cut:] for cut in range(len(read) + 1) if read[cut:] in beginnings)
            places.append(read)
        numbers = [beginnings.index(place) for place in places]
        if states is not None:
            states[row] = numbers
        elif state is not None:
            state[row] = numbers[-1]
        if logits is not None:
            for position, place in enumerate(places if states is not None else places[-1:]):
                bits = logits[row, position].view(f"u{logits.itemsize}")
                for token in range(len(bits)):
                    if rules.forbids(place, token):
                        bits[token] = minus_infinity
    return -1


def _rows_of(*arrays: NDArray[Any] | None) -> int:
    return next((len(array) for array in arrays if array is not None), 0)
