"""The CUDA target of numba, whichever of its three homes is installed; the one module that imports it.

Development moves from numba's built-in `numba.cuda` by way of numba-cuda, which takes the same name over, to
numba-cuda-mlir. The simulator, chosen by NUMBA_ENABLE_CUDASIM=1 before numba is first imported, stands in for all of
them; its device memory is the CPU's. Importing this module where none can run raises ImportError with the mend.

    @kernel                                           # compiled on the first launch, or loaded from the disk cache
    def add_one(values): i = cuda.grid(1); ...
    values = device_array(tensor, "logits")           # no copy and no wait
    launch(add_one, blocks, threads, tensor, values)  # on torch's current stream of the tensor's device

Functions that kernels call are decorated with `cuda.jit(device=True)`. Integers from an array are converted with
`np.int64(...)` before they are computed with: under the simulator they are numpy's scalars, which overflow.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from numba.core import config

from aligntax_kernels.arrays import shared_values

__all__ = ["IS_SIMULATED", "cuda", "device_array", "kernel", "launch"]

logger = logging.getLogger(__name__)

IS_SIMULATED: bool = bool(getattr(config, "ENABLE_CUDASIM"))  # noqa: B009 (set at run time, and unknown to mypy)
"""Whether kernels run in the interpreter, on numpy arrays and CPU tensors."""


def _target() -> Any:
    """Return the module that offers `jit`, `grid` and the rest, once it is known to reach a device."""
    target = None
    if not IS_SIMULATED:
        try:
            target = import_module("numba_cuda_mlir.cuda")
        except ModuleNotFoundError as error:
            if error.name not in ("numba_cuda_mlir", "numba_cuda_mlir.cuda"):
                raise
    if target is None:
        target = import_module("numba.cuda")
    if not target.is_available():
        reason = " ".join(str(target.cuda_error() or "NVVM, its compiler, is missing").split())
        raise ImportError(
            f"{target.__name__} finds no CUDA device that it can compile for ({reason}); check "
            "the NVIDIA driver, and install the compiler with: pip install 'aligntax[cuda]'"
        )
    return target


cuda: Any = _target()


def kernel(function: Callable[..., None]) -> Any:
    """Compile a function for the device on its first launch; from numba's disk cache where there is a usable one."""
    try:
        return cuda.jit(cache=True)(function)
    except Exception as error:
        # As for the CPU kernels: a place that cannot be written must not stop the import.
        logger.info("%s.%s is compiled anew by every process: %r", function.__module__, function.__qualname__, error)
    return cuda.jit(function)


def device_array(value: Any, name: str, *, bits: bool = False) -> Any:
    """Return what a kernel takes for a tensor: an array on the same memory, without waiting for any stream.

    Args:
        value: a torch tensor on a CUDA device; under the simulator a numpy array or a tensor on the CPU.
        name: what the caller calls it, for the message of an error.
        bits: the elements as unsigned integers of their size, which is the only way to see a bfloat16.

    Raises:
        TypeError: for a value that lies elsewhere, is no tensor, requires grad, or has a type that numba lacks.
    """
    if IS_SIMULATED:
        array, dtype = shared_values(value, name)
        if dtype == "bfloat16" and not bits:
            raise TypeError(f"{name}: numba has no bfloat16; ask for its bits, and widen them in the kernel")
        # Given an array itself, the simulator would copy it to and fro, and refuse one with gaps.
        return _simulated()(array.view(f"u{array.itemsize}") if bits else array)
    tensor_type = getattr(sys.modules.get("torch"), "Tensor", None)
    if tensor_type is None or not isinstance(value, tensor_type):
        raise TypeError(f"{name}: got a {type(value).__name__}; pass a torch tensor on a CUDA device")
    if not value.is_cuda:
        raise TypeError(f"{name}: the tensor is on {value.device}; move it with .cuda(), or use backend='cpu'")
    if value.requires_grad:
        raise TypeError(f"{name}: the tensor requires grad, and autograd would not see the change; pass .detach()")
    if value.is_neg():  # a lazily negated view, whose memory holds the opposite of what it means
        raise TypeError(f"{name}: the tensor is a negated view; pass the result of .resolve_neg()")
    size = value.element_size()
    kind = f"<u{size}" if bits else _TYPES.get(str(value.dtype))
    if kind is None:
        raise TypeError(f"{name}: numba has no {value.dtype}; ask for its bits, or convert it with .float()")
    strides = tuple([step * size for step in value.stride()])
    return _described(value.device.index, value.data_ptr(), tuple(value.shape), strides, kind)


_TYPES = {
    "torch.float16": "<f2",
    "torch.float32": "<f4",
    "torch.float64": "<f8",
    "torch.int32": "<i4",
    "torch.int64": "<i8",
    "torch.uint8": "|u1",
}


@cache
def _simulated() -> Any:
    """Return the simulator's type of arrays on a device."""
    return type(cuda.device_array(1))


class _Memory:
    """What numba asks of memory on a device. It owns nothing: the tensor that is passed to the launch does."""

    __slots__ = ("__cuda_array_interface__",)

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__cuda_array_interface__ = interface


@lru_cache(maxsize=1024)
def _described(index: int, address: int, shape: tuple[int, ...], strides: tuple[int, ...], kind: str) -> Any:
    # numba takes about 10 us to describe a tensor, and torch's allocator gives the next step the memory of the last.
    interface = {"shape": shape, "strides": strides, "typestr": kind, "data": (address, False), "version": 3}
    with _device(index):
        # The launch is queued on torch's own current stream, behind the work that made the tensor: no need to wait.
        return cuda.as_cuda_array(_Memory(interface), sync=False)


def launch(compiled: Any, blocks: Any, threads: int, like: Any, *arguments: Any) -> None:
    """Queue a kernel behind what torch has queued on the device of `like`; returns before it has run.

    Args:
        compiled: what `kernel` returned.
        blocks: how many blocks, or a tuple of up to three such numbers; at least 1 each.
        threads: threads in a block.
        like: the tensor (or under the simulator the array) whose device and current stream are meant.
        arguments: numbers and what `device_array` returned. An array costs a launch 1 to 2 us: three at most.
    """
    if IS_SIMULATED:
        compiled[blocks, threads](*arguments)
        return
    index = like.device.index
    with _device(index):
        compiled[blocks, threads, _stream(index, _current_stream(like.device))](*arguments)


def _current_stream(device: Any) -> int:
    handle: int = sys.modules["torch"].cuda.current_stream(device).cuda_stream
    return handle


@cache
def _stream(index: int, handle: int) -> Any:  # noqa: ARG001 (the default stream of each device has the handle 0)
    # One object for each stream: numba keeps a launch configuration for each, and knows streams by identity.
    # The default stream is no pointer that can be wrapped.
    return cuda.external_stream(handle) if handle else cuda.default_stream()


def _device(index: int) -> AbstractContextManager[Any]:
    """Return a context in which `index` is the current device; numba's is that of the thread, torch's another."""
    device: AbstractContextManager[Any] = cuda.gpus[index]
    return device if len(cuda.gpus) > 1 else nullcontext()
