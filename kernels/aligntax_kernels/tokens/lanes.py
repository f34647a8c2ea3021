"""What the token filters need of vector instructions, at raw addresses, for which numba has no expression.

Each is plain LLVM, which the back end turns into whatever the processor has, AVX-512 or not: nothing here asks for a
feature. Nothing checks bounds either. numba's cache does not see a change of this file: after one, remove the
`__pycache__` folders of the package.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["blend_u16", "blend_u32", "store_u16", "store_u32", "trailing_zeros", "words_with_bans"]

_WORD_BITS = 32


def _blend(bits: int) -> Any:
    """Return an intrinsic that overwrites those of 32 values of `bits` bits whose bit in a word is set."""

    def blend(typing_context: Any, address: Any, lanes: Any, value: Any) -> Any:  # noqa: ARG001 (numba's protocol)
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            lane = ir.IntType(bits)
            vector = ir.VectorType(lane, _WORD_BITS)
            pointer = builder.inttoptr(arguments[0], vector.as_pointer())
            chosen = builder.bitcast(
                builder.trunc(arguments[1], ir.IntType(_WORD_BITS)), ir.VectorType(ir.IntType(1), _WORD_BITS)
            )
            nothing = ir.Constant(vector, ir.Undefined)
            first = builder.insert_element(nothing, builder.trunc(arguments[2], lane), ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), _WORD_BITS), None)
            everywhere = builder.shuffle_vector(first, nothing, zeros)
            before = builder.load(pointer)
            # With AVX-512 LLVM makes masked stores of this, which read nothing; elsewhere it loads, blends and stores.
            # Its own intrinsic for masked stores came out the same here, and falls apart into 32 branches elsewhere.
            after = builder.store(builder.select(chosen, everywhere, before), pointer)
            before.align = after.align = bits // 8
            return context.get_dummy_value()

        return types.void(types.uint64, types.uint64, types.uint64), generate

    return intrinsic(blend)


def _store(bits: int) -> Any:
    """Return an intrinsic that stores the low `bits` bits of a value."""

    def store(typing_context: Any, address: Any, value: Any) -> Any:  # noqa: ARG001 (numba's protocol)
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            lane = ir.IntType(bits)
            pointer = builder.inttoptr(arguments[0], lane.as_pointer())
            builder.store(builder.trunc(arguments[1], lane), pointer).align = bits // 8
            return context.get_dummy_value()

        return types.void(types.uint64, types.uint64), generate

    return intrinsic(store)


def _words_with_bans(typing_context: Any, address: Any) -> Any:  # noqa: ARG001
    """Return for the 64 words of 32 bits at an address which of them have a bit clear, the first as the lowest bit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        vector = ir.VectorType(ir.IntType(_WORD_BITS), 64)
        words = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()))
        words.align = 4
        full = ir.Constant(vector, [ir.Constant(ir.IntType(_WORD_BITS), -1)] * 64)
        return builder.bitcast(builder.icmp_signed("!=", words, full), ir.IntType(64))

    return types.uint64(types.uint64), generate


def _trailing_zeros(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    """Return the position of the lowest set bit of a number that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


blend_u16 = _blend(16)
blend_u32 = _blend(32)
store_u16 = _store(16)
store_u32 = _store(32)
words_with_bans: Any = intrinsic(_words_with_bans)
trailing_zeros: Any = intrinsic(_trailing_zeros)
