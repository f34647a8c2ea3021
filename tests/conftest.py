"""A profiler on clocks that stand still until a test moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from aligntax import Profiler
from aligntax.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cpu_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_profiler(clock: FakeClock, cpu_clock: FakeClock) -> Iterator[Callable[..., Profiler]]:
    made = []

    def make(**settings: object) -> Profiler:
        defaults = {"clock": clock, "cpu_clock": cpu_clock, "cpu_share": 0.0, "drain_seconds": 0}
        made.append(Profiler(**{**defaults, **settings}))
        return made[-1]

    yield make
    for profiler in made:
        profiler.close()


@pytest.fixture
def profiler(make_profiler: Callable[..., Profiler]) -> Profiler:
    return make_profiler()
