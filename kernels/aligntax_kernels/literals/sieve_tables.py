"""The tables of the sieve: grams by their hash, the letters beside them, and the patterns that they lead to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.intrinsics import MULTIPLIER
from aligntax_kernels.literals import sieve
from aligntax_kernels.literals.automaton_tables import Joined

__all__ = ["Grams", "Shape", "find_grams", "sieve_tables", "small_table_bits"]

# Looks are spread over the whole small table, and hits in it that mean nothing cost more than its being in the second
# cache. The table of letters is read far less often.
_SMALL_BITS, _SIDES_BITS = (12, 18), (10, 14)


class Shape(NamedTuple):
    """How the sieve looks at a text, and what that is expected to lead to.

    Attributes:
        width: of a gram, in bytes.
        stride: of the looks, in bytes.
        windows: int64, (patterns,): where the grams of each pattern begin in it.
        grams: share of the looks that show a gram of a pattern, or one that looks like it to the small table.
        comparisons: patterns that are compared with the text, per look.
    """

    width: int
    stride: int
    windows: NDArray[np.int64]
    grams: float
    comparisons: float


class Grams(NamedTuple):
    """The grams of all windows, and what they belong to.

    Attributes:
        keys: uint64, (distinct,): each gram as it is looked up, sorted.
        first: int64, (distinct,): where its entries begin.
        listed: int64, (distinct,): how many there are.
        entries: uint64, (grams, 2): pattern and offset in it; place of its bytes and length; 32 bits each.
        patterns: int64, (grams,): which of the joined patterns, in the order of the windows.
        places: int64, (grams,): where the gram begins in the joined patterns, likewise.
        all: uint64, (grams,): the gram, likewise.
    """

    keys: NDArray[np.uint64]
    first: NDArray[np.int64]
    listed: NDArray[np.int64]
    entries: NDArray[np.uint64]
    patterns: NDArray[np.int64]
    places: NDArray[np.int64]
    all: NDArray[np.uint64]


def small_table_bits(grams: int) -> int:
    """Return how many bits of a hash the small table is indexed by, for a number of grams."""
    return int(np.clip(grams.bit_length() + 8, *_SMALL_BITS))


def find_grams(joined: Joined, shape: Shape, caseless: bool) -> Grams:
    """Return the grams of all windows."""
    starts, lengths = joined.bounds[:-1], np.diff(joined.bounds)
    patterns = np.repeat(np.arange(len(starts)), shape.stride)
    offsets = (shape.windows[:, np.newaxis] + np.arange(shape.stride)).reshape(-1)
    places = starts[patterns] + offsets
    grams = np.full(len(places), _case_bits(shape.width, caseless), np.uint64)
    for at in range(shape.width):
        grams |= joined.data[places + at].astype(np.uint64) << np.uint64(8 * at)
    entries = np.empty((len(places), 2), np.uint64)
    entries[:, 0] = joined.patterns[patterns].astype(np.uint64) | offsets.astype(np.uint64) << np.uint64(32)
    entries[:, 1] = starts[patterns].astype(np.uint64) | lengths[patterns].astype(np.uint64) << np.uint64(32)
    order = np.argsort(grams, kind="stable")
    keys, first, listed = np.unique(grams[order], return_index=True, return_counts=True)
    return Grams(keys, first, listed, np.ascontiguousarray(entries[order]), patterns, places, grams)


def sieve_tables(
    header: NDArray[np.uint64], joined: Joined, shape: Shape, grams: Grams, caseless: bool
) -> tuple[NDArray[Any], ...]:
    """Build the tables of the sieve, enter them in the header, and return what has to be kept alive."""
    small_bits = small_table_bits(len(grams.keys))
    small = np.zeros(1 << small_bits, np.uint8)
    small[_hashed(grams.keys, small_bits)] = 1

    sides_bits = int(np.clip(len(grams.keys).bit_length() + 2, *_SIDES_BITS))
    sides = np.zeros((1 << sides_bits, 2), np.uint64)
    rows = _hashed(grams.all, sides_bits, sieve.SIDES_MULTIPLIER)
    begins, ends = joined.bounds[:-1][grams.patterns], joined.bounds[1:][grams.patterns]
    for word, distance in ((0, 1), (1, 2)):
        before = _letter_bits(joined.data, grams.places - distance, begins, ends)
        after = _letter_bits(joined.data, grams.places + shape.width - 1 + distance, begins, ends)
        np.bitwise_or.at(sides[:, word], rows, after | before << np.uint64(32))

    slot_bits = len(grams.keys).bit_length() + 1
    slots = np.zeros(1 << slot_bits, np.uint64)
    listing = (grams.first.astype(np.uint64) << np.uint64(8) | grams.listed.astype(np.uint64)) << np.uint64(32)
    for place, slot in zip(_hashed(grams.keys, slot_bits).tolist(), (grams.keys | listing).tolist(), strict=True):
        while slots[place]:
            place = (place + 1) & (len(slots) - 1)
        slots[place] = slot

    for index, value in (
        (sieve.STRIDE, shape.stride),
        (sieve.WIDTH, shape.width),
        (sieve.GRAM_MASK, 256**shape.width - 1),
        (sieve.CASE_BITS, _case_bits(shape.width, caseless)),
        (sieve.SMALL_TABLE, small.ctypes.data),
        (sieve.SMALL_SHIFT, 32 - small_bits),
        (sieve.SIDES_TABLE, sides.ctypes.data),
        (sieve.SIDES_SHIFT, 32 - sides_bits),
        (sieve.SLOTS, slots.ctypes.data),
        (sieve.SLOT_SHIFT, 32 - slot_bits),
        (sieve.SLOT_MASK, len(slots) - 1),
        (sieve.ENTRIES, grams.entries.ctypes.data),
    ):
        header[index] = value
    return small, sides, slots, grams.entries


def _case_bits(width: int, caseless: bool) -> int:
    """Return the bits that make both cases of a letter the same; others that fall together are told apart later."""
    return int.from_bytes(b"\x20" * width, "little") if caseless else 0


def _hashed(grams: NDArray[np.uint64], bits: int, multiplier: int = MULTIPLIER) -> NDArray[np.int64]:
    product = (grams * np.uint64(multiplier)) & np.uint64(0xFFFFFFFF)
    return (product >> np.uint64(32 - bits)).astype(np.int64)


def _letter_bits(
    data: NDArray[np.uint8], at: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return one of 32 bits for each byte, by the five that both cases of a letter share; all bits for no byte."""
    inside = (begins <= at) & (at < ends)
    letters = data[np.where(inside, at, 0)].astype(np.uint64) & np.uint64(31)
    return np.where(inside, np.uint64(1) << letters, np.uint64(0xFFFFFFFF))
