"""The file of one worker: its ledger's memory, shared with whoever reads it, and locked for as long as it lives."""

from __future__ import annotations

import json
import mmap
import os
import re
import secrets
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from aligntax.histogram import Int64Array
from aligntax.ledger import Ledger
from aligntax.ledger_fields import TABLES, Table, buffer_size
from aligntax.trace import Layer
from aligntax.workers.identity import Server, started
from aligntax.workers.layout import (
    DIGEST,
    HEADER,
    MAGIC,
    MAX_SERVER_BYTES,
    SERVER_OFFSET,
    WORDS,
    WORDS_OFFSET,
    layout_of,
    packed_name,
)
from aligntax.workers.locks import lock_for_life

SUFFIX = ".ledger"
OWN_NAME = re.compile(r"\d+-(\d+)-[0-9a-f]{8}\.ledger")
"""Process number, its start in clock ticks since the machine's, and a random part."""


class WorkerFile:
    """A ledger's memory in a file of this process's own. The ledger counts there from now on.

    Its name holds the process's number and start, for people, and a random part, so that no two files share a name.
    The file is allocated whole: a disk that is full is an error now, and not a signal that ends the process later.
    Made by whoever holds the folder's lock alone.

    Args:
        folder: where to make it.
        ledger: what to keep there; everything that it has counted so far is copied.
        server: whom the process works for.

    Raises:
        OSError: if there is no room, or the file system has no locks or no shared memory maps.
    """

    def __init__(self, folder: Path, ledger: Ledger, server: Server) -> None:
        pid = os.getpid()
        self.path = folder / f"{pid}-{started(pid) or 0}-{secrets.token_hex(4)}{SUFFIX}"
        self._layout = layout_of(ledger.max_layers, ledger.max_models)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        # Closing the descriptor is what ends the worker for all others; the map has a descriptor of its own, through a
        # second opening, because a forked child may be left with the map and must not hold the lock.
        self._end = weakref.finalize(self, os.close, descriptor)
        self._end.atexit = False
        try:
            lock_for_life(descriptor)
            _allocate(descriptor, self._layout.end)
            self._map = _mapped(self.path)
            self._fill(ledger, server)
        except BaseException:
            self._end()
            with suppress(OSError):
                self.path.unlink()
            raise

    def _fill(self, ledger: Ledger, server: Server) -> None:
        layout, shared = self._layout, self._map
        identity = json.dumps(server.to_dict()).encode()
        if len(identity) > MAX_SERVER_BYTES:
            raise ValueError(
                f"the identity of {server} takes {len(identity)} bytes; there is room for {MAX_SERVER_BYTES}"
            )
        words = _integers(shared, WORDS_OFFSET, WORDS)
        self._names = words[1:]
        self._running = _integers(shared, layout.running, layout.max_layers)
        counts = _integers(shared, layout.counts, buffer_size(layout.max_layers, layout.max_models))
        shared[SERVER_OFFSET : SERVER_OFFSET + len(identity)] = identity
        ledger.move(counts, words[:1], self._name)
        header = HEADER.pack(MAGIC, DIGEST, layout.max_layers, layout.max_models, 0, 0, len(identity))
        shared[len(MAGIC) : HEADER.size] = header[len(MAGIC) :]
        shared[: len(MAGIC)] = MAGIC

    def _name(self, table: Table, row: int, name: Layer | str) -> None:
        """Write the name of a row, and then that there is one."""
        content = packed_name(name)
        place = self._layout.slot(table, row)
        self._map[place : place + len(content)] = content
        self._names[TABLES.index(table)] = row + 1

    def show_running(self, counts: Iterable[int]) -> None:
        """Publish how many calls of each layer are running now, in the order of the ledger's layers."""
        running = np.fromiter(counts, dtype=np.int64)
        self._running[: len(running)] = running

    def close(self, ledger: Ledger) -> None:
        """Leave the file to the folder as that of a worker that has ended; the ledger goes on in private memory."""
        self._running[:] = 0
        ledger.move(np.zeros_like(ledger.buffer))
        self._end()

    def forget(self) -> None:
        """Let go of the file in a forked child: it is the parent's. The ledger must have started anew."""
        self._end()


def _allocate(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        raise OSError(
            error.errno,
            f"a worker's ledger takes {size / 2**20:.1f} MiB, and they cannot be had ({error.strerror}); free some "
            "space, use another folder, or lower max_layers and max_models",
        ) from error


def _mapped(path: Path) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return mmap.mmap(descriptor, 0)
    finally:
        os.close(descriptor)


def _integers(shared: mmap.mmap, offset: int, count: int) -> Int64Array:
    return np.frombuffer(shared, dtype=np.int64, count=count, offset=offset)
