"""Compiled answers about a text that is not folded: whether it need be, and where it may be cut."""

from __future__ import annotations

from numba import types

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import kernel
from aligntax_kernels.fold.chain import LONGEST_GAP, MOST_MARKS
from aligntax_kernels.fold.characters import INVALID, U, Word, address_of, decoded, looked_up, short, window
from aligntax_kernels.fold.clusters import met
from aligntax_kernels.fold.memory import trailing_zeros
from aligntax_kernels.fold.scan import HIGH_BITS, folded_ascii
from aligntax_kernels.fold.tables import ACTION_REMOVE, ASCII_LOWERED, ASCII_MAPPED, SEVERAL
from aligntax_kernels.intrinsics import load_u8, load_u32, load_u64

__all__ = ["boundary", "is_plain"]

_GAP, _MOST = U(LONGEST_GAP), U(MOST_MARKS)
_CODE, _DETAIL, _POINT = U(0x1FFFFF), U(0xFFFFFF), U(0xFFFFFFFF)
_MAPPED, _LOWERED = U(ASCII_MAPPED), U(ASCII_LOWERED)
_REMOVE, _SEVERAL = U(ACTION_REMOVE << 24), U(SEVERAL)
_LEADING, _VOWEL, _TRAILING, _SYLLABLE = U(0x1100), U(0x1161), U(0x11A8), U(0xAC00)

# Stands behind the last place where a text may be cut: what that is is not known yet.
_NOTHING = U(0xFFFFFFFF)


@kernel(types.boolean(types.uint64, types.uint64, types.uint64))
def _keeps(action: Word, word: Word, length: Word) -> bool:
    """Tell whether an action writes what the text has: that of a character that decomposes and is composed again."""
    same: bool = action >> U(24) == length and (action ^ word) << U(64) - (length << U(3)) == U(0)
    return same


@kernel(types.boolean(TEXT, types.uint64))
def is_plain(data: bytes, tables: Word) -> bool:
    """Tell whether every character stays what it is, but for the case of ASCII, and none combines."""
    text, size = address_of(data), U(len(data))
    pages, actions = tables + load_u64(tables), tables + load_u64(tables + U(8))
    ascii_map, mode = tables + load_u64(tables + U(48)), load_u64(tables + U(64))
    lower = _LOWERED if load_u64(tables + U(80)) else U(0)
    at = U(0)
    while at < size:
        word = window(text + at, size - at)
        plain = trailing_zeros(word & HIGH_BITS) >> U(3)
        if plain == U(8) and mode != _MAPPED:
            for _ in range((size - at) >> U(5)):
                low, high = load_u64(text + at) | load_u64(text + at + U(8)), load_u64(text + at + U(16))
                if (low | high | load_u64(text + at + U(24))) & HIGH_BITS:
                    break
                at += U(32)
            word = window(text + at, size - at)
            plain = trailing_zeros(word & HIGH_BITS) >> U(3)
        if plain:
            plain = min(plain, size - at)
            if mode == _MAPPED:
                different = folded_ascii(word, mode, ascii_map) ^ folded_ascii(word, lower, ascii_map)
                if different << U(64) - (plain << U(3)):
                    return False
            at += plain
            continue
        begin = at
        for _ in range(U(2), (size - at) >> U(2)):
            word = load_u64(text + at)
            code, length = short(word)
            if length == U(0) or (length == U(1) and mode == _MAPPED):
                break
            if length == U(1):
                at += U(1)
                continue
            action = looked_up(pages, actions, code)
            if action and not _keeps(action, word, length):
                break
            at += length
        if at != begin:
            continue
        character = decoded(word)
        if character == INVALID:
            at += U(1)
            continue
        length = character >> U(32)
        action = looked_up(pages, actions, character & _POINT)
        if action and not _keeps(action, word, length):
            return False
        at += length
    return True


@kernel(types.uint64(types.uint64, types.uint64))
def _incomplete(text: Word, size: Word) -> Word:
    """Return how many bytes at the end could become a character if more came."""
    for length in range(U(1), min(size, U(3)) + U(1)):
        lead = load_u8(text + size - length)
        if lead >= U(0xC0):
            word = window(text + size - length, length)
            missing = ~U(0) << (length << U(3))
            # What the missing bytes can be depends on the first ones, but the least or the greatest always fits.
            least = decoded(word | missing & U(0x8080808080808080))
            greatest = decoded(word | missing & U(0xBFBFBFBFBFBFBFBF))
            return length if max(least, greatest) >> U(32) > length else U(0)
    return U(0)


@kernel(types.uint64(types.uint64, types.uint64))
def _before(text: Word, end: Word) -> Word:
    """Return the character that ends at a place, as `decoded` does; INVALID for a byte that is not part of one."""
    for length in range(U(1), min(end, U(4)) + U(1)):
        if load_u8(text + end - length) & U(0xC0) != U(0x80):
            character = decoded(window(text + end - length, length))
            return character if character >> U(32) == length else INVALID
    return INVALID


@kernel(types.uint64(types.uint64, types.uint64, types.uint64, types.boolean))
def _item(tables: Word, pages: Word, code: Word, first: bool) -> Word:
    """Return the first or the last item of a character that is not removed."""
    if code - _SYLLABLE < U(11172):
        if first:
            return _LEADING
        return _VOWEL if (code - _SYLLABLE) % U(28) == U(0) else _TRAILING
    entry = looked_up(pages, tables + load_u64(tables + U(16)), code)
    if entry & _SEVERAL:
        listed = tables + load_u64(tables + U(24)) + ((entry & _DETAIL) << U(2))
        return load_u32(listed + (U(1) if first else load_u32(listed)) * U(4))
    return entry or code


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _length(tables: Word, pages: Word, code: Word) -> Word:
    """Return how many items a character has that is not removed."""
    entry = looked_up(pages, tables + load_u64(tables + U(16)), code)
    return load_u32(tables + load_u64(tables + U(24)) + ((entry & _DETAIL) << U(2))) if entry & _SEVERAL else U(1)


@kernel(types.boolean(types.uint64, types.uint64, types.uint64))
def _meet(tables: Word, first: Word, second: Word) -> bool:
    """Tell whether a composite can have two decomposed starters in it, one right after the other."""
    if first - _LEADING < U(19) and second - _VOWEL < U(21):
        return True
    if first - _VOWEL < U(21) and second - _TRAILING < U(27):
        return True
    found: bool = met(tables + load_u64(tables + U(40)), first, second) != U(0)
    return found


@kernel(types.boolean(types.uint64, types.uint64))
def _leads(tables: Word, item: Word) -> bool:
    """Tell whether what follows can change an item's form or place."""
    if item > _CODE or item - _LEADING < U(19) or item - _VOWEL < U(21):
        return True
    found: bool = met(tables + load_u64(tables + U(40)), item, U(0)) != U(0)
    return found


@kernel(types.uint64(types.uint64, types.uint64, types.uint64))
def _marks_before(text: Word, end: Word, tables: Word) -> Word:
    """Return how many marks end at a place, or more than are put in order if there are more."""
    pages, actions = tables + load_u64(tables), tables + load_u64(tables + U(8))
    items, lists = tables + load_u64(tables + U(16)), tables + load_u64(tables + U(24))
    marks, after = U(0), end
    while end and marks <= _MOST and after - end <= _GAP:
        character = _before(text, end)
        if character == INVALID:
            break
        code, end = character & _POINT, end - (character >> U(32))
        if looked_up(pages, actions, code) & ~_DETAIL == _REMOVE:
            continue
        entry = looked_up(pages, items, code)
        listed = lists + ((entry & _DETAIL) << U(2))
        for index in range(load_u32(listed) if entry & _SEVERAL else U(1)):
            item = load_u32(listed + (load_u32(listed) - U(index)) * U(4)) if entry & _SEVERAL else entry
            if item <= _CODE:
                return marks
            marks += U(1)
        after = end
    return marks


@kernel(types.uint64(TEXT, types.uint64))
def boundary(data: bytes, tables: Word) -> Word:
    """Return the last place where a text can be cut."""
    text = address_of(data)
    cut = U(len(data)) - _incomplete(text, U(len(data)))
    if not load_u64(tables + U(72)):
        return cut
    pages, actions = tables + load_u64(tables), tables + load_u64(tables + U(8))
    following, marks = _NOTHING, U(0)
    while True:
        end, character = cut, INVALID
        while end and cut - end <= _GAP:
            character = _before(text, end)
            if character == INVALID or looked_up(pages, actions, character & _POINT) & ~_DETAIL != _REMOVE:
                break
            end -= character >> U(32)
        if end == U(0) or cut - end > _GAP or character == INVALID:
            return cut
        code = character & _POINT
        last = _item(tables, pages, code, False)
        if following <= _CODE:
            marks = U(0)
            if not _meet(tables, last, following):
                return cut
        elif not _leads(tables, last) or (marks > _MOST and _marks_before(text, end, tables) > _MOST):
            return cut
        cut = end - (character >> U(32))
        following = _item(tables, pages, code, True)
        marks += _length(tables, pages, code)
