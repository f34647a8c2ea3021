"""The automaton of Aho and Corasick: one table look-up for every byte, whatever the text; for floods, and for streams.

One chain of look-ups waits for memory most of the time, so that eight chains over eight parts of a block take little
longer than one. They only say whether anything ends in the block. Where something does, smaller blocks are tried, and
what is left of it one chain walks again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.compilation import TEXT, kernel
from aligntax_kernels.intrinsics import I64, U64, address_of, load_u8, load_u16, load_u32, store_u64
from aligntax_kernels.literals.sieve import (
    BEGUN,
    CLASSES,
    DEPTHS,
    FIRST_OUTPUT,
    LEFTMOST,
    LINKS,
    LONGEST,
    MOVES,
    NOTHING,
    OWNERS,
    ROW_SHIFT,
    WORDS,
    emit,
    field,
)
from aligntax_kernels.literals.words import word_after, word_before

__all__ = ["step", "walk"]

_NONE = I64(-1)
_SOMETHING = U64(0xFFFFFFFFFFFFFFFF)

# Eight chains take a third of the time of one for each byte, and as long as the longest pattern to warm up.
_LARGEST_BLOCK, _SMALL_BLOCK, _LEAST_BLOCK = 2048, 256, 64
_MOST_PATIENCE = 8


@kernel(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def _move(moves: int, classes: int, state: int, address: int) -> int:
    """Return the state, as the byte offset of its row, after one more byte of the text."""
    column = U64(load_u16(classes + (U64(load_u8(address)) << U64(1))))
    return U64(load_u32(moves + state + column))


@kernel(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def _state_after(start: int, header: int, state: int, part: int) -> int:
    """Return the state after a block of 8 parts and `longest` bytes; `_SOMETHING` where a pattern ends in it.

    The first chain goes on from `state`. The others begin `part` bytes apart; what they do not know in their first
    `longest` bytes the chain before sees, since each runs as far as the next one needs to know everything.

    Args:
        start: address of the block.
        header: the pattern set.
        state: where the block begins.
        part: how many bytes chains begin apart.
    """
    moves, classes = field(header, MOVES), field(header, CLASSES)
    a = start
    b = a + part
    c = b + part
    d = c + part
    e = d + part
    f = e + part
    g = f + part
    h = g + part
    s, t, u, v, w, x, y, z = state, U64(0), U64(0), U64(0), U64(0), U64(0), U64(0), U64(0)
    highest = U64(0)
    for offset in range(part + field(header, LONGEST)):
        at = U64(offset)
        s = _move(moves, classes, s, a + at)
        t = _move(moves, classes, t, b + at)
        u = _move(moves, classes, u, c + at)
        v = _move(moves, classes, v, d + at)
        w = _move(moves, classes, w, e + at)
        x = _move(moves, classes, x, f + at)
        y = _move(moves, classes, y, g + at)
        z = _move(moves, classes, z, h + at)
        highest = max(highest, max(max(max(s, t), max(u, v)), max(max(w, x), max(y, z))))
    return z if highest < field(header, FIRST_OUTPUT) else _SOMETHING


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


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.int64, TEXT))
def walk(header: int, start_at: int, hits: int, capacity: int, text: Any) -> int:
    """Find what the sieve finds, in time that does not depend on the text.

    Args:
        header: address of the pattern set's header.
        start_at: hits begin here or later.
        hits: address of room for hits, as in `emit`.
        capacity: how many fit there.
        text: what to search.

    Returns:
        With room: how many hits there are, leftmost-longest ones or all, as the set wants them; each was stored only if
        it fitted. Without: a position from which on all
        hits can be found, or `NOTHING`.
    """
    base, length = address_of(text), U64(len(text))
    moves, classes, first_output = field(header, MOVES), field(header, CLASSES), field(header, FIRST_OUTPUT)
    row_shift, depths, begun = field(header, ROW_SHIFT), field(header, DEPTHS), field(header, BEGUN)
    owners, links = field(header, OWNERS), field(header, LINKS)
    longest, leftmost = field(header, LONGEST), field(header, LEFTMOST) != U64(0)
    least, small = max(U64(_LEAST_BLOCK), longest << U64(2)), max(U64(_SMALL_BLOCK), longest << U64(4))
    block = largest = max(small, U64(_LARGEST_BLOCK))
    at = next_try = start_at
    patience = U64(1)
    state = U64(0)
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
            at = best_end
            state = U64(0)
            best_start = _NONE
        if at == length:
            break
        if at >= next_try and best_start < 0:
            room = min(block, length - at)
            if room < least:
                next_try = length
            else:
                part = (room - longest) >> U64(3)
                size = (part << U64(3)) + longest
                after = _state_after(base + at, header, state, part)
                if after != _SOMETHING:
                    at += size
                    state = after
                    block, patience = min(block << U64(1), largest), U64(1)
                    continue
                if size > small:
                    block = max(small, size >> U64(2))
                    continue
                next_try = at + size * patience
                patience = min(patience << U64(1), U64(_MOST_PATIENCE))
        state = _move(moves, classes, state, base + at)
        at += U64(1)
        if state < first_output:
            continue
        if leftmost:
            number = _longest_ending(base, length, header, state, at)
            if number < 0:
                continue
            if capacity == 0:
                return I64(max(start_at, at - min(at, longest)))
            place = U64(number) << U64(2)
            start = I64(at) - I64(load_u32(depths + place))
            if best_start < 0 or start <= best_start:
                best_start, best_end, best_pattern = start, at, U64(load_u32(owners + place))
            continue
        number = I64(state >> row_shift)
        while number >= 0:
            place = U64(number) << U64(2)
            owner = np.int32(load_u32(owners + place))
            if owner >= 0:
                start_of = at - U64(load_u32(depths + place))
                count = emit(base, length, header, start_of, at, U64(owner), count, hits, capacity)
                if capacity == 0 and count:
                    return I64(max(start_at, at - min(at, longest)))
            number = I64(np.int32(load_u32(links + place)))
    return count if capacity else NOTHING


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
        if at == limit:
            break
        state = _move(moves, classes, state, base + at)
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
    undecided = _begun_at(begun, row_shift, state, at)
    return undecided if best_start < 0 else min(undecided, best_start)
