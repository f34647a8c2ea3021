"""The tables of the automaton, and the patterns as both engines' tables are built from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.literals import sieve
from aligntax_kernels.literals.cpu_build import fill_moves, grow_trie, link_states, number_states
from aligntax_kernels.literals.patterns import PatternSet

__all__ = ["Joined", "automaton_tables", "join"]

MAX_TABLE_BYTES = 2**30


class Joined(NamedTuple):
    """The needles that differ in one array, where each begins in it, and which pattern it is the first of."""

    data: NDArray[np.uint8]
    bounds: NDArray[np.int64]
    patterns: NDArray[np.int64]


def join(needles: Sequence[bytes]) -> tuple[Joined, NDArray[np.int32]]:
    """Return the needles joined, and for each pattern the next one with the same bytes, or -1."""
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    twins = np.full(len(needles), -1, np.int32)
    for index, needle in enumerate(needles):
        first.setdefault(needle, index)
        if needle in last:
            twins[last[needle]] = index
        last[needle] = index
    bounds = np.zeros(len(first) + 1, np.int64)
    np.cumsum([len(needle) for needle in first], out=bounds[1:])
    data = np.frombuffer(b"".join(first), np.uint8).copy()
    return Joined(data, bounds, np.fromiter(first.values(), np.int64, len(first))), twins


def automaton_tables(header: NDArray[np.uint64], patterns: PatternSet, joined: Joined) -> tuple[NDArray[Any], ...]:
    """Build the automaton, enter it in the header, and return what has to be kept alive: the transitions first.

    Raises:
        ValueError: if it would take more than a gibibyte.
    """
    occurring = np.unique(joined.data)
    columns = len(occurring) + 1
    row = 1 << (columns - 1).bit_length()
    most_states = len(joined.data) + 1
    if 4 * most_states * (columns + row) > MAX_TABLE_BYTES:
        raise ValueError(
            f"{len(patterns.needles):,} patterns of {len(joined.data):,} bytes may need an automaton of "
            f"{4 * most_states * (columns + row) / 2**30:.1f} GiB; split them into sets that stay below 1 GiB each"
        )
    column_of = np.zeros(256, np.uint16)
    column_of[occurring] = np.arange(1, columns)
    following = np.full((most_states, columns), -1, np.int32)
    depths, owners = np.zeros(most_states, np.int32), np.zeros(most_states, np.int32)
    states = grow_trie(joined.data, joined.bounds, column_of, following, depths, owners)
    owners, depths = owners[:states].copy(), depths[:states].copy()
    order, links, begun, numbers = (np.zeros(states, np.int32) for _ in range(4))
    link_states(following, owners, depths, states, order, links, begun)
    first_output = number_states(owners, links, order, numbers)
    moves = np.zeros((states, row), np.uint32)
    fill_moves(following, numbers, moves)
    linked = np.where(links >= 0, numbers[links], -1).astype(np.int32)
    owners = np.append(joined.patterns, -1)[owners].astype(np.int32)  # the last one is for -1, no pattern
    owners, depths, begun, linked = (_by_number(values, numbers) for values in (owners, depths, begun, linked))
    # A byte of the text leads to its column at once, in both cases where case does not matter.
    classes = column_of[np.frombuffer(patterns.lower, np.uint8)] * np.uint16(4)
    for index, table in (
        (sieve.CLASSES, classes),
        (sieve.MOVES, moves),
        (sieve.DEPTHS, depths),
        (sieve.BEGUN, begun),
        (sieve.OWNERS, owners),
        (sieve.LINKS, linked),
    ):
        header[index] = table.ctypes.data
    header[sieve.FIRST_OUTPUT] = first_output * row * 4
    header[sieve.ROW_SHIFT] = (row * 4).bit_length() - 1
    header[sieve.LONGEST] = max(map(len, patterns.needles), default=0)
    return moves, classes, depths, begun, owners, linked


def _by_number(values: NDArray[np.int32], numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    numbered = np.empty_like(values)
    numbered[numbers] = values
    return numbered
