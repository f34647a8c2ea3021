"""Email addresses, from their `@` on."""

from __future__ import annotations

import numpy as np

from aligntax_kernels.intrinsics import load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.text import (
    CLASSES,
    FOUR,
    LABEL,
    LETTER,
    LOCAL,
    WORD,
    I,
    two_byte_letter,
)
from aligntax_kernels.pii.grammar import (
    EMAIL_PERCENT,
    FILE_EXTENSIONS,
    FILE_NAME_PERCENT,
    MOST_DOMAIN_BYTES,
    MOST_EMAIL_BYTES,
    MOST_LABEL_BYTES,
    MOST_LOCAL_BYTES,
)

__all__ = ["email", "local_start", "row_end"]

_EXTENSIONS = np.array([int.from_bytes(name.encode(), "little") for name in FILE_EXTENSIONS.split()], np.uint64)
_LONGEST_EXTENSION = 8
_HYPHEN, _DOT, _AT = 0x2D, 0x2E, 0x40
_XN = 0x2D2D6E78  # `xn--`


@part(I(I, I))
def local_start(base: int, end: int) -> int:
    """Return where the row of local-part bytes before `end` begins, or -1 where it is longer than one may be."""
    at = end
    while at > 0 and end - at <= MOST_LOCAL_BYTES:
        byte = load_u8(base + at - 1)
        if byte < 0x80:
            if CLASSES[byte] & LOCAL == 0:
                return at
            at -= 1
        elif at >= 2 and two_byte_letter(base, at - 2):
            at -= 2
        else:
            return at
    return at if end - at <= MOST_LOCAL_BYTES else -1


@part(I(I, I, I, I))
def row_end(base: int, start: int, kind: int, most: int) -> int:
    """Return where the row of letters and bytes of a class from `start` on ends, or beyond `most` bytes if it does."""
    at = start
    while at - start <= most:
        byte = load_u8(base + at)
        if byte < 0x80:
            if CLASSES[byte] & kind == 0:
                return at
            at += 1
        elif two_byte_letter(base, at):
            at += 2
        else:
            return at
    return at


@part(I(I, I))
def _first_of_local(base: int, at: int) -> int:
    """Return where the local part before the `@` at `at` begins, or -1 where there is none."""
    start = local_start(base, at)
    if start < 0 or start == at or load_u8(base + at - 1) == _DOT:
        return -1
    if start > 0 and load_u8(base + start - 1) == _AT and local_start(base, start - 1) != start - 1:
        return -1
    for position in range(at - 1, start, -1):
        if load_u8(base + position) == _DOT and load_u8(base + position - 1) == _DOT:
            start = position + 1
            break
    while start < at and load_u8(base + start) < 0x80 and CLASSES[load_u8(base + start)] & WORD == 0:
        start += 1
    return start if start < at else -1


@part(I(I, I, I))
def _top_level_end(base: int, start: int, end: int) -> int:
    """Return where the top-level domain at the beginning of the label ends, or -1 where there is none."""
    if end - start > 4:
        lower = 0
        for index in range(4):
            lower |= (int(load_u8(base + start + index)) | 0x20) << (8 * index)
        if lower == _XN:
            while load_u8(base + end - 1) == _HYPHEN:
                end -= 1
            return end if end - start > 4 else -1
    at = start
    while at < end:
        byte = load_u8(base + at)
        if byte < 0x80 and CLASSES[byte] & LETTER == 0:
            break
        at += 1 if byte < 0x80 else 2
    if at - start < 2 or (at < end and load_u8(base + at) != _HYPHEN):
        return -1
    return at


@part(I(I, I, I))
def _is_file_extension(base: int, start: int, end: int) -> int:
    if end - start > _LONGEST_EXTENSION:
        return 0
    key = np.uint64(0)
    for index in range(end - start):
        key |= np.uint64(load_u8(base + start + index) | 0x20) << np.uint64(8 * index)
    for extension in _EXTENSIONS:
        if key == extension:
            return 1
    return 0


@part(FOUR(I, I, I))
def email(base: int, at: int, length: int) -> tuple[int, int, int, int]:
    """Match the address around the `@` at `at`.

    Returns:
        Start, or -1 where no address can be here whatever follows; end, or -1 where there is none as the text stands;
        confidence in percent; 1 where what follows the text could change that.
    """
    start = _first_of_local(base, at)
    if start < 0:
        return -1, -1, 0, 0
    label, end, percent, labels = at + 1, -1, 0, 0
    while True:
        byte = load_u8(base + label)
        stop = row_end(base, label, LABEL, MOST_LABEL_BYTES)
        if stop == label or byte == _HYPHEN:
            touched = label == length
            break
        touched = stop == length
        if stop - label > MOST_LABEL_BYTES or stop - at - 1 > MOST_DOMAIN_BYTES or stop - start > MOST_EMAIL_BYTES:
            touched = False
            break
        if labels:
            top = _top_level_end(base, label, stop)
            if top >= 0:
                end = top
                percent = FILE_NAME_PERCENT if _is_file_extension(base, label, top) else EMAIL_PERCENT
        labels += 1
        if load_u8(base + stop - 1) == _HYPHEN or load_u8(base + stop) != _DOT:
            break
        label = stop + 1
        touched = False
    return start, end, percent, touched
