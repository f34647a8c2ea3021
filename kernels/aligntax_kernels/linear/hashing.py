"""MurmurHash3_x86_32 with seed 0, as scikit-learn hashes features, of all n-grams that begin at one place.

Longer n-grams from the same start go on from the state that the shorter ones have left, so that each byte is mixed in
once for every start and not once for every n-gram.

Source: Austin Appleby, MurmurHash3.cpp in SMHasher (public domain).
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import address_of, load_u8, load_u32

__all__ = ["hash_characters", "hash_of", "hash_words"]

# numba multiplies two uint32 in 64 bits, and so does every shift; each step is cut back by hand.


@kernel(types.uint32(types.uint32))
def _scrambled(block: np.uint32) -> np.uint32:
    block = np.uint32(block * np.uint32(0xCC9E2D51))
    block = np.uint32(np.uint32(block << np.uint32(15)) | (block >> np.uint32(17)))
    return np.uint32(block * np.uint32(0x1B873593))


@kernel(types.uint32(types.uint32, types.uint32))
def _mixed(state: np.uint32, block: np.uint32) -> np.uint32:
    state ^= _scrambled(block)
    state = np.uint32(np.uint32(state << np.uint32(13)) | (state >> np.uint32(19)))
    return np.uint32(np.uint32(state * np.uint32(5)) + np.uint32(0xE6546B64))


@kernel(types.uint32(types.uint32, types.uint64, types.uint64, types.uint64))
def _finished(state: np.uint32, at: np.uint64, end: np.uint64, length: np.uint64) -> np.uint32:
    """Return the hash of a text of `length` bytes whose last `end - at`, at most 3, are still to be mixed in.

    Reads 4 bytes at `at`, whatever stands behind the text.
    """
    rest = np.uint32((np.uint64(1) << ((end - at) * np.uint64(8))) - np.uint64(1))
    state ^= _scrambled(np.uint32(load_u32(at) & rest))
    state ^= np.uint32(length)
    state = np.uint32((state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    state = np.uint32((state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(state ^ (state >> np.uint32(16)))


@kernel(types.uint32(types.uint64, types.uint64))
def hash_of(at: np.uint64, length: np.uint64) -> np.uint32:
    """Return the hash of `length` bytes at an address, behind which 4 more can be read."""
    state = np.uint32(0)
    end = at + length
    while at + np.uint64(4) <= end:
        state = _mixed(state, load_u32(at))
        at += np.uint64(4)
    return _finished(state, at, end, length)


@kernel(
    types.UniTuple(types.uint64, 2)(  # type: ignore[no-untyped-call]
        types.uint8[::1],
        types.int64[::1],
        types.uint64,
        types.uint64,
        types.uint64,
        types.uint64,
        types.uint32[::1],
    )
)
def hash_words(
    buffer: NDArray[np.uint8],
    ends: NDArray[np.int64],
    words: np.uint64,
    word: np.uint64,
    least: np.uint64,
    most: np.uint64,
    hashes: NDArray[np.uint32],
) -> tuple[np.uint64, np.uint64]:
    """Write the hashes of the n-grams that begin at `word` and after it, as far as there is room for them.

    Args:
        buffer: what `cut_words` has written.
        ends: where each word ends in it.
        words: how many there are.
        word: the first whose n-grams are missing.
        least: the fewest words in an n-gram.
        most: the most.
        hashes: uint32, at least most - least + 1.

    Returns:
        The first word whose n-grams are still missing, and how many hashes were written.
    """
    written = np.uint64(0)
    while word < words and written + most - least < np.uint64(len(hashes)):
        start = np.uint64(0) if word == np.uint64(0) else np.uint64(ends[word - np.uint64(1)]) + np.uint64(1)
        begin = at = address_of(buffer) + start
        state = np.uint32(0)
        for last in range(word + least - np.uint64(1), min(word + most, words)):
            end = address_of(buffer) + np.uint64(ends[last])
            while at + np.uint64(4) <= end:
                state = _mixed(state, load_u32(at))
                at += np.uint64(4)
            hashes[written] = _finished(state, at, end, end - begin)
            written += np.uint64(1)
        word += np.uint64(1)
    return word, written


@kernel(
    types.UniTuple(types.uint64, 2)(  # type: ignore[no-untyped-call]
        types.uint8[::1],
        types.uint64,
        types.uint64,
        types.uint64,
        types.uint64,
        types.boolean,
        types.uint32[::1],
        types.uint64,
    )
)
def hash_characters(
    buffer: NDArray[np.uint8],
    start: np.uint64,
    stop: np.uint64,
    least: np.uint64,
    most: np.uint64,
    whole: bool,
    hashes: NDArray[np.uint32],
    written: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Write the hashes of the n-grams of characters from `start` to `stop`, as far as there is room for them.

    Args:
        buffer: UTF-8.
        start: offset of the first character whose n-grams are missing.
        stop: offset that no n-gram goes beyond.
        least: the fewest characters in an n-gram.
        most: the most.
        whole: whether all of it is one feature where it has fewer characters than `least`.
        hashes: uint32, with room for most - least + 1 more than `written`.
        written: how many are there already.

    Returns:
        The first character whose n-grams are still missing, and how many hashes are there.
    """
    limit = address_of(buffer) + stop
    while start < stop and written + most - least < np.uint64(len(hashes)):
        begin = at = end = address_of(buffer) + start
        state = np.uint32(0)
        characters = np.uint64(0)
        while characters < most and end < limit:
            lead = np.uint64(load_u8(end))
            if lead < np.uint64(0x80):
                end += np.uint64(1)
            elif lead < np.uint64(0xE0):
                end += np.uint64(2)
            else:
                end += np.uint64(3) if lead < np.uint64(0xF0) else np.uint64(4)
            characters += np.uint64(1)
            if characters == np.uint64(1):
                start = end - address_of(buffer)
            if characters < least:
                continue
            while at + np.uint64(4) <= end:
                state = _mixed(state, load_u32(at))
                at += np.uint64(4)
            hashes[written] = _finished(state, at, end, end - begin)
            written += np.uint64(1)
        if whole and characters < least:
            hashes[written] = hash_of(begin, end - begin)
            written += np.uint64(1)
        whole = False
    return start, written
