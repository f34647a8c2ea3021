"""Stop words as the compiled scorer looks them up: by the hash that a word has anyway, then byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.linear.reference import murmur3

__all__ = ["StopWords", "table_of"]

_SLOTS_PER_WORD = 4


class StopWords(NamedTuple):
    """An open-addressed hash table; a chain ends at the first slot of length 0.

    Attributes:
        slots: int64, (a power of two, 2): where a word begins in `spelled`, and its length in bytes.
        spelled: uint8, the words one after another.
    """

    slots: NDArray[np.int64]
    spelled: NDArray[np.uint8]


def table_of(words: Sequence[str]) -> StopWords:
    """Return the table of some words; the empty word, which no text contains, is left out."""
    encoded = [word.encode("utf-8", "surrogatepass") for word in words if word]
    capacity = 1 << (_SLOTS_PER_WORD * len(encoded)).bit_length()
    slots = np.zeros((capacity, 2), np.int64)
    start = 0
    for word in encoded:
        slot = murmur3(word) % capacity
        while slots[slot, 1]:
            slot = (slot + 1) % capacity
        slots[slot] = start, len(word)
        start += len(word)
    return StopWords(slots, np.frombuffer(b"".join(encoded), np.uint8))
