"""A profiler on the real clock that is asked to work, for the tests that look at it in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from aligntax import Profiler
from aligntax.testing import spinning

HOSTILE = "<img src=x onerror=\"document.title='broken in'\"> $$x^2$$ & " + "long " * 11 + "λ 检"

Work = Callable[[int], None]


@pytest.fixture
def real() -> Iterator[Profiler]:
    with Profiler(drain_seconds=0, cpu_share=0) as profiler:
        yield profiler


@pytest.fixture
def work(real: Profiler) -> Work:
    """Serve some requests; every fourth one is changed by a guard, and every eighth blocked by another."""
    numbers = count(1)
    turn = {"number": 0}
    redact = real.guard(spinning(0.002), name="pii", verdict=lambda _: "allow" if turn["number"] % 4 else "modify")
    model = real.model(spinning(0.004), name="gpt2")
    hostile = real.guard(
        spinning(0.001), name=HOSTILE, stage="output", verdict=lambda _: "allow" if turn["number"] % 8 else "block"
    )

    def serve_requests(times: int) -> None:
        for _ in range(times):
            turn["number"] = next(numbers)
            with real.request(trace_id=f"trace-{turn['number']}"):
                hostile(model(redact("text")))

    return serve_requests
