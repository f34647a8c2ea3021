"""The longest pauses of threads that record as fast as they can: alone, beside scrapes, beside any busy thread.

Python threads take turns of 5 ms, so with four of them gaps of 15 ms are normal without any scrape. The third arm, a
fifth thread that only spins, takes its turns as the scraping thread does, but touches nothing of the profiler: what
gaps beside scrapes are longer than beside that thread would be waiting for the scrape itself.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter_ns
from typing import Any

import measure
import numpy as np
import result
from measure import Float64Array
from result import Row

from aligntax import Profiler

THREADS = 4
TAIL = 0.9999
ALONE, SCRAPED, SPUN = "no scrape", "scrapes without a pause", "a thread that only spins"


class Stalls:
    """Measures the gaps between two recordings of one thread.

    Args:
        profiler, guards: what is recorded, and with what; all guards in each request.
        scrape: makes one scrape.
        seconds: how long each arm runs in each round.

    Attributes:
        counts: by arm, how many layers were recorded, and how many scrapes made, in all rounds.
    """

    def __init__(
        self,
        profiler: Profiler,
        guards: Sequence[Callable[[str], str]],
        scrape: Callable[[], object],
        seconds: float,
    ) -> None:
        self._profiler = profiler
        self._guards = guards
        self._seconds = seconds
        self._beside: dict[str, Callable[[], object] | None] = {ALONE: None, SCRAPED: scrape, SPUN: lambda: None}
        self._tails_ms: dict[str, list[float]] = defaultdict(list)
        self.counts: dict[str, Counter[str]] = {arm: Counter() for arm in self._beside}

    def rows(self, rounds: int) -> list[Row]:
        """Return the largest gap of a round and the gap that one in 10,000 exceeds, beside scrapes and without."""
        largest = measure.interleave({arm: partial(self._round, arm) for arm in self._beside}, rounds)
        # `interleave` threw its first round away.
        tails = {arm: np.array(values[1:]) for arm, values in self._tails_ms.items()}
        return [
            row
            for what, said in (("largest gap between recordings", largest), ("gap that 1 in 10,000 exceeds", tails))
            for row in self._compared(what, said)
        ]

    def _compared(self, what: str, said: dict[str, Float64Array]) -> list[Row]:
        case = f"{what}, {THREADS} threads, {SCRAPED}"
        return [result.compared(case, said[SCRAPED], peer, said[peer], "ms") for peer in (ALONE, SPUN)]

    def _round(self, arm: str) -> float:
        stop = threading.Event()
        moments = [array("q") for _ in range(THREADS)]
        threads = [threading.Thread(target=self._record, args=(stop, each)) for each in moments]
        work = self._beside[arm]
        if work is not None:
            threads.append(threading.Thread(target=self._repeat, args=(stop, work, self.counts[arm])))
        for thread in threads:
            thread.start()
        stop.wait(self._seconds)
        stop.set()
        for thread in threads:
            thread.join()
        gaps_ms = np.concatenate([np.diff(np.array(each, dtype=np.int64)) for each in moments]) / 1e6
        self.counts[arm]["recordings"] += sum(map(len, moments))
        self._tails_ms[arm].append(float(np.quantile(gaps_ms, TAIL)))
        return float(gaps_ms.max())

    def _record(self, stop: threading.Event, moments: Any) -> None:
        while not stop.is_set():
            with self._profiler.request():
                for guard in self._guards:
                    guard("text")
                    moments.append(perf_counter_ns())

    def _repeat(self, stop: threading.Event, work: Callable[[], object], counts: Counter[str]) -> None:
        while not stop.is_set():
            work()
            counts["turns"] += 1
