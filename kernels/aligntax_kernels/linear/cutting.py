"""From text to the pieces that features are made of: words in a row, or characters with white space normalised.

What is written to the buffer is laid out so that every feature is a slice of it: words stand one space apart, and
so a 2-gram of words, the two joined by a space, reaches from the start of the one to the end of the other.

What each of the three cutters is given:
    at: address of the text's UTF-8, which is valid but for surrogates.
    length: of the text, in bytes.
    settings: address of the model's block.
    kinds: address of the flags of all code points; 0 for a text that is ASCII and not yet lower-cased.
    buffer: uint8, at least length + SLACK.
    ends: int64, gets where each word ends in the buffer, without the space behind it.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import address_of, load_u8, load_u64
from aligntax_kernels.linear import layout
from aligntax_kernels.linear.characters import SPACE, WORD
from aligntax_kernels.linear.hashing import hash_of

__all__ = ["SLACK", "cut_characters", "cut_padded_words", "cut_words"]

SLACK = 8
"""Bytes that the buffer is longer than the text: room for two spaces, and for loads that reach past the end."""

_BLANK = np.uint8(32)
_ASCII = [chr(byte) for byte in range(128)]
# By whether ASCII is lower-cased: what a byte is written as, 0 for one that is no word character.
_WORD_BYTES = np.array(
    [[ord(c.lower() if lower else c) if c.isalnum() or c == "_" else 0 for c in _ASCII] for lower in (False, True)],
    np.uint8,
)
_CASED_BYTES = np.array([[ord(c.lower() if lower else c) for c in _ASCII] for lower in (False, True)], np.uint8)
_IS_SPACE = np.array([c.isspace() for c in _ASCII])

_CUT = types.uint64(types.uint64, types.uint64, types.uint64, types.uint64, types.uint8[::1], types.int64[::1])


@kernel(types.uint64(types.uint64))
def _width(lead: np.uint64) -> np.uint64:
    """Return how many bytes the UTF-8 sequence has that begins with `lead`, 128 or more."""
    if lead < np.uint64(0xE0):
        return np.uint64(2)
    return np.uint64(3) if lead < np.uint64(0xF0) else np.uint64(4)


@kernel(types.uint8(types.uint64, types.uint64, types.uint64))
def _kind(at: np.uint64, width: np.uint64, kinds: np.uint64) -> np.uint8:
    """Return the flags of the code point of `width` bytes at an address; the UTF-8 there is known to be whole."""
    point = np.uint64(load_u8(at)) & (np.uint64(0x7F) >> width)
    for index in range(np.uint64(1), width):
        point = (point << np.uint64(6)) | (np.uint64(load_u8(at + index)) & np.uint64(0x3F))
    return np.uint8(load_u8(kinds + point))


@kernel(types.boolean(types.uint64, types.uint64, types.uint64))
def _is_stop_word(at: np.uint64, length: np.uint64, settings: np.uint64) -> bool:
    mask = load_u64(settings + np.uint64(layout.STOP_MASK))
    if mask == np.uint64(0):
        return False
    slots = load_u64(settings + np.uint64(layout.STOP_SLOTS))
    spelled = load_u64(settings + np.uint64(layout.STOP_SPELLED))
    slot = np.uint64(hash_of(at, length)) & mask
    while True:
        start = load_u64(slots + slot * np.uint64(16))
        slot_length = load_u64(slots + slot * np.uint64(16) + np.uint64(8))
        if slot_length == np.uint64(0):
            return False
        if slot_length == length:
            same = np.uint64(0)
            while same < length and load_u8(at + same) == load_u8(spelled + start + same):
                same += np.uint64(1)
            if same == length:
                return True
        slot = (slot + np.uint64(1)) & mask


@kernel(types.uint64(types.uint64, types.uint64))
def _lower(settings: np.uint64, kinds: np.uint64) -> np.uint64:
    """Return 1 where ASCII is still to be lower-cased, else 0."""
    wanted = load_u64(settings + np.uint64(layout.LOWERCASE))
    return wanted if kinds == np.uint64(0) else np.uint64(0)


@kernel(types.uint64(types.uint8[::1], types.uint64, types.uint64, types.uint64))
def _copied(buffer: NDArray[np.uint8], end: np.uint64, at: np.uint64, width: np.uint64) -> np.uint64:
    """Append `width` bytes from an address to the buffer; return its new end."""
    for index in range(width):
        buffer[end + index] = load_u8(at + index)
    return end + width


@kernel(_CUT)
def cut_words(
    at: np.uint64,
    length: np.uint64,
    settings: np.uint64,
    kinds: np.uint64,
    buffer: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> np.uint64:
    r"""Write the words of a text, runs of two or more `\w`, one space apart; return how many.

    There are at most (length + 1) // 3.
    """
    lower = _lower(settings, kinds)
    written = address_of(buffer)
    count = start = end = letters = position = np.uint64(0)
    while position <= length:  # the end of the text ends a word too
        byte = np.uint64(load_u8(at + position)) if position < length else np.uint64(0)
        if byte < np.uint64(0x80):
            position += np.uint64(1)
            spelled = _WORD_BYTES[lower, byte]
            if spelled:
                buffer[end] = spelled
                end += np.uint64(1)
                letters += np.uint64(1)
                continue
        else:
            width = _width(byte)
            position += width
            if _kind(at + position - width, width, kinds) & np.uint8(WORD):
                end = _copied(buffer, end, at + position - width, width)
                letters += np.uint64(1)
                continue
        if letters >= np.uint64(2) and not _is_stop_word(written + start, end - start, settings):
            ends[count] = np.int64(end)
            count += np.uint64(1)
            buffer[end] = _BLANK
            end += np.uint64(1)
            start = end
        else:
            end = start
        letters = np.uint64(0)
    return count


@kernel(_CUT)
def cut_padded_words(
    at: np.uint64,
    length: np.uint64,
    settings: np.uint64,
    kinds: np.uint64,
    buffer: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> np.uint64:
    """Write what stands between white space, one space apart, before and behind; return how many such words.

    There are at most (length + 1) // 2.
    """
    lower = _lower(settings, kinds)
    buffer[0] = _BLANK
    count = position = np.uint64(0)
    start = end = np.uint64(1)
    while position <= length:
        byte = np.uint64(load_u8(at + position)) if position < length else np.uint64(_BLANK)
        if byte < np.uint64(0x80):
            position += np.uint64(1)
            if not _IS_SPACE[byte]:
                buffer[end] = _CASED_BYTES[lower, byte]
                end += np.uint64(1)
                continue
        else:
            width = _width(byte)
            position += width
            if not _kind(at + position - width, width, kinds) & np.uint8(SPACE):
                end = _copied(buffer, end, at + position - width, width)
                continue
        if end > start:
            ends[count] = np.int64(end)
            count += np.uint64(1)
            buffer[end] = _BLANK
            end += np.uint64(1)
            start = end
    return count


@kernel(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64, types.uint8[::1]))
def cut_characters(
    at: np.uint64, length: np.uint64, settings: np.uint64, kinds: np.uint64, buffer: NDArray[np.uint8]
) -> np.uint64:
    """Write a text with each run of two or more white-space characters as one space; return its length in bytes."""
    lower = _lower(settings, kinds)
    end = run = run_start = position = np.uint64(0)
    while position < length:
        byte = np.uint64(load_u8(at + position))
        is_ascii = byte < np.uint64(0x80)
        width = np.uint64(1) if is_ascii else _width(byte)
        if _IS_SPACE[byte] if is_ascii else _kind(at + position, width, kinds) & np.uint8(SPACE):
            run += np.uint64(1)
        else:
            run = np.uint64(0)
        if run < np.uint64(2):
            run_start = end
            if is_ascii:
                buffer[end] = _CASED_BYTES[lower, byte]
                end += np.uint64(1)
            else:
                end = _copied(buffer, end, at + position, width)
        elif run == np.uint64(2):
            buffer[run_start] = _BLANK
            end = run_start + np.uint64(1)
        position += width
    return end
