"""How long it takes until every kernel is ready: with nothing in numba's cache, and with everything in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
import numpy as np
import result
from measure import Estimate
from result import Result

EMPTY_ROUNDS, FILLED_ROUNDS, QUICK_ROUNDS = 6, 9, 1  # fewer than six have no 95 % interval
EMPTY_SECONDS, FILLED_SECONDS = 20.0, 2.0
_PROGRAM = """
import json, time
start = time.perf_counter()
import aligntax_kernels
kernels = aligntax_kernels.warm()
print(json.dumps({"seconds": time.perf_counter() - start, "kernels": kernels}))
"""


def run(quick: bool) -> Result:
    """Start processes that warm up everything, each of the first ones with a cache folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        caches = [Path(folder) / str(number) for number in range(QUICK_ROUNDS if quick else EMPTY_ROUNDS)]
        empty = [_warm(cache) for cache in caches]
        filled = [_warm(caches[0]) for _ in range(QUICK_ROUNDS if quick else FILLED_ROUNDS)]
    return Result(
        [
            result.limited("all kernels, from an empty cache", _seconds(empty), EMPTY_SECONDS, "s", 0.01),
            result.limited("all kernels, from a filled cache", _seconds(filled), FILLED_SECONDS, "s", 0.01),
        ],
        True,
        {"from_a_filled_cache": filled[-1]["kernels"], "versions": result.versions("numba", "llvmlite")},
    )


def _seconds(runs: list[dict[str, float]]) -> Estimate:
    return measure.median(np.array([run["seconds"] for run in runs]))


def _warm(cache: Path) -> dict[str, float]:
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, float] = json.loads(finished.stdout)
    return said
