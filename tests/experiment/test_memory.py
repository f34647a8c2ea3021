"""The peak of Python's heap in a request, with guards and without."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from aligntax.experiment.bench import measure
from aligntax.experiment.memory import MAX_REQUESTS, peaks_of_heap
from aligntax.experiment.paired import Design
from aligntax.profiler import Profiler

MEBI = 2**20


def holding(bytes_held: int):
    def answer(prompt: object) -> None:
        bytearray(bytes_held)

    return answer


def in_numpy(prompt: object) -> None:
    np.ones(2 * MEBI, np.uint8)


def test_each_request_is_told_its_own_peak():
    kept: list[bytearray] = [bytearray(8 * MEBI)]  # held before, and so no request's

    def keeping(prompt: object) -> None:
        kept.append(bytearray(MEBI))

    found = peaks_of_heap(
        {"raw": holding(MEBI), "guarded": holding(3 * MEBI), "numpy": in_numpy, "keeps": keeping}, [1, 2]
    )
    assert found["raw"] == pytest.approx([MEBI] * 2, abs=MEBI // 8)
    assert found["guarded"] == pytest.approx([3 * MEBI] * 2, abs=MEBI // 8)
    assert found["numpy"] == pytest.approx([2 * MEBI] * 2, abs=MEBI // 8)
    assert found["keeps"] == pytest.approx([MEBI] * 2, abs=MEBI // 8)


def test_only_so_many_are_asked_since_it_is_slow():
    asked: list[int] = []
    found = peaks_of_heap({"raw": asked.append}, range(1000))
    assert asked == list(range(MAX_REQUESTS))
    assert len(found["raw"]) == MAX_REQUESTS


def test_it_stops_tracing_also_after_an_error():
    def broken(prompt: object) -> None:
        raise KeyError(prompt)

    with pytest.raises(KeyError):
        peaks_of_heap({"raw": broken}, [1])
    assert not tracemalloc.is_tracing()


def test_whoever_traces_already_goes_on():
    tracemalloc.start()
    try:
        peaks_of_heap({"raw": holding(MEBI)}, [1])
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_blocked_requests_are_left_out_of_what_a_result_says():
    """A block saves the model's memory, which is no saving of the guard's."""
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda text: "block" if text == "bad" else "allow", name="guard", verdict=str)
        model = profiler.model(holding(4 * MEBI), name="model")

        def pipeline(prompt: str) -> str:
            with profiler.request():
                if guard(prompt) == "allow":
                    model(prompt)
            return prompt

        design = Design(max_pairs=8, width=1e-9, warm_up_rounds=0)
        compute = measure("held", pipeline, ["good", "bad"], design=design, progress=lambda *_: True).data["compute"][
            "memory_bytes"
        ]
    for arm in ("raw", "guarded"):
        assert compute[arm]["value"] == pytest.approx(4 * MEBI, rel=0.05)


def test_what_guards_add_is_told_of_pairs():
    """Requests need very different amounts, and the guard always the same: only their pairs show how exactly."""
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(lambda _: bytearray(MEBI), name="guard", bypass=lambda _: b"")
        model = profiler.model(lambda megabytes: holding(megabytes * MEBI)(None), name="model")

        def pipeline(megabytes: int) -> int:
            with profiler.request():
                held = guard(megabytes)
                model(megabytes)
                del held
            return megabytes

        design = Design(max_pairs=8, width=1e-9, warm_up_rounds=0)
        data = measure("held", pipeline, [*range(1, 9)], design=design, progress=lambda *_: True).data
    found = data["compute"]["memory_bytes"]
    assert found["raw"]["high"] - found["raw"]["low"] > 2 * MEBI
    assert found["tax"]["value"] == pytest.approx(MEBI, rel=0.1)
    assert found["tax"]["value"] == pytest.approx(found["guarded"]["value"] - found["raw"]["value"])
    assert 0.8 * MEBI < found["tax"]["low"] < found["tax"]["high"] < 1.2 * MEBI
