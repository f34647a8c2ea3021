"""Arrays as the callers hold them, seen through numpy without a copy."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tensor", "is_on_cuda", "shared_array", "shared_values"]


class Tensor(Protocol):
    """What is used of a torch tensor; torch itself is never imported here."""

    @property
    def dtype(self) -> Any:
        """Element type."""

    @property
    def device(self) -> Any:
        """Where the memory lies."""

    @property
    def requires_grad(self) -> bool:
        """Whether autograd records what is done to the tensor."""

    def numpy(self) -> NDArray[Any]:
        """Return an array on the same memory, or raise."""

    def view(self, dtype: Any) -> Tensor:
        """Return a tensor on the same memory that takes its bits for another type of the same size."""


def is_on_cuda(value: Any) -> bool:
    """Return whether `value` is a torch tensor on a CUDA device."""
    tensor_type: Any = getattr(sys.modules.get("torch"), "Tensor", ())
    return isinstance(value, tensor_type) and bool(value.is_cuda)


def shared_array(value: NDArray[Any] | Tensor, name: str) -> NDArray[Any]:
    """Return a numpy array on the memory of `value`: what is written to the one is seen in the other.

    Args:
        value: a numpy array, or a torch tensor on the CPU that does not require grad.
        name: what the caller calls it, for the message of an error.

    Raises:
        TypeError: for anything else, a list included: a conversion would copy, and the writes would be lost.
    """
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    # Whoever holds a tensor has imported torch. Not `np.from_dlpack`: before numpy 2.1 its arrays are read-only.
    # Not `__array__` either: other libraries answer it with a copy.
    tensor_type = getattr(sys.modules.get("torch"), "Tensor", None)
    if tensor_type is None or not isinstance(value, tensor_type):
        raise TypeError(f"{name}: got a {type(value).__name__}; pass a numpy array or a torch tensor on the CPU")
    try:
        array: NDArray[Any] = value.numpy()
    except (TypeError, RuntimeError) as error:
        raise TypeError(_why_not_shared(value, name, error)) from error
    return array


def shared_values(value: NDArray[Any] | Tensor, name: str) -> tuple[NDArray[Any], str]:
    """Return a numpy array on the memory of `value`, and the name of the type of its elements.

    As `shared_array`, and torch's bfloat16 too, for which numpy has no type: the array is then of int16, each element
    the bits of a bfloat16. A type whose bytes are swapped has numpy's short name for it (">f4"), never the plain one.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None and getattr(value, "dtype", None) is getattr(torch, "bfloat16", torch):
        return _bfloat16_bits(value, name, torch.int16), "bfloat16"
    array = shared_array(value, name)
    dtype = array.dtype
    return array, _NAMES.get(dtype) or (dtype.name if dtype.isnative else dtype.str)


def _bfloat16_bits(tensor: Any, name: str, integer: Any) -> NDArray[np.int16]:
    if tensor.requires_grad:  # the view would be refused under the name of its own type
        raise TypeError(_why_not_shared(tensor, name, TypeError("bfloat16")))
    try:
        return shared_array(tensor.view(integer), name)
    except RuntimeError as error:
        raise TypeError(_why_not_shared(tensor, name, error)) from error


# numpy makes the name of a type anew each time, in a microsecond.
_NAMES = {np.dtype(name): name for name in ("float16", "float32", "int32", "int64")}


def _why_not_shared(tensor: Tensor, name: str, error: Exception) -> str:
    if tensor.requires_grad:
        return (
            f"{name}: the tensor requires grad, and autograd would not see the change; "
            f"pass {name}.detach(), or run the model under torch.inference_mode()"
        )
    if tensor.device.type != "cpu":
        return (
            f"{name}: the tensor is on {tensor.device}, out of the CPU's reach; pass a copy made by .cpu() and use that"
        )
    return (
        f"{name}: got a {tensor.dtype} tensor that numpy cannot view ({error}); "
        f"pass a dense copy in a type that numpy has, made for logits by .float(), and use that"
    )
