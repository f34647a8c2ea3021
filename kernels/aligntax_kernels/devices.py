"""Kernels that a CUDA device runs too: where a call is carried out, and compiling for both kinds of device ahead."""

from __future__ import annotations

import time
from typing import Any

from aligntax_kernels.arrays import is_on_cuda
from aligntax_kernels.backends import Backend, implementation

__all__ = ["OFFERED", "backend_for", "warm_backends"]

OFFERED = ("reference", "cpu", "cuda")
"""What `implementation` is told of such a kernel."""


def backend_for(backend: Backend, value: Any) -> Backend:
    """Return `"cuda"` where the choice is left to the device of `value` and that is one, or else what was asked for."""
    return "cuda" if backend == "auto" and is_on_cuda(value) else backend


def warm_backends(package: str, *, cuda: bool) -> float:
    """Compile a kernel for the CPU, and with `cuda` for the current CUDA device; return how many seconds that took.

    Raises:
        ImportError: with `cuda`, where no CUDA device can be used; names the install command.
    """
    start = time.perf_counter()
    for backend in ("cpu", "cuda") if cuda else ("cpu",):
        implementation(package, backend, OFFERED).warm()
    return time.perf_counter() - start
