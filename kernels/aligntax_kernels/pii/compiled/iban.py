"""International bank account numbers, from their first digit on."""

from __future__ import annotations

from typing import Any

import numpy as np

from aligntax_kernels.intrinsics import load_u8
from aligntax_kernels.pii.compiled import part
from aligntax_kernels.pii.compiled.text import (
    CLASSES,
    DIGIT,
    LETTER,
    TRIPLE,
    I,
    dash_length,
    space_length,
    word_after,
    word_before,
)
from aligntax_kernels.pii.countries import iban_structures
from aligntax_kernels.pii.grammar import IBAN_LOWER_PERCENT, IBAN_PERCENT

__all__ = ["iban"]

_DIGITS, _LETTERS, _EITHER = 1, 2, 3
_CLASS_CODES = {"n": _DIGITS, "a": _LETTERS, "c": _EITHER}


def _structures() -> Any:
    """Return, by country code in base 26, two bits for each character after the check digits."""
    table = np.zeros(26 * 26, np.int64)
    for country, structure in iban_structures().items():
        index = (ord(country[0]) - 0x41) * 26 + ord(country[1]) - 0x41
        table[index] = sum(_CLASS_CODES[kind] << (2 * place) for place, kind in enumerate(structure))
    return table


_STRUCTURES = _structures()


@part(TRIPLE(I, I, I))
def iban(base: int, digit: int, length: int) -> tuple[int, int, int]:
    """Match the number whose check digits begin at `digit`, two letters after its start.

    Returns:
        End, or -1 where there is none as the text stands; confidence in percent; 1 where what follows the text could
        change that.
    """
    start = digit - 2
    if start < 0 or word_before(base, start):
        return -1, 0, 0
    first, second = load_u8(base + start), load_u8(base + start + 1)
    if CLASSES[first] & CLASSES[second] & LETTER == 0:
        return -1, 0, 0
    structure = _STRUCTURES[((first | 0x20) - 0x61) * 26 + (second | 0x20) - 0x61]
    if structure == 0:
        return -1, 0, 0
    # The check digits come first in the text and last in the sum (ISO 7064, MOD 97-10).
    checks = 0
    lower = first & 0x20 or second & 0x20
    remainder, at = 0, digit
    for _ in range(2):
        if CLASSES[load_u8(base + at)] & DIGIT == 0:
            return -1, 0, at == length
        checks = checks * 10 + load_u8(base + at) - 0x30
        at += 1
    while structure:
        gap = at + space_length(base, at)
        if gap == at:
            gap = at + dash_length(base, at)
        byte = load_u8(base + gap)
        wanted = structure & 3
        if CLASSES[byte] & DIGIT and wanted & _DIGITS:
            remainder = (remainder * 10 + byte - 0x30) % 97
        elif CLASSES[byte] & LETTER and wanted & _LETTERS:
            lower = lower or byte & 0x20
            remainder = (remainder * 100 + (byte | 0x20) - 0x61 + 10) % 97
        else:
            return -1, 0, gap == length
        structure >>= 2
        at = gap + 1
    country = ((first | 0x20) - 0x61 + 10) * 100 + (second | 0x20) - 0x61 + 10
    remainder = (remainder * 1_000_000 + country * 100 + checks) % 97
    if remainder != 1 or word_after(base, at):
        return -1, 0, 0
    return at, IBAN_LOWER_PERCENT if lower else IBAN_PERCENT, at == length
