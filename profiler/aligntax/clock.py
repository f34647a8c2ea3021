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


def unix_offset_ns(clock: Clock, tries: int = 9) -> int:
    """Return what makes Unix time, in nanoseconds, of a reading of `clock` when it is added.

    Taken once and kept, it makes times that never run backwards and keep their distances, whatever happens to the
    system's time meanwhile. So they do not follow when that is set, nor does `wall_clock` run while a machine sleeps.

    The try in which the least time went by between two readings of `clock` is the one that counts.
    """
    narrowest, offset_ns = -1, 0
    for _ in range(tries):
        before_ns = clock()
        unix_ns = time.time_ns()
        width_ns = clock() - before_ns
        if narrowest < 0 or width_ns < narrowest:
            narrowest, offset_ns = width_ns, unix_ns - before_ns - width_ns // 2
    return offset_ns


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
