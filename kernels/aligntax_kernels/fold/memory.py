"""Stores and a bit scan that the folding alone needs, beside those of `intrinsics`, and that numba cannot express.

Nothing here checks bounds. The vectors are LLVM's own, so that a processor without vector registers gets plain stores.
numba's cache does not see a change of this file: after one, remove the `__pycache__` folders of the package.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["store_four", "store_row", "store_u8", "store_u32", "trailing_zeros"]

_WORD = ir.IntType(64)
_LANE = ir.IntType(32)


def _store(stored_form: Any) -> Any:
    """Return an intrinsic that stores what `stored_form(builder, value)` makes of a uint64, at any address."""

    def store(typing_context: Any, address: Any, value: Any) -> Any:  # noqa: ARG001 (numba's protocol)
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            stored = stored_form(builder, arguments[1])
            pointer = builder.inttoptr(arguments[0], stored.type.as_pointer())
            builder.store(stored, pointer).align = 1
            return context.get_dummy_value()

        return types.void(types.uint64, types.uint64), generate

    return intrinsic(store)


def _low(builder: Any, value: Any, bits: int) -> Any:
    return builder.trunc(value, ir.IntType(bits))


def _repeated(builder: Any, value: Any, lanes: int) -> Any:
    vector = builder.insert_element(ir.Constant(ir.VectorType(_WORD, lanes), ir.Undefined), value, _LANE(0))
    return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_LANE, lanes), [0] * lanes))


def _row(builder: Any, value: Any) -> Any:
    return builder.add(_repeated(builder, value, 8), ir.Constant(ir.VectorType(_WORD, 8), list(range(8))))


store_u8 = _store(partial(_low, bits=8))
store_u32 = _store(partial(_low, bits=32))
store_four = _store(partial(_repeated, lanes=4))
"""Stores a uint64 four times."""
store_row = _store(_row)
"""Stores eight uint64: the value and the seven that follow it."""


def _trailing_zeros(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


trailing_zeros: Any = intrinsic(_trailing_zeros)
"""How many zero bits a uint64 ends with; 64 if it is zero."""
