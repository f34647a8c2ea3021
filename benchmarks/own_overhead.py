"""What recording a call costs, as the target of `aligntax bench`: the instrument itself is the guard.

The model reads the clock twice around each of many calls, which every instrument must do. The guard has as many calls
timed by a profiler. So the tax relative to raw is what the instrument costs in units of that floor, on any machine:

    aligntax bench benchmarks.own_overhead:pipeline --no-cold --json own_overhead.json
    aligntax gate own_overhead.json --budget benchmarks/own_overhead.toml
"""

from __future__ import annotations

from time import perf_counter_ns

from aligntax import Profiler

CALLS = 2_000

prompts = ["a prompt"]


def _nothing(text: str) -> str:
    return text


_instrument = Profiler(drain_seconds=0, queue_size=1, keep_requests=0)
_timed = _instrument.guard(_nothing, name="nothing")


def _record(text: str) -> str:
    with _instrument.request():
        for _ in range(CALLS):
            _timed(text)
    return text


def _read_clocks(text: str) -> str:
    spans: list[int] = []
    for _ in range(CALLS):
        start_ns = perf_counter_ns()
        _nothing(text)
        spans += (start_ns, perf_counter_ns())
    return text


_profiler = Profiler(drain_seconds=0)
_floor = _profiler.model(_read_clocks, name="two clock reads a call")
_guard = _profiler.guard(_record, name="instrument", bypass=_nothing)


def pipeline(prompt: str) -> str:
    """Read clocks, then have the same calls recorded."""
    with _profiler.request():
        return _guard(_floor(prompt))


pipeline.profiler = _profiler  # type: ignore[attr-defined]  # both profilers see calls
