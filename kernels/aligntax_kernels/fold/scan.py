"""The compiled folding: one pass over a text, with runs of ASCII and of unchanged letters in loops of their own."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import kernel
from aligntax_kernels.fold.chain import LONGEST_GAP, MOST_MARKS
from aligntax_kernels.fold.characters import (
    INVALID,
    U,
    Word,
    address_of,
    decoded,
    looked_up,
    put,
    short,
    spread,
    window,
)
from aligntax_kernels.fold.clusters import CLUSTER_BYTES, NO_BASE, clusters, composite
from aligntax_kernels.fold.memory import store_row, store_u8, store_u32, trailing_zeros
from aligntax_kernels.fold.tables import (
    ACTION_FOLLOW,
    ACTION_LONG,
    ACTION_REMOVE,
    ACTION_SURROGATE,
    ASCII_LOWERED,
    ASCII_MAPPED,
    FOLLOW_COMPOSES,
    FOLLOW_SIMPLE,
    SEVERAL,
)
from aligntax_kernels.intrinsics import load_u8, load_u64, store_u64

__all__ = ["SIGNATURE", "fold"]

HIGH_BITS = U(0x8080808080808080)

_ADDRESS = types.uint64
_ROOM = U(CLUSTER_BYTES)
_GAP, _MOST = U(LONGEST_GAP), U(MOST_MARKS)
_REMOVE, _LONG, _SHORT_ACTIONS = U(ACTION_REMOVE), U(ACTION_LONG), U(ACTION_REMOVE << 24)
_COMPOSES, _SIMPLE, _SEVERAL = U(FOLLOW_COMPOSES), U(FOLLOW_SIMPLE), U(SEVERAL)
_SURROGATE = U(ACTION_SURROGATE << 24)
# A mark that stays as it is and composes with nothing.
_INERT, _INERT_MASK = U(ACTION_FOLLOW << 24 | FOLLOW_SIMPLE), U(0xFF << 24 | FOLLOW_SIMPLE | FOLLOW_COMPOSES)
_LOWERED, _MAPPED = U(ASCII_LOWERED), U(ASCII_MAPPED)
_DETAIL, _CODE, _CLASS, _POINT = U(0xFFFFFF), U(0x1FFFFF), U(0xFF), U(0xFFFFFFFF)

# What the base of a cluster is, where it is not the character that the cluster has composed to so far: a character
# that has not been looked at again yet; one that decomposes.
_UNKNOWN, _COMPLEX = U(0x1FFFFE), U(0x1FFFFD)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def folded_ascii(word: Word, mode: Word, ascii_map: Word) -> Word:
    """Return 8 bytes folded, up to the first one that is not ASCII."""
    if mode == _LOWERED:
        # A byte's high bit is set by adding 0x3F from A on, and by adding 0x25 from the one after Z on.
        capital = (word + U(0x3F3F3F3F3F3F3F3F)) & ~(word + U(0x2525252525252525)) & HIGH_BITS
        return word | capital >> U(2)
    if mode == _MAPPED:
        letters = U(0)
        for lane in range(8):
            letters |= load_u8(ascii_map + (word >> U(8) * U(lane) & U(0x7F))) << U(8) * U(lane)
        return letters
    return word


@kernel(types.uint64(*[types.uint64] * 9))
def ascii_run(
    text: Word, at: Word, most: Word, mode: Word, ascii_map: Word, out: Word, starts: Word, ends: Word, written: Word
) -> Word:
    """Fold 8 bytes at a time while all are ASCII, at most `most` times; return how often."""
    for count in range(most):
        word = load_u64(text + at)
        if word & HIGH_BITS:
            return count
        store_u64(out + written, folded_ascii(word, mode, ascii_map))
        if starts:
            store_row(starts + (written << U(3)), at)
            store_row(ends + (written << U(3)), at + U(1))
        at, written = at + U(8), written + U(8)
    return most


SIGNATURE = types.UniTuple(types.uint64, 3)(  # type: ignore[no-untyped-call] # numba has no types
    TEXT, _ADDRESS, types.int64[::1], types.uint64, types.uint64, types.uint64, types.boolean
)


@kernel(SIGNATURE)
def fold(
    data: bytes, tables: Word, buffer: NDArray[np.int64], capacity: Word, at: Word, written: Word, mapped: bool
) -> tuple[Word, Word, Word]:
    """Fold a text into a buffer, from where an earlier call ran out of room.

    A cluster is a character and what combines with it. Marks that come in canonical order, which is how nearly all text
    has them, are composed where they stand; the first one that does not sends its cluster to `clusters`.

    Args:
        data: the text.
        tables: the address of the packed tables.
        buffer: `starts` and `ends`, `capacity` words each, if `mapped`; then as many bytes of text, and scratch memory.
        capacity: how many bytes of folded text there is room for; a multiple of 8.
        at: where in the text to begin.
        written: how many bytes of folded text there are.
        mapped: whether the map is wanted.

    Returns:
        `at` and `written`, both where a cluster begins if there is more to fold; whether the text is finished.
    """
    text, size = address_of(data), U(len(data))
    out = address_of(buffer)
    starts = ends = U(0)
    if mapped:
        starts, ends, out = out, out + (capacity << U(3)), out + (capacity << U(4))
    pages, actions = tables + load_u64(tables), tables + load_u64(tables + U(8))
    items, long = tables + load_u64(tables + U(16)), tables + load_u64(tables + U(32))
    composites = tables + load_u64(tables + U(40))
    ascii_map, mode = tables + load_u64(tables + U(48)), load_u64(tables + U(64))
    # Of the cluster at hand: where it begins in the text and in the folded text; its base; how many marks it has, the
    # class of the last, and of the last that was not composed.
    cluster, before, base, marks, last, kept = at, written, NO_BASE, U(0), U(0), U(0)
    gap = gap_end = U(0)
    while at < size:
        if written + _ROOM > capacity:
            return cluster, before, U(0)
        # 8 bytes of the folded text are left over, so that a whole word can be written at the end.
        room = min(size - at, capacity - written - _ROOM + U(8))
        word = window(text + at, size - at)
        plain = trailing_zeros(word & HIGH_BITS) >> U(3)
        if plain == U(8) and room >= U(8):
            count = ascii_run(text, at, room >> U(3), mode, ascii_map, out, starts, ends, written) << U(3)
            at, written = at + count, written + count
            cluster, before, base, marks, last, kept = at - U(1), written - U(1), _UNKNOWN, U(0), U(0), U(0)
            continue
        if plain:
            store_u64(out + written, folded_ascii(word, mode, ascii_map))
            if mapped:
                store_row(starts + (written << U(3)), at)
                store_row(ends + (written << U(3)), at + U(1))
            plain = min(plain, size - at)
            at, written, room = at + plain, written + plain, room - plain
            cluster, before, base, marks, last, kept = at - U(1), written - U(1), _UNKNOWN, U(0), U(0), U(0)
            if room < U(8):
                continue
            word = load_u64(text + at)
        # Letters that stay single and short, and marks behind them that stay where they are. Each takes up to 3 bytes,
        # and 8 are read.
        begin, counted, former, code, length, action = at, size, U(1), U(0), U(0), U(0)
        for _ in range(U(2), room >> U(2)):
            word = load_u64(text + at)
            # One byte of ASCII, mostly a space, and then another letter is not worth leaving the loop for.
            code, length = short(word)
            if length == U(0):
                break
            action = looked_up(pages, actions, code)
            if action < _SHORT_ACTIONS:
                if starts:
                    spread(at, at + length, starts, ends, written)
                cluster, before, former = at, written, action
                at += length
                if action:
                    word, length = action, action >> U(24)
                store_u32(out + written, word)
                written += length
                continue
            # A letter that is just copied does not decompose: marks behind it need only be in order among themselves.
            if former or action & _INERT_MASK != _INERT:
                break
            if counted != cluster:
                counted, marks, last = cluster, U(0), U(0)
            if action & _CLASS < last or marks == _MOST:
                break
            if starts:
                spread(at, at + length, starts, ends, written)
            store_u32(out + written, word)
            at, written, marks, last = at + length, written + length, marks + U(1), action & _CLASS
        if at != begin:
            if counted != cluster:
                marks = last = U(0)
            base, kept = _UNKNOWN, last
            continue
        if action == U(0) or action >= _SURROGATE:
            character = decoded(word)
            if character == INVALID:
                store_u8(out + written, word)
                if mapped:
                    spread(at, at + U(1), starts, ends, written)
                at, written = at + U(1), written + U(1)
                cluster, before, base, marks, last, kept = at, written, NO_BASE, U(0), U(0), U(0)
                continue
            length, code = character >> U(32), character & _POINT
            action = looked_up(pages, actions, code)
        after = at + length
        kind = action >> U(24)
        if kind < _REMOVE:
            if kind:
                word, length = action, kind
            store_u32(out + written, word)
            if mapped:
                spread(at, after, starts, ends, written)
            cluster, before, base, marks, last, kept = at, written, _UNKNOWN, U(0), U(0), U(0)
            at, written = after, written + length
        elif kind == _REMOVE:
            if gap_end != at:
                gap = at
            at = gap_end = after
        elif kind == _LONG:
            listed = long + (action & _DETAIL)
            length = load_u8(listed)
            for index in range(length):
                store_u8(out + written + index, load_u8(listed + U(1) + index))
            if mapped:
                for index in range(length):
                    store_u64(starts + ((written + index) << U(3)), at)
                    store_u64(ends + ((written + index) << U(3)), after)
            cluster, before, base, marks, last, kept = at, written, _UNKNOWN, U(0), U(0), U(0)
            at, written = after, written + length
        else:
            if gap_end == at and at - gap > _GAP:
                cluster, before, base, marks, last, kept = at, written, NO_BASE, U(0), U(0), U(0)
            elif base == _UNKNOWN:
                base = decoded(window(text + cluster, size - cluster)) & _POINT
                entry = looked_up(pages, items, base)
                if entry:
                    base = _COMPLEX if entry & _SEVERAL else entry & _CODE
            if action & _SIMPLE and base != _COMPLEX and marks < _MOST:
                combines = action & _CLASS
                if combines == U(0):
                    # A vowel sign or a Hangul letter, which is itself a base if it does not compose.
                    both = composite(composites, base, code) if marks == U(0) else U(0)
                    if both:
                        base, at, written = both, after, put(both, cluster, after, out, starts, ends, before)
                    else:
                        cluster, before, base, marks, last, kept = at, written, code, U(0), U(0), U(0)
                        at, written = after, put(code, at, after, out, starts, ends, written)
                    continue
                if combines >= last:
                    both = U(0)
                    if action & _COMPOSES and kept < combines:
                        both = composite(composites, base, code)
                    # One that composes past marks that did not would have to move them: that is rare.
                    if both == U(0) or kept == U(0):
                        marks, last = marks + U(1), combines
                        if both:
                            base, at, written = both, after, put(both, cluster, after, out, starts, ends, before)
                        else:
                            kept, at, written = combines, after, put(code, at, after, out, starts, ends, written)
                        continue
            at, written, done = clusters(text, size, cluster, tables, out, starts, ends, capacity, before)
            if not done:
                return at, written, U(0)
            cluster, before, base, marks, last, kept = at, written, NO_BASE, U(0), U(0), U(0)
    return at, written, U(1)
