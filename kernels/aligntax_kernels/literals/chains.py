"""All hits by the automaton, for floods: eight chains of look-ups over eight parts of a block of text.

One chain waits for memory most of the time, so that eight take little longer than one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import (
    I64,
    U64,
    address_of,
    load_u32,
    load_u64,
    store_u64,
    unset_scratch,
)
from aligntax_kernels.literals.automaton import move
from aligntax_kernels.literals.sieve import (
    CLASSES,
    DEPTHS,
    FIRST_OUTPUT,
    LINKS,
    LONGEST,
    MOVES,
    NOTHING,
    OWNERS,
    ROW_SHIFT,
    emit,
    field,
)

__all__ = ["BLOCK_BYTES", "BLOCK_LONGEST", "gather"]

# Eight chains take a third of the time of one for each byte, and as long as the longest pattern to warm up.
BLOCK_BYTES, BLOCK_LONGEST, _LEAST_BLOCK = 16384, 16, 64


@kernel(types.int64(*[types.uint64] * 5, types.int64, types.uint64, types.int64))
def _ended(base: int, length: int, header: int, state: int, end: int, count: int, hits: int, capacity: int) -> int:
    """Store all patterns that end at `end`, where a chain is in `state`, as `emit` does; return the new count."""
    owners, links, depths = field(header, OWNERS), field(header, LINKS), field(header, DEPTHS)
    number = I64(state >> field(header, ROW_SHIFT))
    while number >= 0:
        place = U64(number) << U64(2)
        owner = np.int32(load_u32(owners + place))
        if owner >= 0:
            start = end - U64(load_u32(depths + place))
            count = emit(base, length, header, start, end, U64(owner), count, hits, capacity)
        number = I64(np.int32(load_u32(links + place)))
    return count


@kernel(types.uint64(*[types.uint64] * 8))
def _run(
    start: int, part: int, moves: int, classes: int, first_output: int, states: int, offset: int, last: int
) -> int:
    """Move eight chains on together, and return at which offset something ends in one of them, or `last`.

    A function of its own, without a call in it, so that the chains stay in registers.

    Args:
        start: address of the block.
        part: how many bytes the chains are apart.
        moves: the transitions.
        classes: the column of each byte in them.
        first_output: the first state in which something ends.
        states: address of the eight states, which are read and written.
        offset: how far the chains are.
        last: how far they go.
    """
    a = start
    b = a + part
    c = b + part
    d = c + part
    e = d + part
    f = e + part
    g = f + part
    h = g + part
    s, t = load_u64(states), load_u64(states + U64(8))
    u, v = load_u64(states + U64(16)), load_u64(states + U64(24))
    w, x = load_u64(states + U64(32)), load_u64(states + U64(40))
    y, z = load_u64(states + U64(48)), load_u64(states + U64(56))
    while offset < last:
        s = move(moves, classes, s, a + offset)
        t = move(moves, classes, t, b + offset)
        u = move(moves, classes, u, c + offset)
        v = move(moves, classes, v, d + offset)
        w = move(moves, classes, w, e + offset)
        x = move(moves, classes, x, f + offset)
        y = move(moves, classes, y, g + offset)
        z = move(moves, classes, z, h + offset)
        if max(max(max(s, t), max(u, v)), max(max(w, x), max(y, z))) >= first_output:
            break
        offset += U64(1)
    store_u64(states, s)
    store_u64(states + U64(8), t)
    store_u64(states + U64(16), u)
    store_u64(states + U64(24), v)
    store_u64(states + U64(32), w)
    store_u64(states + U64(40), x)
    store_u64(states + U64(48), y)
    store_u64(states + U64(56), z)
    return offset


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.int64, TEXT))
def gather(header: int, start_at: int, hits: int, capacity: int, text: Any) -> int:
    """Find what the sieve finds, in time that does not depend on the text but for its hits.

    Of the eight chains of a block, the first goes on from where the block before ended. The others begin one part
    apart; what they do not know in their first `longest` bytes the chain before sees, since each runs as far as the
    next one needs to know everything.

    Args:
        header: address of the pattern set's header.
        start_at: hits begin here or later.
        hits: address of room for hits, as in `emit`.
        capacity: how many fit there.
        text: what to search.

    Returns:
        As the sieve, but never `FLOODED`.
    """
    base, length = address_of(text), U64(len(text))
    moves, classes, first_output = field(header, MOVES), field(header, CLASSES), field(header, FIRST_OUTPUT)
    longest = field(header, LONGEST)
    least = max(U64(_LEAST_BLOCK), longest << U64(2))
    block = max(U64(BLOCK_BYTES), longest * U64(BLOCK_LONGEST))
    states = unset_scratch()
    at, state = start_at, U64(0)
    count = 0
    while length - at >= least:
        part = (min(block, length - at) - longest) >> U64(3)
        for chain in range(8):
            store_u64(states + U64(chain * 8), state if chain == 0 else U64(0))
        offset, last = U64(0), part + longest
        while True:
            offset = _run(base + at, part, moves, classes, first_output, states, offset, last)
            if offset == last:
                break
            offset += U64(1)
            for chain in range(8):
                reached = load_u64(states + U64(chain * 8))
                if reached >= first_output and (chain == 0 or offset > longest):
                    end = at + U64(chain) * part + offset
                    count = _ended(base, length, header, reached, end, count, hits, capacity)
            if capacity == 0 and count:
                return I64(max(start_at, at - min(at, longest)))
        at += (part << U64(3)) + longest
        state = load_u64(states + U64(56))
    while at < length:
        state = move(moves, classes, state, base + at)
        at += U64(1)
        if state >= first_output:
            count = _ended(base, length, header, state, at, count, hits, capacity)
            if capacity == 0 and count:
                return I64(max(start_at, at - min(at, longest)))
    return count if capacity else NOTHING
