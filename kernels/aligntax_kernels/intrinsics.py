"""Unaligned loads from raw addresses, which numba has no expression for.

Indexing an array byte by byte and joining the bytes takes about six times as long. Nothing here checks bounds: a
kernel loads only what lies inside the memory whose address it was given. numba's cache does not see a change of
this file: after one, remove the `__pycache__` folders of the package.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["address_of", "load_u8", "load_u16", "load_u32", "load_u64"]


def _load(bits: int, result: Any) -> Any:
    """Return an intrinsic that loads `bits` bits, little endian on every platform that numba supports, unaligned."""

    def load(typing_context: Any, address: Any) -> Any:  # noqa: ARG001 (numba's protocol)
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            loaded = builder.load(pointer)
            loaded.align = 1
            return loaded

        return result(types.uint64), generate

    return intrinsic(load)


load_u8 = _load(8, types.uint8)
load_u16 = _load(16, types.uint16)
load_u32 = _load(32, types.uint32)
load_u64 = _load(64, types.uint64)


@intrinsic
def address_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    """Return the address of the first element of `bytes` or of an array, as uint64."""
    if not isinstance(value, (types.Array, types.Bytes)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        structure = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])  # type: ignore[no-untyped-call]
        return builder.ptrtoint(structure.data, ir.IntType(64))

    return types.uint64(value), generate
