"""What a guard takes before its first request: time to be ready, memory that stays, and the packages that it loads.

Each guard is made in a process of its own, which imports this module: nothing heavy belongs at its top.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aligntax.experiment.children import child, end_with_parent

__all__ = ["RUNS", "Footprint", "measure_footprint"]

RUNS = 3
PATIENCE_SECONDS = 300.0
_NAMED = "ALIGNTAX-FOOTPRINT "
_FOUND = re.compile(rf"^{_NAMED}(\{{.*\}})$")
_STATM = Path("/proc/self/statm")
_TEXT = "The quick brown fox jumps over the lazy dog."


class Footprint(NamedTuple):
    """What a guard took, each the median of `RUNS` fresh processes.

    Attributes:
        name: of the guard.
        ready_seconds: from its table to the end of its first call, its imports included, its kernels compiled before.
        compile_seconds: how much longer that takes where no kernel was compiled before; once. None where it has none.
        memory_bytes: resident, more than before; None where the machine does not tell.
        packages: top-level modules that it loaded.
        module: that its class or function is from.
        called: whether it could be called once; a guard of logits cannot, without a model.
    """

    name: str
    ready_seconds: float
    compile_seconds: float | None
    memory_bytes: float | None
    packages: tuple[str, ...]
    module: str
    called: bool


def measure_footprint(config: Path, number: int, go_on: Callable[[], bool] = lambda: True) -> Footprint:
    """Make one guard of a configuration in fresh processes, and return what it took.

    The first of them finds an empty cache of compiled kernels, and fills it for the others.

    Args:
        config: file with a list of guards.
        number: of the guard, from 0.
        go_on: is asked now and then.

    Raises:
        RuntimeError: if the guard cannot be made; says why.
        KeyboardInterrupt: if `go_on` says no.
    """
    with tempfile.TemporaryDirectory(prefix="aligntax-kernels-") as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        runs: list[dict[str, Any]] = []
        for _ in range(RUNS + 1):
            with child(__name__, [str(config), str(number)], _FOUND, environment=environment) as process:
                runs.append(json.loads(process.wait(PATIENCE_SECONDS, go_on)[1]))
    first, *warm = runs
    ready = statistics.median(run["ready_seconds"] for run in warm)
    memory = [run["memory_bytes"] for run in warm]
    return Footprint(
        first["name"],
        ready,
        first["ready_seconds"] - ready if "numba" in first["packages"] else None,
        None if None in memory else statistics.median(memory),
        tuple(first["packages"]),
        first["module"],
        bool(first["called"]),
    )


def _resident_bytes() -> int | None:
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _probe(arguments: Sequence[str]) -> None:
    import aligntax.guards.configuration as configuration

    path, number = Path(arguments[0]), int(arguments[1])
    table = configuration.read_table(path)["guards"][number]
    loaded, resident, start = {*sys.modules}, _resident_bytes(), time.perf_counter()
    guard = configuration.from_table(table, source=path)
    called = guard.stage != "decode"
    if called:
        _call(guard)
    seconds, after = time.perf_counter() - start, _resident_bytes()
    function = getattr(guard, "function", None) or type(guard)
    use = str(table["use"])
    module = use.partition(":")[0] if ":" in use else str(getattr(function, "__module__", ""))
    data = {
        "name": guard.name,
        "ready_seconds": seconds,
        "memory_bytes": None if resident is None or after is None else after - resident,
        "packages": sorted(filter(_is_file, {name.partition(".")[0] for name in {*sys.modules} - loaded})),
        "module": module,
        "called": called,
    }
    sys.stdout.write(f"\n{_NAMED}{json.dumps(data)}\n")
    sys.stdout.flush()
    os._exit(0)  # threads that a guard has started may never end


def _is_file(package: str) -> bool:
    """Return whether a module was read from somewhere, and not made up by another one."""
    return bool(
        getattr(sys.modules.get(package), "__file__", None) or getattr(sys.modules.get(package), "__path__", None)
    )


def _call(guard: Any) -> None:
    import inspect

    found = guard(_TEXT)
    if inspect.isawaitable(found):
        import asyncio

        async def awaited() -> None:
            await found

        asyncio.run(awaited())


if __name__ == "__main__":
    end_with_parent()
    try:
        _probe(sys.argv[1:])
    except (Exception, SystemExit) as error:
        sys.exit(f"{type(error).__name__}: {error}")
