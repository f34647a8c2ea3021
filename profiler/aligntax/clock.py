"""Nanosecond clocks, and what reading them costs.

A clock is any callable that returns integer nanoseconds and never runs backwards. The wall clock is a
parameter everywhere, so that a test can put a `FakeClock` in its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]

wall_clock: Clock = time.perf_counter_ns
thread_cpu_clock: Clock = time.thread_time_ns


def read_cost_ns(clock: Clock, reads: int = 256, rounds: int = 25) -> float:
    """Return what one read of `clock` costs, in nanoseconds: the fastest of `rounds` averages over `reads`.

    The fastest round is the one that nothing else disturbed; preemption and frequency changes only add.
    """
    fastest = float("inf")
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(reads):
            clock()
        fastest = min(fastest, (time.perf_counter_ns() - start) / reads)
    return fastest
