"""Reads the ledgers of other processes: only the rows in use, only whole batches, and nothing that is not a ledger.

Files are read and not mapped: one that is cut short meanwhile is then an error and not a signal that ends the process.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aligntax.histogram import Int64Array
from aligntax.ledger import Ledger
from aligntax.ledger_fields import TABLES, Table, fields
from aligntax.trace import Layer
from aligntax.workers.identity import Server
from aligntax.workers.layout import (
    DIGEST,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    SERVER_OFFSET,
    SLOT_BYTES,
    WORD,
    WORDS,
    WORDS_OFFSET,
    Layout,
    layout_of,
    unpacked_name,
)
from aligntax.workers.locks import is_locked

TRIES = 64
PAUSE_SECONDS = 0.0005


class DamagedLedgerError(ValueError):
    """A file that cannot be read as a ledger of this version; the message says why."""


class UnfinishedLedgerError(DamagedLedgerError):
    """A file that its process was ended in the middle of making; nothing was counted in it."""


class Contents(NamedTuple):
    """What a file holds: the server it belongs to, a ledger of its own, calls in progress, and whether it is in use.

    Attributes:
        members: of an archive: names of the files whose counts it holds.
        whole: False where the copy may have been made in the middle of a batch, and waiting did not help.
    """

    server: Server
    ledger: Ledger
    running: Mapping[Layer, int]
    alive: bool
    members: frozenset[str]
    whole: bool


def read(path: Path) -> Contents:
    """Read the file of a worker, or an archive.

    Raises:
        DamagedLedgerError: if it is no ledger of this version, or a broken one.
        OSError: if it cannot be read.
    """
    with _opened(path) as descriptor:
        alive = is_locked(descriptor)
        header = os.pread(descriptor, HEADER_BYTES, 0)
        layout, server, checksum, tail = _header(header, os.fstat(descriptor).st_size)
        members: frozenset[str] = frozenset()
        if checksum:
            members = _members(descriptor, layout, checksum, tail)
        for _ in range(TRIES):
            before = _words(descriptor)
            ledger = _copy(descriptor, layout, before)
            whole = before[0] % 2 == 0 and before[0] == _words(descriptor)[0]
            # Whoever was killed in the middle of a batch will not finish it.
            if whole or not is_locked(descriptor):
                break
            time.sleep(PAUSE_SECONDS)
        running = _integers(descriptor, layout.running, len(ledger.layers))
    return Contents(server, ledger, dict(zip(ledger.layers, running.tolist(), strict=True)), alive, members, whole)


def server_of(path: Path) -> tuple[Server, bool]:
    """Return the server that a file belongs to, and whether its process is alive. Raises what `read` raises."""
    with _opened(path) as descriptor:
        header = os.pread(descriptor, HEADER_BYTES, 0)
        return _header(header, os.fstat(descriptor).st_size)[1], is_locked(descriptor)


def is_unfinished(path: Path) -> bool:
    """Return whether a file was left before anything could be counted in it. Raises what `read` raises."""
    with _opened(path) as descriptor:
        return not is_locked(descriptor) and not os.pread(descriptor, len(MAGIC), 0).strip(b"\0")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Without waiting, or a pipe that has a ledger's name would hold every scrape up.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a symbolic link; a socket
            raise DamagedLedgerError("it is not a regular file") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DamagedLedgerError("it is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _header(header: bytes, size: int) -> tuple[Layout, Server, int, int]:
    """Return layout, server, and the checksum and the length of what follows an archive's header."""
    if not header[: len(MAGIC)].strip(b"\0"):
        raise UnfinishedLedgerError("its process was ended while it made it")
    if len(header) < HEADER_BYTES:
        raise DamagedLedgerError(f"it has only {len(header)} bytes")
    magic, digest, max_layers, max_models, checksum, tail, length = HEADER.unpack_from(header)
    if magic != MAGIC:
        raise DamagedLedgerError("it does not begin as a ledger does")
    if digest != DIGEST:
        raise DamagedLedgerError("another version of aligntax wrote it")
    try:
        layout = layout_of(max_layers, max_models)
        server = Server.from_dict(json.loads(header[SERVER_OFFSET:][: max(0, length)]))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedLedgerError(f"its header is broken: {error}") from error
    if tail < 0 or size != layout.end + tail:
        raise DamagedLedgerError(f"it has {size} bytes where there should be {layout.end + max(tail, 0)}")
    return layout, server, checksum, tail


def _members(descriptor: int, layout: Layout, checksum: int, tail: int) -> frozenset[str]:
    body = _bytes(descriptor, HEADER_BYTES, layout.end + tail - HEADER_BYTES)
    if zlib.crc32(body) + 1 != checksum:
        raise DamagedLedgerError("its checksum does not fit its contents")
    return frozenset(body[len(body) - tail :].decode("utf-8", "replace").splitlines())


def _words(descriptor: int) -> list[int]:
    return [int(word) for word in _integers(descriptor, WORDS_OFFSET, WORDS)]


def _copy(descriptor: int, layout: Layout, words: list[int]) -> Ledger:
    """Return the rows in use as a ledger that is no larger than they are."""
    names = {table: _names(descriptor, layout, table, used) for table, used in zip(TABLES, words[1:], strict=True)}
    ledger = Ledger(max(1, len(names["layers"])), max(2, len(names["models"])))
    for table, found in names.items():
        setattr(ledger, table, found)
    offset = layout.counts
    for theirs in fields(layout.max_layers, layout.max_models):
        mine: Int64Array = getattr(ledger, theirs.name)
        used = theirs.shape[0] if theirs.rows is None else len(names[theirs.rows])
        if theirs.name == "discarded_ns":  # the only one with layers along its second axis
            counts = _integers(descriptor, offset, used * layout.max_layers).reshape(used, layout.max_layers)
            mine[:used] = counts[:, : mine.shape[1]]
        elif used:
            _read_into(descriptor, offset, mine[:used])
        offset += WORD * math.prod(theirs.shape)
    return ledger


def _names(descriptor: int, layout: Layout, table: Table, used: int) -> list[Layer | str]:
    if not 0 <= used <= layout.rows(table):
        raise DamagedLedgerError(f"{used} {table} have no room in it")
    slots = _bytes(descriptor, layout.slot(table, 0), used * SLOT_BYTES)
    try:
        return [unpacked_name(table, slots[start : start + SLOT_BYTES]) for start in range(0, len(slots), SLOT_BYTES)]
    except (ValueError, IndexError) as error:
        raise DamagedLedgerError(f"a name in its table of {table} is broken ({type(error).__name__})") from error


def _integers(descriptor: int, offset: int, count: int) -> Int64Array:
    found = np.empty(count, dtype=np.int64)
    if count:
        _read_into(descriptor, offset, found)
    return found


def _read_into(descriptor: int, offset: int, target: Int64Array) -> None:
    if os.preadv(descriptor, [target.data.cast("B")], offset) != target.nbytes:
        raise DamagedLedgerError("it was cut short")


def _bytes(descriptor: int, offset: int, count: int) -> bytes:
    found = os.pread(descriptor, count, offset)
    if len(found) != count:
        raise DamagedLedgerError("it was cut short")
    return found
