"""Arithmetic that LLVM turns into vector instructions, where numba's own would keep a loop scalar.

Nothing here asks for a feature of the processor, and each call says no more than it must: only the sums that are named
so may be reordered, everything else keeps the order in which it is written. numba's cache does not see a change of this
file: after one, remove the `__pycache__` folders of the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from aligntax_kernels.compilation import kernel

__all__ = ["LOG2_E", "ROUNDING", "exponential", "floats_at", "halves_at", "plus"]


def _plus(typing_context: Any, total: Any, term: Any) -> Any:  # noqa: ARG001 (numba's protocol)
    """Return total + term, where a loop of such additions may be made in any order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.fadd(*arguments, flags=("reassoc",))

    return types.float32(types.float32, types.float32), generate


def _fused(typing_context: Any, factor: Any, other: Any, term: Any) -> Any:  # noqa: ARG001
    """Return factor * other + term, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        real = ir.FloatType()
        function = builder.module.declare_intrinsic("llvm.fmuladd", [real], ir.FunctionType(real, [real] * 3))
        return builder.call(function, arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


def _pointer(element: Any) -> Any:
    """Return an intrinsic that makes an address the pointer which `numba.carray` makes an array of."""

    def pointer(typing_context: Any, address: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(element)(types.uint64), generate  # type: ignore[no-untyped-call]

    return intrinsic(pointer)


plus: Any = intrinsic(_plus)
_fused_sum: Any = intrinsic(_fused)
floats_at = _pointer(types.float32)
halves_at = _pointer(types.uint16)

LOG2_E = np.float32(1.44269504)
ROUNDING = np.float32(1.5 * 2**23)
"""Added to a number below 2**22, it leaves the nearest integer in the lowest bits; subtracted again, as a number."""

# The logarithm of 2 in two parts, the first of 10 bits, so that its product with such an integer is exact.
_LN2_UPPER = np.float32(-0.693359375)
_LN2_LOWER = np.float32(2.12194440e-4)

# The polynomial of degree 6 with the least greatest relative error, 1.9e-9, for the exponential of at most half the
# logarithm of 2; by the algorithm of Remez.
_0, _1, _2 = np.float32(1.0), np.float32(1.0), np.float32(0.49999991059303284)
_3, _4 = np.float32(0.16666419804096222), np.float32(0.041668232530355453)
_5, _6 = np.float32(0.008374898694455624), np.float32(0.0013836742145940661)


@kernel(types.float32(types.float32, types.float32))
def exponential(value: Any, rounding: Any) -> Any:
    """Return e ** value * 2 ** -scale, to 1e-7 of itself.

    Without a check: what is beyond the range of the result gets any bits at all.

    Args:
        value: float32, within 256 + 128 of 0.
        rounding: float32, ROUNDING - scale for an integer scale that leaves the exponent in the range of float32.
    """
    # Cody and Waite, Software Manual for the Elementary Functions, chapter 6. No step is smaller for having the
    # power of two subtracted beforehand, as `value - largest` would be: that rounding alone costs 5e-7 at 12.
    rounded = _fused_sum(value, LOG2_E, rounding)
    whole = rounded - rounding
    rest = _fused_sum(whole, _LN2_LOWER, _fused_sum(whole, _LN2_UPPER, value))
    power = _fused_sum(_6, rest, _5)
    power = _fused_sum(power, rest, _4)
    power = _fused_sum(power, rest, _3)
    power = _fused_sum(power, rest, _2)
    power = _fused_sum(power, rest, _1)
    power = _fused_sum(power, rest, _0)
    # The integer, and with it nothing else of `rounded`, moves into the exponent.
    exponent = np.int32(np.float32(rounded).view(np.int32) << np.int32(23))
    return np.int32(np.float32(power).view(np.int32) + exponent).view(np.float32)
