"""The folding on the CPU, compiled when this module is imported."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aligntax_kernels.compilation import direct, kernel
from aligntax_kernels.fold import questions, scan
from aligntax_kernels.fold.clusters import CLUSTER_BYTES, SCRATCH_WORDS
from aligntax_kernels.fold.records import Folded, Folding
from aligntax_kernels.fold.tables import Tables, tables

__all__ = ["boundary", "fold", "fold_bytes", "is_plain", "warm"]

# Bytes from which on other threads are let run meanwhile; a shorter run is over before a fight for the GIL is.
_LONG_RUN_BYTES = 1 << 20

# Bytes up to which `bytes.translate` is over before a kernel has been called.
_SHORT_ASCII_BYTES = 1 << 11

_INT64 = np.dtype(np.int64)

# Entries of the map of ASCII that are kept, 8 MB.
_MOST_KEPT = 1 << 20


@kernel(scan.SIGNATURE, nogil=True)
def _fold_without_gil(
    data: bytes, tables: int, buffer: NDArray[np.int64], capacity: int, at: int, written: int, mapped: bool
) -> tuple[int, int, int]:
    return scan.fold(data, tables, buffer, capacity, at, written, mapped)


_fold, _fold_long = direct(scan.fold), direct(_fold_without_gil)
_is_plain, _boundary = direct(questions.is_plain), direct(questions.boundary)

# Both are replaced whole, never changed, so that threads need no lock. Comparing a Folding by identity takes 20 ns,
# hashing it for a cache 500.
_recent: tuple[object, Tables | None] = (None, None)
_offsets = np.empty(0, np.int64)


def fold(data: bytes, folding: Folding) -> Folded:
    """Fold a text, and map every byte of the result to the bytes it came from."""
    table = _tables(folding)
    if data.isascii():
        offsets = _identity(len(data) + 1)
        return Folded(_folded_ascii(data, table), offsets[:-1], offsets[1:])
    buffer, capacity, written = _filled(data, table, mapped=True)
    buffer.setflags(write=False)
    return Folded(_text(buffer, 2 * capacity, written), buffer[:written], buffer[capacity : capacity + written])


def fold_bytes(data: bytes, folding: Folding) -> bytes:
    """Fold a text."""
    table = _tables(folding)
    if data.isascii():
        return _folded_ascii(data, table)
    buffer, _, written = _filled(data, table, mapped=False)
    return _text(buffer, 0, written)


def is_plain(data: bytes, folding: Folding) -> bool:
    """Tell whether no character changes when it stands alone, but for the case of ASCII, and none can combine."""
    table = _tables(folding)  # held, since another thread may replace what else holds it while the kernel reads it
    return (data.isascii() and not folding.leet) or _is_plain(data, table.address)


def boundary(data: bytes, folding: Folding) -> int:
    """Return how much of the beginning of a stream can be folded now, whatever comes next."""
    table = _tables(folding)  # held, as in `is_plain`
    at: int = _boundary(data, table.address)
    return at


def warm() -> None:
    """Build the tables of the default steps; everything is compiled already."""
    tables(Folding())


def _tables(folding: Folding) -> Tables:
    global _recent
    known, table = _recent
    if known is not folding or table is None:
        table = tables(folding)
        _recent = (folding, table)
    return table


def _folded_ascii(data: bytes, table: Tables) -> bytes:
    if len(data) <= _SHORT_ASCII_BYTES:
        return data.translate(table.ascii)
    buffer, _, written = _filled(data, table, mapped=False)
    return _text(buffer, 0, written)


def _identity(count: int) -> NDArray[np.int64]:
    """Return the numbers from 0 on, read-only."""
    global _offsets
    offsets = _offsets
    if len(offsets) < count:
        offsets = np.arange(count if count > _MOST_KEPT else min(2 * count, _MOST_KEPT), dtype=_INT64)
        offsets.setflags(write=False)
        if count <= _MOST_KEPT:
            _offsets = offsets
    return offsets[:count]


def _filled(data: bytes, table: Tables, *, mapped: bool) -> tuple[NDArray[np.int64], int, int]:
    """Fold into a buffer; return it with its capacity and the number of bytes of folded text in it."""
    run = _fold if len(data) < _LONG_RUN_BYTES else _fold_long
    # Little text gets longer by being folded, and most of it shorter.
    capacity = (len(data) + CLUSTER_BYTES + 7) & -8
    buffer = _buffer(capacity, mapped)
    at, written, done = run(data, table.address, buffer, capacity, 0, 0, mapped)
    while not done:
        larger = 2 * capacity
        grown = _buffer(larger, mapped)
        for of_new, of_old in zip(_sections(grown, larger, mapped), _sections(buffer, capacity, mapped), strict=True):
            of_new[:written] = of_old[:written]
        buffer, capacity = grown, larger
        at, written, done = run(data, table.address, buffer, capacity, at, written, mapped)
    return buffer, capacity, written


def _text(buffer: NDArray[np.int64], begin: int, size: int) -> bytes:
    """Return so many bytes of a buffer from a word on: quicker than by way of another view."""
    return buffer[begin : begin + (size + 7) // 8].tobytes()[:size]


def _buffer(capacity: int, mapped: bool) -> NDArray[np.int64]:
    return np.empty((2 * capacity if mapped else 0) + capacity // 8 + SCRATCH_WORDS, _INT64)


def _sections(buffer: NDArray[np.int64], capacity: int, mapped: bool) -> list[NDArray[np.int64] | NDArray[np.uint8]]:
    if not mapped:
        return [buffer.view(np.uint8)]
    return [buffer[:capacity], buffer[capacity : 2 * capacity], buffer[2 * capacity :].view(np.uint8)]
