"""The first question to any text: whether there is a hit in it at all, by whichever engine is faster for it."""

from __future__ import annotations

from typing import Any

from numba import types

from aligntax_kernels.bytes_type import TEXT
from aligntax_kernels.compilation import kernel
from aligntax_kernels.intrinsics import U64, address_of
from aligntax_kernels.literals.chains import gather
from aligntax_kernels.literals.sieve import FLOODED, STRIDE, field, sieve

__all__ = ["SHORT_BYTES", "probe"]

SHORT_BYTES = 128
"""Below this, the sieve's batches have no time to pay."""


@kernel(types.int64(TEXT, TEXT))
def probe(words: Any, text: Any) -> int:
    """Return a position from which on all hits in a text can be found, by either engine, or `NOTHING`.

    `words` is the header itself, as `bytes`: its address as an integer would cost each call 35 ns.
    """
    header = address_of(words)
    at = FLOODED
    if len(text) >= SHORT_BYTES and field(header, STRIDE):
        at = sieve(header, U64(0), U64(0), 0, text)
    if at == FLOODED:
        at = gather(header, U64(0), U64(0), 0, text)
    return at
