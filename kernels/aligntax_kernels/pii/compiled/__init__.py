"""The matchers, compiled by numba when they are imported.

numba's cache looks at the file of a function only, and not at those of the functions in it: after a change to one of
these, remove the `__pycache__` folders of the package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

from aligntax_kernels.compilation import logger

__all__ = ["part"]

P = ParamSpec("P")
R = TypeVar("R")


def part(*signatures: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function that only other kernels call, as `compilation.kernel` does, but without an entry from Python.

    The two entries take a fifth of the time of compiling a short function, and there are more than forty of them here.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
        try:
            compiled: Callable[P, R] = numba.njit(list(signatures), cache=True, **options)(function)
        except Exception as error:
            # As in `compilation.kernel`, whose message about the search itself says what to do.
            logger.info("%s.%s: numba's cache failed with %r", function.__module__, function.__qualname__, error)
            compiled = numba.njit(list(signatures), **options)(function)
        return compiled

    return decorate
