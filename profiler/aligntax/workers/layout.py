"""How a ledger lies in a file: a header, the names behind the rows, calls in progress, and the ledger's buffer.

    offset 0            header, see `HEADER` and `WORDS`, and then the server's identity as JSON
    HEADER_BYTES        one slot of SLOT_BYTES for each row of each table
    then                calls in progress, one integer for each layer
    then                the ledger's buffer
    then                in an archive: the names of the files that it holds, one a line

The magic is written last. A file without it was never finished, and nothing was counted in it.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import NamedTuple, get_args

from aligntax.histogram import EDGES
from aligntax.ledger_fields import (
    DROP_REASONS,
    MAX_DEVICES,
    MAX_ERROR_TYPES,
    MAX_LAYERS,
    OUTCOMES,
    PARTS,
    TABLES,
    VERDICTS,
    Table,
    buffer_size,
    fields,
)
from aligntax.trace import Kind, Layer, Stage

MAGIC = b"aligntx1"
HEADER = struct.Struct("=8s32sqqqqq")
"""Magic, digest of the layout, max_layers, max_models, checksum and length of what follows an archive's header, and
length of the server's identity."""
WORDS_OFFSET = 128
WORDS = 1 + len(TABLES)
"""Integers that change: the sequence number of the batches, and how many names each table has."""
SERVER_OFFSET = 256
HEADER_BYTES = 4096
MAX_SERVER_BYTES = HEADER_BYTES - SERVER_OFFSET
MAX_MODELS = 1 << 16
SLOT = struct.Struct("=BBH")
SLOT_BYTES = 512
WORD = 8
ALIGNMENT = 4096

KINDS: tuple[Kind, ...] = get_args(Kind)
STAGES: tuple[Stage, ...] = get_args(Stage)


class Layout(NamedTuple):
    """Where everything is in the file of a ledger of a given size; offsets and sizes in bytes."""

    max_layers: int
    max_models: int

    def rows(self, table: Table) -> int:
        """Return how many rows a table has room for."""
        sizes = {
            "layers": self.max_layers,
            "models": self.max_models,
            "error_types": MAX_ERROR_TYPES,
            "devices": MAX_DEVICES,
        }
        return sizes[table]

    def slot(self, table: Table, row: int) -> int:
        """Return where the name of a row is."""
        before = TABLES[: TABLES.index(table)]
        return HEADER_BYTES + SLOT_BYTES * (sum(map(self.rows, before)) + row)

    @property
    def running(self) -> int:
        """Where the calls in progress are."""
        return self.slot(TABLES[-1], self.rows(TABLES[-1]))

    @property
    def counts(self) -> int:
        """Where the ledger's buffer is."""
        return -(-(self.running + WORD * self.max_layers) // ALIGNMENT) * ALIGNMENT

    @property
    def end(self) -> int:
        """Where it ends: the size of a worker's file."""
        return self.counts + WORD * buffer_size(self.max_layers, self.max_models)


def layout_digest() -> bytes:
    """Return a checksum of everything that gives the integers of the buffer their meaning; 32 bytes.

    Files of another version of aligntax have another one, unless they mean the same.
    """
    meaning = (
        MAGIC,
        sys.byteorder,
        [(name, shape, str(rows)) for name, shape, rows in fields(7, 11)],
        EDGES.tolist(),
        [list(map(str, names)) for names in (VERDICTS, OUTCOMES, DROP_REASONS, PARTS, TABLES, KINDS, STAGES)],
        (SLOT_BYTES, MAX_ERROR_TYPES, MAX_DEVICES),
    )
    return hashlib.sha256(repr(meaning).encode()).digest()


DIGEST = layout_digest()


def layout_of(max_layers: int, max_models: int) -> Layout:
    """Return the layout of a file by the sizes in its header; ValueError for sizes that cannot be."""
    if not (1 <= max_layers <= MAX_LAYERS and 2 <= max_models <= MAX_MODELS):
        raise ValueError(f"room for {max_layers} layers and {max_models} models cannot be")
    return Layout(max_layers, max_models)


def packed_name(name: Layer | str) -> bytes:
    """Return a slot's content. A name that is too long for it is cut: only class names of errors can be."""
    kind, stage, text = 0, 0, str(name)
    if isinstance(name, Layer):
        kind, stage, text = KINDS.index(name.kind), STAGES.index(name.stage or STAGES[0]), name.name
    encoded = text.encode("utf-8", "replace")[: SLOT_BYTES - SLOT.size]
    return SLOT.pack(kind, stage, len(encoded)) + encoded


def unpacked_name(table: Table, slot: bytes) -> Layer | str:
    """Return the name in a slot; ValueError or IndexError if it holds none."""
    kind, stage, length = SLOT.unpack_from(slot)
    if length > SLOT_BYTES - SLOT.size:
        raise ValueError("a name is longer than its place")
    name = slot[SLOT.size : SLOT.size + length].decode("utf-8", "ignore" if table == "error_types" else "strict")
    return Layer(name, KINDS[kind], STAGES[stage]) if table == "layers" else name
