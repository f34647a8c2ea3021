"""The automaton of Aho and Corasick: one table look-up for every byte, whatever the text; one chain of them.

It finds leftmost-longest hits in order, without sorting, in texts and in streams. `chains` finds all hits of a text,
with eight chains.
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
    load_u8,
    load_u16,
    load_u32,
    store_u64,
)
from aligntax_kernels.literals.sieve import (
    BEGUN,
    CLASSES,
    DEPTHS,
    FIRST_OUTPUT,
    LINKS,
    MOVES,
    NOTHING,
    OWNERS,
    ROW_SHIFT,
    WORDS,
    field,
)
from aligntax_kernels.literals.words import word_after, word_before

__all__ = ["move", "step", "walk"]

_NONE = I64(-1)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def move(moves: int, classes: int, state: int, address: int) -> int:
    """Return the state, as the byte offset of its row, after one more byte of the text."""
    column = U64(load_u16(classes + (U64(load_u8(address)) << U64(1))))
    return U64(load_u32(moves + state + column))


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.uint64))
def _begun_at(begun: int, row_shift: int, state: int, at: int) -> int:
    """Return where the earliest pattern begins that more text could complete, for a chain in `state` at `at`."""
    return I64(at) - I64(load_u32(begun + (state >> row_shift << U64(2))))


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64))
def _longest_ending(base: int, length: int, header: int, state: int, end: int) -> int:
    """Return the number of the state of the longest pattern that ends at `end` and may stand there; -1 if none may."""
    words = field(header, WORDS)
    if words and word_after(base, length, end, words):
        return _NONE
    owners, links, depths = field(header, OWNERS), field(header, LINKS), field(header, DEPTHS)
    number = I64(state >> field(header, ROW_SHIFT))
    while number >= 0:
        place = U64(number) << U64(2)
        if np.int32(load_u32(owners + place)) >= 0 and not (
            words and word_before(base, end - U64(load_u32(depths + place)), words)
        ):
            return number
        number = I64(np.int32(load_u32(links + place)))
    return _NONE


@kernel(types.int64(types.uint64, types.uint64, types.int64, TEXT))
def walk(header: int, hits: int, capacity: int, text: Any) -> int:
    """Find the leftmost hit that overlaps no hit before it, and of those the longest, again and again.

    With one chain, and without more memory than what is found: for texts with more overlapping hits than one would
    want to sort.

    Args:
        header: address of the pattern set's header.
        hits: address of room for hits, as in `emit`.
        capacity: how many fit there.
        text: what to search.

    Returns:
        How many hits there are, in order; each was stored only if it fitted.
    """
    base, length = address_of(text), U64(len(text))
    moves, classes, first_output = field(header, MOVES), field(header, CLASSES), field(header, FIRST_OUTPUT)
    row_shift, depths, begun = field(header, ROW_SHIFT), field(header, DEPTHS), field(header, BEGUN)
    owners = field(header, OWNERS)
    at, state = U64(0), U64(0)
    best_start, best_end, best_pattern = _NONE, U64(0), U64(0)
    count = 0
    while True:
        if best_start >= 0 and (at == length or _begun_at(begun, row_shift, state, at) > best_start):
            # Nothing that is still under way begins as early as the best hit.
            if count < capacity:
                row = hits + U64(count) * U64(24)
                store_u64(row, U64(best_start))
                store_u64(row + U64(8), best_end)
                store_u64(row + U64(16), best_pattern)
            count += 1
            at, state, best_start = best_end, U64(0), _NONE
        if at == length:
            return count
        state = move(moves, classes, state, base + at)
        at += U64(1)
        if state >= first_output:
            number = _longest_ending(base, length, header, state, at)
            if number >= 0:
                place = U64(number) << U64(2)
                start = I64(at) - I64(load_u32(depths + place))
                if best_start < 0 or start <= best_start:
                    best_start, best_end, best_pattern = start, at, U64(load_u32(owners + place))


@kernel(types.int64(TEXT, types.uint64, types.uint64, types.uint64, types.boolean, types.uint64, types.int64))
def step(text: Any, header: int, start_at: int, limit: int, ended: bool, spans: int, capacity: int) -> int:
    """Find the leftmost-longest hits in the part of a stream that is held, and how much of it is decided.

    Args:
        text: what is held, and before it some bytes that have been released, for word boundaries only.
        header: address of the pattern set's header.
        start_at: where the held part begins.
        limit: hits that end up to here are decided.
        ended: whether the stream ends with this text; `limit` is its length then.
        spans: address of room: gets how many hits there are, then (start, end) of each, int64.
        capacity: for how many hits there is room. A full room ends the search early; without room, so does a hit.

    Returns:
        The position up to which the text may be released, the hits replaced: what begins there has to be held. Without
        room for a hit, `NOTHING`.
    """
    base, length = address_of(text), U64(len(text))
    moves, classes, first_output = field(header, MOVES), field(header, CLASSES), field(header, FIRST_OUTPUT)
    row_shift, depths, begun = field(header, ROW_SHIFT), field(header, DEPTHS), field(header, BEGUN)
    at, state = start_at, U64(0)
    best_start, best_end = _NONE, U64(0)
    count = 0
    while True:
        if best_start >= 0 and ((ended and at == limit) or _begun_at(begun, row_shift, state, at) > best_start):
            if capacity == 0:
                return NOTHING
            row = spans + U64(8) + U64(count) * U64(16)
            store_u64(row, U64(best_start))
            store_u64(row + U64(8), best_end)
            count += 1
            at, state, best_start = best_end, U64(0), _NONE
            if count == capacity:
                break
            continue
        if at >= limit:
            break
        state = move(moves, classes, state, base + at)
        at += U64(1)
        if state >= first_output:
            number = _longest_ending(base, length, header, state, at)
            if number >= 0:
                start = I64(at) - I64(load_u32(depths + (U64(number) << U64(2))))
                if best_start < 0 or start <= best_start:
                    best_start, best_end = start, at
    if capacity:
        store_u64(spans, U64(count))
    if ended and at == limit:
        return I64(limit)
    # A best hit that is still undecided begins no earlier than this, or the loop would have taken it.
    return _begun_at(begun, row_shift, state, at)
