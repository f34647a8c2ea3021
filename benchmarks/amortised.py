"""What a layer costs with everything that comes after it: its part of the drain, of metering, and of the scrapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any

from measure import Arm, Float64Array, own_code
from shapes import TEXT

from aligntax import Profiler
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.scrape import booked_scrape, read_families

REQUESTS = 256
FEW, MANY = 8, 64
SCRAPE_SECONDS = 15
LOADS = (10, 100, 1_000)
"""Requests a second, of FEW layers each, among which the cost of a scrape is divided; the last is the headline's."""


class Amortised:
    """Requests of a few and of many layers, bare and profiled: the slope between them is what one layer costs.

    The profilers are as in production, with CPU time metered in a hundredth of the requests; but they drain on the
    thread that serves, within the time that is measured, so that nothing of the drain can hide on another core.

    Attributes:
        arms: what to measure, by name; nanoseconds a request, and nanoseconds of one scrape.
    """

    def __init__(self) -> None:
        self.profilers = {width: Profiler(drain_seconds=0) for width in (FEW, MANY)}
        self.arms: dict[str, Arm] = {"scrape": self._scrape}
        self._exposition = Exposition()
        for width, profiler in self.profilers.items():
            guards = [_new_guard() for _ in range(width)]
            wrapped = [profiler.guard(guard, name=f"guard {number}") for number, guard in enumerate(guards)]
            self.arms |= {f"bare {width}": _bare(guards), f"profiled {width}": _profiled(profiler, wrapped)}

    def agrees(self) -> bool:
        """Return whether a round of requests leaves every one of its requests and layer calls in the ledger."""
        agreed = True
        for width, profiler in self.profilers.items():
            calls, requests = int(profiler.ledger.calls.sum()), int(profiler.ledger.requests.sum())
            self.arms[f"profiled {width}"]()
            agreed &= int(profiler.ledger.requests.sum()) - requests == REQUESTS
            agreed &= int(profiler.ledger.calls.sum()) - calls == REQUESTS * width
        return agreed

    def close(self) -> None:
        """Close the profilers."""
        for profiler in self.profilers.values():
            profiler.close()

    def _scrape(self) -> float:
        profiler = self.profilers[FEW]
        start_ns = perf_counter_ns()
        with booked_scrape(profiler):
            self._exposition.render(read_families(profiler))
        return perf_counter_ns() - start_ns


def layer_ns(said: Mapping[str, Float64Array]) -> Float64Array:
    """Return, per round, what a layer costs with its part of the drain and of the metering."""
    few, many = _overhead_ns(said, FEW), _overhead_ns(said, MANY)
    return (many - few) / (MANY - FEW)


def request_ns(said: Mapping[str, Float64Array]) -> Float64Array:
    """Return, per round, what a request costs without any layer: opening, closing, queueing and draining it."""
    return _overhead_ns(said, FEW) - FEW * layer_ns(said)


def scrape_ns(said: Mapping[str, Float64Array], requests_per_second: int) -> Float64Array:
    """Return, per round, a layer's part of one scrape every 15 seconds, at a load."""
    return said["scrape"] / (requests_per_second * FEW * SCRAPE_SECONDS)


def _overhead_ns(said: Mapping[str, Float64Array], width: int) -> Float64Array:
    return said[f"profiled {width}"] - said[f"bare {width}"]


def _new_guard() -> Callable[[str], str]:
    def guard(text: str) -> str:
        return text

    return guard


def _pipeline(guards: Sequence[Callable[[str], str]]) -> Callable[[str], str]:
    """Return a function that calls the guards one after the other, each from a place of its own, as a handler does."""
    names = {f"guard_{number}": guard for number, guard in enumerate(guards)}
    lines = [f"    text = {name}(text)\n" for name in names]
    exec(f"def pipeline(text):\n{''.join(lines)}    return text\n", names)  # noqa: S102 (made of these names alone)
    pipeline: Callable[[str], str] = names["pipeline"]
    return pipeline


def _bare(guards: Sequence[Callable[[str], Any]]) -> Arm:
    pipeline = _pipeline(guards)

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in range(REQUESTS):
            pipeline(TEXT)
        return (perf_counter_ns() - start_ns) / REQUESTS

    return batch


def _profiled(profiler: Profiler, guards: Sequence[Callable[[str], Any]]) -> Arm:
    pipeline = _pipeline(guards)

    @own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in range(REQUESTS):
            with profiler.request():
                pipeline(TEXT)
        profiler.drain()
        return (perf_counter_ns() - start_ns) / REQUESTS

    return batch
