"""What `import aligntax` costs a program that starts, and what it brings along.

The package looks its names up on first use, so that the bare import says little; the import of `Profiler` is what a
program that measures anything pays.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from time import perf_counter_ns

import measure
import result
from result import Result

ROUNDS, QUICK_ROUNDS = 41, 5
LIMIT_MS = 60
RESOLUTION_MS = 0.01
EMPTY = "pass"
OURS = ("import aligntax", "from aligntax import Profiler")
PEERS = ("import numpy", "import prometheus_client", "import opentelemetry.sdk.trace")
HEAVY = ("torch", "onnxruntime", "numba", "pynvml", "rich", "prometheus_client", "matplotlib", "plotly")


def run(quick: bool) -> Result:
    """Start interpreters in turns, with and without each import."""
    brought = {program: _heavy_modules(program) for program in OURS}
    programs = (EMPTY, *OURS, *PEERS)
    said = measure.interleave(
        {program: partial(_milliseconds, program) for program in programs}, QUICK_ROUNDS if quick else ROUNDS
    )
    more = {program: said[program] - said[EMPTY] for program in (*OURS, *PEERS)}
    whole = OURS[-1]
    return Result(
        [
            result.limited(OURS[0], measure.median(more[OURS[0]]), LIMIT_MS, "ms", RESOLUTION_MS),
            *(result.compared(whole, more[whole], peer, more[peer], "ms") for peer in PEERS),
        ],
        not any(brought.values()),
        {"heavy_modules_loaded": brought, "empty_interpreter_ms": measure.median(said[EMPTY]).median},
    )


def _milliseconds(program: str) -> float:
    start_ns = perf_counter_ns()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (perf_counter_ns() - start_ns) / 1e6


def _heavy_modules(program: str) -> list[str]:
    """Return which of the heavy packages a program loads."""
    listing = f"{program}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    finished = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True)
    found: list[str] = json.loads(finished.stdout)
    return found
