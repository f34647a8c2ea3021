"""Builds the tables of a pattern set: compiled, because ten thousand patterns have a hundred thousand states."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel

__all__ = ["choose_windows", "fill_moves", "grow_trie", "link_states", "number_states"]

_BYTES, _INTS, _LONGS = types.uint8[::1], types.int32[::1], types.int64[::1]
_TABLE = types.int32[:, ::1]


@kernel(types.int64(_BYTES, _LONGS, types.uint16[::1], _TABLE, _INTS, _INTS))
def grow_trie(
    joined: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    classes: NDArray[np.uint16],
    following: NDArray[np.int32],
    depths: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> int:
    """Put every pattern into a trie and return how many states it has; state 0 is the root.

    Args:
        joined: the patterns' bytes, one after the other; no two patterns are equal.
        bounds: int64, (patterns + 1,): where each begins in `joined`.
        classes: uint16, (256,): column of each byte in `following`.
        following: int32, (bytes + 1, columns), all -1: gets the next state for each column.
        depths: int32, (bytes + 1,); gets the length of each state.
        owners: int32, (bytes + 1,); gets the pattern that ends in each state, or -1.
    """
    states = 1
    owners[0] = -1
    depths[0] = 0
    for pattern in range(len(bounds) - 1):
        state = 0
        for at in range(bounds[pattern], bounds[pattern + 1]):
            column = classes[joined[at]]
            after = following[state, column]
            if after < 0:
                after = states
                following[state, column] = after
                depths[after] = depths[state] + 1
                owners[after] = -1
                states += 1
            state = after
        owners[state] = pattern
    return states


@kernel(types.void(_TABLE, _INTS, _INTS, types.int64, _INTS, _INTS, _INTS))
def link_states(
    following: NDArray[np.int32],
    owners: NDArray[np.int32],
    depths: NDArray[np.int32],
    states: int,
    order: NDArray[np.int32],
    links: NDArray[np.int32],
    begun: NDArray[np.int32],
) -> None:
    """Complete a trie to the automaton of Aho and Corasick (1975), algorithms 3 and 4.

    Args:
        following: as `grow_trie` leaves it; every -1 is replaced by the state that the longest suffix leads to.
        owners: the pattern that ends in each state, as `grow_trie` leaves it.
        depths: the length of each state, likewise.
        states: how many there are.
        order: int32, (states,); gets the states breadth first.
        links: int32, (states,); gets the state of the longest proper suffix in which a pattern ends, or -1.
        begun: int32, (states,); gets the length of the longest suffix that more text could complete to a pattern.
    """
    columns = following.shape[1]
    falls = np.zeros(states, np.int32)
    order[0] = 0
    links[0] = -1
    begun[0] = 0
    filled = 1
    for column in range(columns):
        after = following[0, column]
        if after < 0:
            following[0, column] = 0
        else:
            order[filled] = after
            filled += 1
    for turn in range(1, states):
        state = order[turn]
        fall = falls[state]
        links[state] = fall if owners[fall] >= 0 else links[fall]
        before = filled
        for column in range(columns):
            after = following[state, column]
            if after < 0:
                following[state, column] = following[fall, column]
            else:
                falls[after] = following[fall, column]
                order[filled] = after
                filled += 1
        begun[state] = depths[state] if filled > before else begun[fall]


@kernel(types.int64(_INTS, _INTS, _INTS, _INTS))
def number_states(
    owners: NDArray[np.int32], links: NDArray[np.int32], order: NDArray[np.int32], numbers: NDArray[np.int32]
) -> int:
    """Number the states so that those in which something ends come last, and return the first of these.

    Within both parts they stay breadth first: the states near the root, which a text visits most, share cache lines.

    Args:
        owners: int32, (states,), as `grow_trie` leaves it.
        links: int32, (states,), as `link_states` leaves it.
        order: int32, (states,), likewise.
        numbers: int32, (states,): gets each state's number.
    """
    number = 0
    for state in order:
        if owners[state] < 0 and links[state] < 0:
            numbers[state] = number
            number += 1
    first_output = number
    for state in order:
        if owners[state] >= 0 or links[state] >= 0:
            numbers[state] = number
            number += 1
    return first_output


@kernel(types.void(_TABLE, _INTS, types.uint32[:, ::1]))
def fill_moves(following: NDArray[np.int32], numbers: NDArray[np.int32], moves: NDArray[np.uint32]) -> None:
    """Write the transitions by number, each as the byte offset of the next state's row: a step is then one addition.

    Args:
        following: int32, (states or more, columns), as `link_states` leaves it.
        numbers: int32, (states,).
        moves: uint32, (states, columns or more).
    """
    row_bytes = moves.shape[1] * 4
    for state in range(len(numbers)):
        for column in range(following.shape[1]):
            moves[numbers[state], column] = numbers[following[state, column]] * row_bytes


_USED_BITS = 16


@kernel(types.float64(_BYTES, types.int64, types.int64, _BYTES, types.float64[:, ::1]))
def _chance(
    joined: NDArray[np.uint8], begin: int, end: int, classes: NDArray[np.uint8], chances: NDArray[np.float64]
) -> float:
    """Return how likely it is that a text goes on like `joined[begin:end]`, its first byte taken for a common one."""
    chance = 0.06
    for at in range(begin + 1, end):
        chance *= chances[classes[joined[at - 1]], classes[joined[at]]]
    return chance


@kernel(types.int64(_BYTES, types.int64, types.int64))
def _used_slot(joined: NDArray[np.uint8], gram: int, width: int) -> int:
    hashed = np.uint64(0)
    for at in range(gram, gram + width):
        hashed = (hashed + np.uint64(joined[at] & 0xDF)) * np.uint64(0x9E3779B97F4A7C15)
    return int(hashed >> np.uint64(64 - _USED_BITS))


@kernel(types.void(_BYTES, _LONGS, types.int64, types.int64, _BYTES, types.float64[:, ::1], _LONGS, types.float64[::1]))
def choose_windows(
    joined: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    width: int,
    stride: int,
    classes: NDArray[np.uint8],
    chances: NDArray[np.float64],
    windows: NDArray[np.int64],
    expected: NDArray[np.float64],
) -> None:
    """Choose, in each pattern, the window that leads the sieve astray least often, and say how often all of them do.

    A window is `stride` neighbouring grams of `width` bytes. A text that is looked at every `stride` bytes shows
    exactly one of them wherever the pattern stands. Rare grams are good, and so are bytes beside them that the pattern
    fixes, too; grams that many patterns share are bad, since all of those have to be compared.

    Args:
        joined: the patterns' bytes, as in `grow_trie`.
        bounds: where each begins in `joined`; none is shorter than `width + stride - 1`.
        width: of a gram, in bytes.
        stride: of the looks, in bytes.
        classes: the class of each byte, as `frequencies` has it.
        chances: how often each class follows each other one, likewise.
        windows: int64, (patterns,); gets where each window begins in its pattern.
        expected: float64, (2,); gets what a look leads to: grams that occur in a pattern, and patterns to compare.
    """
    used = np.zeros(1 << _USED_BITS, np.int32)
    expected[:] = 0.0
    for pattern in range(len(bounds) - 1):
        begin, end = bounds[pattern], bounds[pattern + 1]
        best = 1e300
        for offset in range(end - begin - width - stride + 2):
            cost = 0.0
            for gram in range(begin + offset, begin + offset + stride):
                sided = _chance(joined, max(begin, gram - 1), min(end, gram + width + 1), classes, chances)
                cost += sided * (1 + used[_used_slot(joined, gram, width)])
            if cost < best:
                best = cost
                windows[pattern] = offset
        for gram in range(begin + windows[pattern], begin + windows[pattern] + stride):
            slot = _used_slot(joined, gram, width)
            if not used[slot]:
                expected[0] += _chance(joined, gram, gram + width, classes, chances)
            used[slot] += 1
        expected[1] += best
