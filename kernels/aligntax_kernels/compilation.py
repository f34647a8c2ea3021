"""The compile options that every CPU kernel shares, in one decorator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

_compiled_anew: list[str] = []


def compiled_anew() -> int:
    """Return how many kernels this process has compiled so far, and not loaded from numba's cache."""
    return len(_compiled_anew)


def kernel(*signatures: Any, nogil: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function ahead for `signatures`, from numba's disk cache where there is a usable one.

    Never parallel: numba's default threading layer aborts the process when two threads enter it at once, and
    servers have thread pools. Explicit signatures put all compilation where the decorated module is imported; an
    argument of another type raises TypeError instead of compiling in the middle of a request.

    Args:
        signatures: numba signatures, one for each combination of array types that the function is called with.
        nogil: release the GIL while it runs. Only for long runs: getting it back from a busy thread can
            take the interpreter's whole switch interval, 5 ms, which a short run would rather not pay.

    Returns:
        A decorator; what it returns is called like the function.

    Raises:
        numba.core.errors.NumbaError: by the decorator, where numba cannot compile the function.
    """

    def compiled(function: Callable[P, R], *, cache: bool) -> Callable[P, R]:
        # Neither checks for a division by zero nor entries from C are ever used; both take a tenth of the time.
        options: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
        dispatcher = numba.njit(list(signatures), nogil=nogil, cache=cache, **options)(function)
        stats = getattr(dispatcher, "stats", None)  # None where numba is switched off
        if stats is not None and sum(stats.cache_hits.values()) < len(signatures):
            _compiled_anew.append(function.__qualname__)
        kept: Callable[P, R] = dispatcher
        return kept

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        # numba gives up on the whole import where no cache location is writable, where the disk is full or where
        # an entry is damaged, each with an error of its own. All are caught, and none is hidden: a fault of the
        # function itself comes back from the second attempt.
        try:
            return compiled(function, cache=True)
        except Exception as error:
            logger.info(
                "%s.%s is compiled anew by every process: numba's cache failed with %r; "
                "point NUMBA_CACHE_DIR to an empty, writable directory",
                function.__module__,
                function.__qualname__,
                error,
            )
        return compiled(function, cache=False)

    return decorate


def direct(dispatcher: Callable[P, R]) -> Callable[P, R]:
    """Return the compiled function of a kernel with one signature, without numba's search for the right one.

    The search takes about 120 ns of a call, more than a short text takes to scan. What remains converts each argument
    to the one declared type and raises TypeError where it cannot; an array of another dtype is NOT noticed.

    Raises:
        ValueError: if the kernel was compiled for more than one signature.
    """
    overloads = getattr(dispatcher, "overloads", None)
    if overloads is None:  # numba is switched off (NUMBA_DISABLE_JIT), and this is the Python function
        return dispatcher
    if len(overloads) != 1:
        raise ValueError(f"{dispatcher!r} has {len(overloads)} signatures; declare one")
    (compiled,) = overloads.values()
    entry: Callable[P, R] = compiled.entry_point
    return entry
