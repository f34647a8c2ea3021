"""The archive: one file with the counts of all workers that have ended, written whole or not at all."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from aligntax.ledger import Ledger
from aligntax.ledger_fields import TABLES
from aligntax.workers.identity import Server
from aligntax.workers.layout import (
    DIGEST,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    SERVER_OFFSET,
    WORD,
    WORDS_OFFSET,
    layout_of,
    packed_name,
)

PREFIX = "archive-"
"""A part of the layout's digest comes behind it, so that another version's archive is left alone."""


def write_archive(path: Path, ledger: Ledger, server: Server, members: Iterable[str]) -> None:
    """Replace an archive by another one; when this returns, it is on the disk.

    Args:
        path: of the archive; beside it a partial file is written, by one process at a time.
        ledger: the counts.
        server: whoever writes it.
        members: names of the files whose counts are in it.

    Raises:
        OSError: if it cannot be written; the old archive is then still there.
    """
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_packed(ledger, server, members))
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        partial.replace(path)
    finally:
        _sync_folder(path.parent)


def _packed(ledger: Ledger, server: Server, members: Iterable[str]) -> bytes:
    layout = layout_of(ledger.max_layers, ledger.max_models)
    tail = "\n".join(members).encode()
    content = bytearray(layout.end + len(tail))
    identity = json.dumps(server.to_dict()).encode()
    content[SERVER_OFFSET : SERVER_OFFSET + len(identity)] = identity
    used = [len(getattr(ledger, table)) for table in TABLES]
    words = np.array([0, *used], dtype=np.int64).tobytes()
    content[WORDS_OFFSET : WORDS_OFFSET + len(words)] = words
    for table in TABLES:
        for row, name in enumerate(getattr(ledger, table)):
            slot = packed_name(name)
            place = layout.slot(table, row)
            content[place : place + len(slot)] = slot
    content[layout.counts : layout.counts + WORD * ledger.buffer.size] = ledger.buffer.tobytes()
    content[layout.end :] = tail
    checksum = zlib.crc32(memoryview(content)[HEADER_BYTES:]) + 1  # 0 would be that of a worker's file
    HEADER.pack_into(
        content, 0, MAGIC, DIGEST, layout.max_layers, layout.max_models, checksum, len(tail), len(identity)
    )
    return bytes(content)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, before the files that it stands for are removed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
