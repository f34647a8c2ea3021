"""Where a prefix may stand: a hash of four bytes at every other position, looked up in the sieve; compiled.

Of what the sieve stops at by chance, a second hash sends seven in eight away.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from aligntax_kernels.compilation import kernel
from aligntax_kernels.secrets import layout
from aligntax_kernels.secrets.reading import FLAG, INT, byte, number, word


def _expected_false(typing_context: Any, condition: Any) -> Any:  # noqa: ARG001 (numba's protocol)
    """Return a condition, and let the compiler lay the code out for it being false."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        flag = ir.IntType(1)
        function = builder.module.declare_intrinsic("llvm.expect", (flag,), ir.FunctionType(flag, [flag, flag]))
        return builder.call(function, [arguments[0], flag(0)])

    return types.boolean(types.boolean), generate


_unlikely: Any = intrinsic(_expected_false)


@kernel(INT(INT))
def word_of(address: int) -> int:
    """Return the number of the word of the sieve in which the bit is of the four bytes at an address."""
    return (number(address) * layout.SIEVE_MULTIPLIER & 0xFFFFFFFF) >> (38 - layout.SIEVE_BITS)


@kernel(FLAG(INT, INT))
def _is_sieved(tables: int, address: int) -> bool:
    """Return whether the four bytes at an address are in the sieve."""
    # Which bit of the word it is, the first byte says as it is, which saves a shift.
    return (word(tables + layout.SIEVE + 8 * word_of(address)) >> (number(address) & 63)) & 1 == 1


@kernel(FLAG(INT, INT))
def _is_checked(tables: int, address: int) -> bool:
    """Return whether the four bytes at an address pass the second hash, too."""
    place = (number(address) * layout.CHECK_MULTIPLIER & 0xFFFFFFFF) >> (32 - layout.CHECK_BITS)
    return (byte(tables + layout.CHECK + (place >> 3)) >> (place & 7)) & 1 == 1


@kernel(INT(INT, INT, INT))
def sieved(tables: int, address: int, stop: int) -> int:
    """Return the first of every other address whose four bytes pass both hashes, or one that is not before `stop`."""
    # Four at a time, and falling through where there is nothing: as a plain loop, it jumps twice for each of them.
    while address + 8 <= stop:
        if _unlikely(_is_sieved(tables, address)) and _is_checked(tables, address):
            return address
        if _unlikely(_is_sieved(tables, address + 2)) and _is_checked(tables, address + 2):
            return address + 2
        if _unlikely(_is_sieved(tables, address + 4)) and _is_checked(tables, address + 4):
            return address + 4
        if _unlikely(_is_sieved(tables, address + 6)) and _is_checked(tables, address + 6):
            return address + 6
        address += 8
    while address < stop and not (_is_sieved(tables, address) and _is_checked(tables, address)):
        address += 2
    return address
