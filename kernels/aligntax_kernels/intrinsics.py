"""Unaligned loads and stores at raw addresses, and vectors, which numba has no expression for.

Indexing an array byte by byte and joining the bytes takes about six times as long. Nothing here checks bounds: a
kernel touches only what lies inside the memory whose address it was given. numba's cache does not see a change of
this file: after one, remove the `__pycache__` folders of the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from aligntax_kernels.bytes_type import Text

__all__ = [
    "HASHES",
    "I64",
    "MULTIPLIER",
    "SCRATCH_WORDS",
    "U64",
    "address_of",
    "hash_words",
    "load_u8",
    "load_u16",
    "load_u32",
    "load_u64",
    "scratch",
    "store_u64",
    "unset_scratch",
]

U64: Any = np.uint64
I64: Any = np.int64
"""Casts in a kernel; `Any`, since there numba checks the types, of machine words that numpy's stubs do not know."""

SCRATCH_WORDS = 512
"""How many uint64 `scratch` holds: one page, which no thread's stack is too small for."""

MULTIPLIER = 0x9E3779B1
"""What `hash_words` multiplies by: 2**32 over the golden ratio."""

HASHES = 16
"""How many words `hash_words` hashes at once."""


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


def _address_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    """Return the address of the first element of `bytes` or of an array, as uint64."""
    if not isinstance(value, (types.Array, Text)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        structure = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])  # type: ignore[no-untyped-call]
        return builder.ptrtoint(structure.data, ir.IntType(64))

    return types.uint64(value), generate


def _store_u64(typing_context: Any, address: Any, value: Any) -> Any:  # noqa: ARG001
    """Store a uint64 at an address, unaligned."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        stored = builder.store(arguments[1], builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), generate


def _scratch(zeroed: bool) -> Any:
    """Return an intrinsic that gives the address of `SCRATCH_WORDS` uint64 on the stack of the calling kernel."""

    def scratch(typing_context: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            words = ir.ArrayType(ir.IntType(64), SCRATCH_WORDS)
            if zeroed:
                memory = cgutils.alloca_once(builder, words)  # type: ignore[no-untyped-call]
            else:
                with builder.goto_entry_block():
                    memory = builder.alloca(words)
            memory.align = 64  # a vector that straddles two cache lines is slow to store, and slower to read in parts
            return builder.ptrtoint(memory, ir.IntType(64))

        return types.uint64(), generate

    return intrinsic(scratch)


def _hash_words(typing_context: Any, address: Any, mask: Any, bits: Any, shift: Any, hashes: Any) -> Any:  # noqa: ARG001
    """Hash 16 neighbouring uint32, `(word & mask | bits) * MULTIPLIER mod 2**32 >> shift`, into 16 more at `hashes`.

    As one vector, of whatever width the processor has: LLVM splits it where that is narrower. Fibonacci hashing: Knuth,
    The Art of Computer Programming, volume 3, section 6.4.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(32)
        vector = ir.VectorType(word, HASHES)
        undefined = ir.Constant(vector, ir.Undefined)
        first = ir.Constant(vector, [0] * HASHES)

        def everywhere(value: Any) -> Any:
            one = builder.insert_element(undefined, builder.trunc(value, word), ir.Constant(word, 0))
            return builder.shuffle_vector(one, undefined, first)

        words = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()))
        words.align = 1
        words = builder.or_(builder.and_(words, everywhere(arguments[1])), everywhere(arguments[2]))
        words = builder.mul(words, ir.Constant(vector, [MULTIPLIER] * HASHES))
        stored = builder.store(
            builder.lshr(words, everywhere(arguments[3])), builder.inttoptr(arguments[4], vector.as_pointer())
        )
        stored.align = 4
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 5), generate


load_u8 = _load(8, types.uint8)
load_u16 = _load(16, types.uint16)
load_u32 = _load(32, types.uint32)
load_u64 = _load(64, types.uint64)
address_of: Any = intrinsic(_address_of)
store_u64: Any = intrinsic(_store_u64)
scratch = _scratch(zeroed=True)
"""Zeroed memory until the kernel returns; the zeros cost 50 ns."""
unset_scratch = _scratch(zeroed=False)
"""The same, holding anything."""
hash_words: Any = intrinsic(_hash_words)
