"""Ordering and composition in the compiled kernel: a character with all that combines with it.

Canonical ordering is UAX 15, section 1.3, with Unicode's definitions D108 to D109; composition is D115 to D117.
"""

from __future__ import annotations

from numba import types

from aligntax_kernels.compilation import kernel
from aligntax_kernels.fold.chain import IOTA_MARK, LONGEST_GAP, MOST_MARKS
from aligntax_kernels.fold.characters import INVALID, U, Word, decoded, looked_up, put, window
from aligntax_kernels.fold.tables import ACTION_FOLLOW, ACTION_REMOVE, COMPOSITE_HASH, COMPOSITE_SLOTS, SEVERAL
from aligntax_kernels.intrinsics import load_u32, load_u64, store_u64

SCRATCH_WORDS = 3 * (MOST_MARKS + 2)
"""Room for the marks of a cluster: items, starts, ends."""

CLUSTER_BYTES = 4 * (MOST_MARKS + 2) + 4 * 18 + 24
"""What one character can add to the folded text at most: a cluster, up to 18 letters, and what is touched behind."""

NO_BASE = U(0x1FFFFF)
"""Stands for the base of marks that have none: no code point, and so no first of any pair."""

_CODE = U(0x1FFFFF)
_MOST = U(MOST_MARKS)
_GAP = U(LONGEST_GAP)
_IOTA = U(ord(IOTA_MARK))
_LANE = U(8 * (MOST_MARKS + 2))
_REMOVE, _FOLLOW = U(ACTION_REMOVE), U(ACTION_FOLLOW)
_SEVERAL = U(SEVERAL)
_HASH = U(COMPOSITE_HASH)
_SHIFT = U(64 - (COMPOSITE_SLOTS.bit_length() - 1))
_LAST_SLOT = U(COMPOSITE_SLOTS - 1)
_ROOM = U(CLUSTER_BYTES)


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def met(composites: Word, first: Word, second: Word) -> Word:
    """Return the slot of a pair of characters, the composite in the low 21 bits, or 0; Hangul not included."""
    key = first << U(21) | second
    slot = key * _HASH >> _SHIFT
    while True:
        found = load_u64(composites + (slot << U(3)))
        if found == U(0) or found >> U(21) == key:
            return found
        slot = (slot + U(1)) & _LAST_SLOT


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def composite(composites: Word, first: Word, second: Word) -> Word:
    """Return what two characters compose to, or 0."""
    if second - U(0x1161) < U(0x162):
        # Hangul: a leading consonant and a vowel, or a syllable without trailing consonant and one.
        if first - U(0x1100) < U(19) and second - U(0x1161) < U(21):
            return U(0xAC00) + ((first - U(0x1100)) * U(21) + second - U(0x1161)) * U(28)
        syllable = first - U(0xAC00)
        if syllable < U(11172) and syllable % U(28) == U(0) and second - U(0x11A8) < U(27):
            return first + second - U(0x11A7)
    return met(composites, first, second) & _CODE


@kernel(types.void(types.uint64, types.uint64))
def _sort(scratch: Word, marks: Word) -> None:
    """Put marks into canonical order: by class, equal ones as they came. Cheap, since there are at most 30."""
    for index in range(U(1), marks):
        at = scratch + (index << U(3))
        item, start, end = load_u64(at), load_u64(at + _LANE), load_u64(at + _LANE + _LANE)
        while at > scratch and load_u64(at - U(8)) >> U(21) > item >> U(21):
            for lane in range(3):
                store_u64(at + U(lane) * _LANE, load_u64(at + U(lane) * _LANE - U(8)))
            at -= U(8)
        store_u64(at, item)
        store_u64(at + _LANE, start)
        store_u64(at + _LANE + _LANE, end)


@kernel(types.uint64(*[types.uint64] * 10))
def closed(
    tables: Word,
    base: Word,
    start: Word,
    end: Word,
    marks: Word,
    scratch: Word,
    out: Word,
    starts: Word,
    ends: Word,
    written: Word,
) -> Word:
    """Write a cluster: a base, or NO_BASE, and its marks; return how many bytes are written now."""
    composites, iota = tables + load_u64(tables + U(40)), load_u64(tables + U(56))
    _sort(scratch, marks)
    kept, last = U(0), U(0)
    for index in range(marks):
        at = scratch + (U(index) << U(3))
        item, mark_start, mark_end = load_u64(at), load_u64(at + _LANE), load_u64(at + _LANE + _LANE)
        code, combines = item & _CODE, item >> U(21)
        if code == _IOTA and iota != _IOTA:
            code = iota
        elif base != NO_BASE and (kept == U(0) or last < combines):
            both = composite(composites, base, code)
            if both:
                base, end = both, max(end, mark_end)
                continue
        at = scratch + (kept << U(3))
        store_u64(at, code)
        store_u64(at + _LANE, mark_start)
        store_u64(at + _LANE + _LANE, mark_end)
        kept, last = kept + U(1), combines
    if base != NO_BASE:
        written = put(base, start, end, out, starts, ends, written)
    # A hit covers all the marks that its own were moved past: no start is after a later one's, no end before an
    # earlier one's.
    for index in range(U(1), kept):
        at = scratch + _LANE + ((kept - U(1) - U(index)) << U(3))
        store_u64(at, min(load_u64(at), load_u64(at + U(8))))
    for index in range(kept):
        at = scratch + (U(index) << U(3))
        end = max(end, load_u64(at + _LANE + _LANE))
        written = put(load_u64(at), load_u64(at + _LANE), end, out, starts, ends, written)
    return written


@kernel(types.uint64(*[types.uint64] * 9))
def left_open(
    base: Word, start: Word, end: Word, marks: Word, scratch: Word, out: Word, starts: Word, ends: Word, written: Word
) -> Word:
    """Write a cluster with more marks than are put in order, as it stands; return how many bytes are written now."""
    if base != NO_BASE:
        written = put(base, start, end, out, starts, ends, written)
    for index in range(marks):
        at = scratch + (U(index) << U(3))
        mark = load_u64(at) & _CODE
        written = put(mark, load_u64(at + _LANE), load_u64(at + _LANE + _LANE), out, starts, ends, written)
    return written


@kernel(types.UniTuple(types.uint64, 3)(*[types.uint64] * 9))  # type: ignore[no-untyped-call] # numba has no types
def clusters(
    text: Word, size: Word, at: Word, tables: Word, out: Word, starts: Word, ends: Word, capacity: Word, written: Word
) -> tuple[Word, Word, Word]:
    """Fold from a base, or from a mark without one, to the next character that begins anew.

    Returns:
        Where in the text that is, how many bytes are written, and whether there was room for all of it; if not, the
        first two are where they were.
    """
    pages, actions = tables + load_u64(tables), tables + load_u64(tables + U(8))
    items, lists = tables + load_u64(tables + U(16)), tables + load_u64(tables + U(24))
    composites = tables + load_u64(tables + U(40))
    scratch = out + capacity
    first, before = at, written
    base, start, end, marks = NO_BASE, U(0), U(0), U(0)
    overlong = False
    consumed = at
    while at < size:
        if written + _ROOM > capacity:
            return first, before, U(0)
        character = decoded(window(text + at, size - at))
        if character == INVALID:
            break
        code, after = character & U(0xFFFFFFFF), at + (character >> U(32))
        action = looked_up(pages, actions, code) >> U(24)
        if action == _REMOVE:
            at = after
            continue
        if at != first:
            if action != _FOLLOW:
                break
            if at - consumed > _GAP:
                written = closed(tables, base, start, end, marks, scratch, out, starts, ends, written)
                base, marks, overlong = NO_BASE, U(0), False
        entry = looked_up(pages, items, code)
        several = entry & _SEVERAL != U(0)
        listed = lists + ((entry & U(0xFFFFFF)) << U(2))
        for index in range(load_u32(listed) if several else U(1)):
            item = load_u32(listed + U(4) + (U(index) << U(2))) if several else entry or code
            code, combines = item & _CODE, item >> U(21)
            if combines == U(0):
                both = composite(composites, base, code) if marks == U(0) and base != NO_BASE else U(0)
                if both:
                    base, end = both, after
                    continue
                written = closed(tables, base, start, end, marks, scratch, out, starts, ends, written)
                base, start, end, marks, overlong = code, at, after, U(0), False
            elif overlong:
                written = put(code, at, after, out, starts, ends, written)
            elif marks == _MOST:
                written = left_open(base, start, end, marks, scratch, out, starts, ends, written)
                written = put(code, at, after, out, starts, ends, written)
                base, marks, overlong = NO_BASE, U(0), True
            else:
                slot = scratch + (marks << U(3))
                store_u64(slot, item)
                store_u64(slot + _LANE, at)
                store_u64(slot + _LANE + _LANE, after)
                marks += U(1)
        at = consumed = after
    written = closed(tables, base, start, end, marks, scratch, out, starts, ends, written)
    return at, written, U(1)
