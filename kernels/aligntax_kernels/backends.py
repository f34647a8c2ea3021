"""Which implementation of a kernel runs: one choice, made the same way by all of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Literal

__all__ = ["Backend", "implementation"]

Backend = Literal["auto", "reference", "cpu", "cuda"]


@cache
def implementation(package: str, backend: str, offered: tuple[str, ...] = ("reference", "cpu")) -> ModuleType:
    """Return the module `package.backend`, imported on first use, because numba is slow to import.

    Args:
        package: the kernel's own package, its `__name__`.
        backend: what the caller asked for; `"auto"` is the compiled CPU version, which wins at every size.
        offered: the backends that the kernel has.

    Raises:
        ValueError: for a backend that is unknown, or that this kernel does not have.
        ImportError: for `"cuda"` without numba's CUDA target; names the install command.
    """
    if backend != "auto" and backend not in offered:
        names = ", ".join(repr(name) for name in ("auto", *offered))
        raise ValueError(f"backend {backend!r} is unknown here; use one of {names}")
    return import_module(f"{package}.{'cpu' if backend == 'auto' else backend}")
