"""`bytes` as an argument of kernels: where they are and how many, and nothing else."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import NativeValue, intrinsic, models, overload, register_model, unbox

__all__ = ["TEXT", "Text"]


class Text(types.Type):
    """`bytes` of a caller, who holds them for as long as the kernel runs.

    numba's own type of `bytes` asks for a buffer, counts a reference and keeps strides: 40 ns of a call, 3 here. An
    integer costs 35.
    """

    def __init__(self) -> None:
        super().__init__(name="Text")


TEXT = Text()
"""The type of `bytes` in a signature."""


@register_model(Text)
class _TextModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("data", types.voidptr), ("size", types.intp)])  # type: ignore[no-untyped-call]


@unbox(Text)  # type: ignore[no-untyped-call,untyped-decorator]
def _unbox(kind: Any, obj: Any, c: Any) -> Any:
    """Read address and size through `PyBytes_AsStringAndSize`, which raises TypeError for anything but `bytes`."""
    word = ir.IntType(cgutils.intp_t.width)
    pointer = ir.IntType(8).as_pointer()
    of_data = cgutils.alloca_once(c.builder, pointer)  # type: ignore[no-untyped-call]
    of_size = cgutils.alloca_once(c.builder, word)  # type: ignore[no-untyped-call]
    signature = ir.FunctionType(ir.IntType(32), [pointer, pointer.as_pointer(), word.as_pointer()])
    read = cgutils.get_or_insert_function(c.builder.module, signature, "PyBytes_AsStringAndSize")  # type: ignore[no-untyped-call]
    failed = c.builder.icmp_signed("!=", c.builder.call(read, [obj, of_data, of_size]), ir.Constant(ir.IntType(32), 0))
    text = cgutils.create_struct_proxy(kind)(c.context, c.builder)  # type: ignore[no-untyped-call]
    text.data = c.builder.load(of_data)
    text.size = c.builder.load(of_size)
    return NativeValue(text._getvalue(), is_error=failed)  # type: ignore[no-untyped-call]


def _size_of(typing_context: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).size  # type: ignore[no-untyped-call]

    return types.intp(value), generate


_size: Any = intrinsic(_size_of)


@overload(len)
def _len(value):  # type: ignore[no-untyped-def]  # numba compares the annotations with those of the lambda
    return (lambda value: _size(value)) if isinstance(value, Text) else None
