"""The sieve: looks at every few bytes of a text, and only where four of them occur in a pattern, at that pattern.

Three stages, each on what the one before let through. One byte of a small table for every looked-at position, without
a branch that could be mispredicted; then two letters on either side of the gram; then the patterns themselves.
Positions wait in a page of the stack between the stages: a branch taken at random costs more than storing and loading.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import (
    HASHES,
    I64,
    MULTIPLIER,
    SCRATCH_WORDS,
    U64,
    address_of,
    hash_words,
    load_u8,
    load_u16,
    load_u32,
    load_u64,
    store_u64,
    unset_scratch,
)
from aligntax_kernels.literals.words import word_after, word_before

__all__ = ["BATCH_BYTES", "FLOODED", "HEADER_WORDS", "NOTHING", "SIDES_MULTIPLIER", "STRIDES", "emit", "sieve"]

# Where a kernel finds what: a pattern set is one array of addresses and numbers.
WIDTH, GRAM_MASK, CASE_BITS, SMALL_TABLE, SMALL_SHIFT, SIDES_TABLE, SIDES_SHIFT = range(7)
SLOTS, SLOT_SHIFT, SLOT_MASK, ENTRIES, LOWER, JOINED, TWINS, WORDS = range(7, 15)
LONGEST, CLASSES, MOVES, FIRST_OUTPUT, ROW_SHIFT, DEPTHS, BEGUN, OWNERS, LINKS = range(15, 24)
QUIET, STRIDE = range(24, 26)
HEADER_WORDS = 26

NOTHING, FLOODED = -1, -2
STRIDES = (1, 2, 4)

_MULTIPLIER = U64(MULTIPLIER)
# Another one for the second table: what falls together in the first table need not do so in this one.
SIDES_MULTIPLIER = 0x85EBCA6B
_SIDES_MULTIPLIER = U64(SIDES_MULTIPLIER)
_LOW = U64(0xFFFFFFFF)

# A block is one vector of words, looked at `stride` bytes apart; the last of its looks reaches a little further.
_WORD_BYTES = 4
_BLOCK = HASHES * _WORD_BYTES
_REACH = U64(_BLOCK + 8)
# The hashes of a block take the end of the scratch page, with a place to return a position in behind them. A batch is
# bounded, since a text with a hit is looked at anew from the beginning of the batch.
_MOST_WAITING = SCRATCH_WORDS - _BLOCK // 2 - 8
BATCH_BYTES = 8192

# A text is flooded when it has led to more than an eighth of its bytes in grams and patterns to look at more closely:
# from there on the automaton, which does the same for every byte, is the faster one.
_FREE_LOOKS = 64
_LOOK_SHIFT = np.uint64(3)


@kernel(types.uint64(types.uint64, types.uint64))
def field(header: int, index: int) -> int:
    """Return one word of a pattern set's header."""
    return load_u64(header + (U64(index) << U64(3)))


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _eight(base: int, length: int, position: int) -> int:
    """Return eight bytes from `position` on, zeros for those past the end, without reading past it."""
    if position + U64(8) <= length:
        return load_u64(base + position)
    if length >= U64(8):
        return load_u64(base + length - U64(8)) >> ((position + U64(8) - length) << U64(3))
    joined = U64(0)
    for at in range(position, length):
        joined |= U64(load_u8(base + U64(at))) << ((U64(at) - position) << U64(3))
    return joined


_ADDRESS = types.uint64


@kernel(types.uint64(types.uint64, types.uint64))
def _two_before(base: int, position: int) -> int:
    """Return the two bytes before `position`, the nearer one in the higher bits; zeros where the text begins."""
    if position >= U64(2):
        return U64(load_u16(base + position - U64(2)))
    return U64(load_u8(base)) << U64(8) if position else U64(0)


@kernel(types.int64(*[_ADDRESS] * 6, types.int64, _ADDRESS, types.int64))
def emit(
    base: int, length: int, header: int, start: int, end: int, pattern: int, count: int, hits: int, capacity: int
) -> int:
    """Store a pattern that was found, and those with the same bytes, unless word boundaries forbid it.

    Args:
        base: address of the text.
        length: of the text.
        header: address of the pattern set's header.
        start: where the hit begins.
        end: where it ends.
        pattern: which pattern it is.
        count: how many hits have been found before.
        hits: where to store (start, end, pattern), three int64 each: an address.
        capacity: how many fit there; more are only counted.

    Returns:
        The new count.
    """
    words = field(header, WORDS)
    if words and (word_before(base, start, words) or word_after(base, length, end, words)):
        return count
    twins = field(header, TWINS)
    found = I64(np.int32(pattern))
    while found >= 0:
        if count < capacity:
            row = hits + U64(count) * U64(24)
            store_u64(row, start)
            store_u64(row + U64(8), end)
            store_u64(row + U64(16), U64(found))
        count += 1
        found = I64(np.int32(load_u32(twins + (U64(found) << U64(2)))))
    return count


@kernel(types.boolean(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64, types.uint64))
def _stands(base: int, length: int, start: int, end: int, needle: int, lower: int) -> bool:
    """Return whether the bytes at `needle` stand in the text from `start` to `end`."""
    if end > length:
        return False
    for at in range(start, end):
        if load_u8(lower + U64(load_u8(base + U64(at)))) != load_u8(needle + U64(at) - start):
            return False
    return True


@kernel(types.uint64(types.uint64, types.uint64))
def _slot(header: int, gram: int) -> int:
    """Return where the patterns of a gram are listed: first entry << 8 | how many; 0 if it is in none."""
    slots, mask = field(header, SLOTS), field(header, SLOT_MASK)
    index = ((gram * _MULTIPLIER) & _LOW) >> field(header, SLOT_SHIFT)
    while True:
        slot = load_u64(slots + (index << U64(3)))
        listed = slot >> U64(32)
        if listed == U64(0) or (slot & _LOW) == gram:
            return listed
        index = (index + U64(1)) & mask


def _looks(stride: int) -> Any:
    """Return the first stage for a stride; a function of its own, so that its few variables stay in registers."""
    vectors = _WORD_BYTES // stride

    @kernel(types.uint64(*[types.uint64] * 8))
    def look(
        base: int, start_at: int, length: int, header: int, gram_mask: int, case_bits: int, waiting: int, after: int
    ) -> int:
        """Look at a batch, and return how many positions wait; stores at `after` where the next batch begins."""
        small, small_shift = field(header, SMALL_TABLE), field(header, SMALL_SHIFT)
        quiet = field(header, QUIET)
        hashes = waiting + U64(_MOST_WAITING * 8)
        end = start_at + U64(BATCH_BYTES)
        if length < _REACH:
            end = start_at
        elif end > length - _REACH:
            end = length - _REACH + U64(1)
        at = start_at
        held = U64(0)
        while at < end and held <= U64(_MOST_WAITING - _BLOCK):
            for vector in range(vectors):
                address = base + at + U64(vector * stride)
                hash_words(address, gram_mask, case_bits, small_shift, hashes + U64(vector * HASHES * 4))
            if quiet:
                some = np.uint8(0)
                for lane in range(vectors * HASHES):
                    some |= load_u8(small + U64(load_u32(hashes + U64(lane * 4))))
                if not some:
                    at += U64(_BLOCK)
                    continue
            for vector in range(vectors):
                for lane in range(HASHES):
                    store_u64(waiting + (held << U64(3)), at + U64(vector * stride + lane * _WORD_BYTES))
                    held += U64(load_u8(small + U64(load_u32(hashes + U64((vector * HASHES + lane) * 4)))))
            at += U64(_BLOCK)
        store_u64(after, at)
        return held

    return look


@kernel(types.uint64(*[types.uint64] * 7, types.boolean))
def _sift(
    base: int, length: int, header: int, gram_mask: int, case_bits: int, waiting: int, held: int, inside: bool
) -> int:
    """Keep the positions whose neighbouring letters fit a pattern, too, and return how many those are.

    `inside` says that all positions are at least 2 bytes from the text's beginning and 8 from its end.
    """
    sides, sides_shift = field(header, SIDES_TABLE), field(header, SIDES_SHIFT)
    after_shift = field(header, WIDTH) << U64(3)
    kept = U64(0)
    for index in range(held):
        position = load_u64(waiting + (U64(index) << U64(3)))
        eight = load_u64(base + position) if inside else _eight(base, length, position)
        before = U64(load_u16(base + position - U64(2))) if inside else _two_before(base, position)
        after = eight >> after_shift
        gram = (eight & gram_mask) | case_bits
        beside = sides + ((((gram * _SIDES_MULTIPLIER) & _LOW) >> sides_shift) << U64(4))
        near, far = load_u64(beside), load_u64(beside + U64(8))
        near = near >> (after & U64(31)) & near >> (U64(32) + (before >> U64(8) & U64(31)))
        far = far >> (after >> U64(8) & U64(31)) & far >> (U64(32) + (before & U64(31)))
        store_u64(waiting + (kept << U64(3)), position)
        kept += near & far & U64(1)
    return kept


_look_1, _look_2, _look_4 = (_looks(stride) for stride in STRIDES)


@kernel(types.int64(types.uint64, types.uint64, types.uint64, types.int64, TEXT))
def sieve(header: int, start_at: int, hits: int, capacity: int, text: Any) -> int:
    """Find all hits, by looking at every few bytes.

    Args:
        header: address of the pattern set's header.
        start_at: where to begin; all hits from there on are found.
        hits: address of room for hits, as in `emit`.
        capacity: how many fit there.
        text: what to search.

    Returns:
        With room: how many hits there are, in no order; each was stored only if it fitted. Without: a position from
        which on all hits can be found, or `NOTHING`. `FLOODED` where the automaton has to take over.
    """
    base, length = address_of(text), U64(len(text))
    width, gram_mask, case_bits = field(header, WIDTH), field(header, GRAM_MASK), field(header, CASE_BITS)
    stride, small, small_shift = field(header, STRIDE), field(header, SMALL_TABLE), field(header, SMALL_SHIFT)
    entries, lower, joined = field(header, ENTRIES), field(header, LOWER), field(header, JOINED)
    waiting = unset_scratch()
    moved = waiting + U64((SCRATCH_WORDS - 1) * 8)
    looks = I64(length >> _LOOK_SHIFT) + _FREE_LOOKS
    count = 0
    at = start_at
    while at + width <= length:
        batch_at = at
        if stride == U64(4):
            held = _look_4(base, at, length, header, gram_mask, case_bits, waiting, moved)
        elif stride == U64(2):
            held = _look_2(base, at, length, header, gram_mask, case_bits, waiting, moved)
        else:
            held = _look_1(base, at, length, header, gram_mask, case_bits, waiting, moved)
        at = load_u64(moved)
        inside = batch_at >= U64(2)
        if at + _REACH > length:
            inside = False
            while at + width <= length and held < U64(_MOST_WAITING):
                eight = load_u64(base + at) if at + U64(8) <= length else _eight(base, length, at)
                gram = (eight & gram_mask) | case_bits
                store_u64(waiting + (held << U64(3)), at)
                held += U64(load_u8(small + (((gram * _MULTIPLIER) & _LOW) >> small_shift)))
                at += stride

        looks -= I64(held << U64(1))
        kept = _sift(base, length, header, gram_mask, case_bits, waiting, held, inside)
        for index in range(kept):
            position = load_u64(waiting + (U64(index) << U64(3)))
            listed = _slot(header, (_eight(base, length, position) & gram_mask) | case_bits)
            looks -= 1 + I64(listed & U64(255))
            entry = entries + ((listed >> U64(8)) << U64(4))
            for _ in range(listed & U64(255)):
                placed, needle = load_u64(entry), load_u64(entry + U64(8))
                entry += U64(16)
                offset = placed >> U64(32)
                if offset > position:
                    continue
                start = position - offset
                end = start + (needle >> U64(32))
                if _stands(base, length, start, end, joined + (needle & _LOW), lower):
                    count = emit(base, length, header, start, end, placed & _LOW, count, hits, capacity)
                    if capacity == 0 and count:
                        return I64(batch_at)
        if looks < 0:
            return FLOODED
    return count if capacity else NOTHING
