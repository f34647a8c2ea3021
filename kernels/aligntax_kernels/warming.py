"""Compiles all kernels ahead of the first request: several at a time, by way of numba's cache."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

__all__ = ["KERNELS", "warm"]

# The quickest one to compile first: it tells whether the cache is filled.
KERNELS = ("tokens", "entropy", "fold", "linear", "literals", "pii", "secrets")

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 600
_PROGRAM = "import sys, importlib; importlib.import_module('aligntax_kernels.' + sys.argv[1]).warm()"


def warm(kernels: Iterable[str] = KERNELS, *, processes: int | None = None) -> dict[str, float]:
    """Compile kernels now, and return how many seconds it took to make each ready in this process.

    numba compiles in one thread. Where the first kernel turns out not to be in numba's cache and there are processors
    to spare, other processes compile the rest, and this one loads what they put into the cache. Where that cannot be
    written their work is lost, but nothing else.

    Args:
        kernels: names of kernels; all of them by default.
        processes: how many compile at a time; as many as there are processors by default. With 1, no process is
            started and everything is compiled in this one.

    Raises:
        TypeError: for one name that is not in a list.
        ValueError: for an unknown kernel, or fewer processes than 1.
    """
    if isinstance(kernels, str):
        raise TypeError(f"kernels: got one str; pass a list of names, such as [{kernels!r}]")
    names = list(dict.fromkeys(kernels))
    for name in names:
        if name not in KERNELS:
            raise ValueError(f"kernel {name!r} is unknown; use {', '.join(map(repr, KERNELS))}")
    count = len(os.sched_getaffinity(0)) if processes is None else processes
    if count < 1:
        raise ValueError(f"processes={processes} is too small; use at least 1")
    from aligntax_kernels.compilation import compiled_anew

    seconds: dict[str, float] = {}
    for name in names:
        before, start = compiled_anew(), time.perf_counter()
        import_module(f"aligntax_kernels.{name}").warm()
        seconds[name] = time.perf_counter() - start
        others = [other for other in names if other not in seconds]
        if len(seconds) == 1 and compiled_anew() > before and count > 1 and others:
            with ThreadPoolExecutor(min(count, len(others))) as pool:
                list(pool.map(_warm_elsewhere, others))
    return seconds


def _warm_elsewhere(name: str) -> None:
    """Compile one kernel in a process of its own; if that fails, this process will compile it and say why."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}
    try:
        # -P: the folder that a server happens to run in is no place to import from, unless it does so itself.
        finished = subprocess.run(  # noqa: S603 (this interpreter, and a name from KERNELS)
            [sys.executable, "-P", "-c", _PROGRAM, name],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s could not be compiled ahead: %r", name, error)
        return
    if finished.returncode:
        logger.warning("%s could not be compiled ahead: %s", name, finished.stderr.strip().rpartition("\n")[2])
