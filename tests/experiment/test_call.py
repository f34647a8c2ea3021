"""What one call of a pipeline takes of a GPU."""

from __future__ import annotations

import pytest

from aligntax import Profiler
from aligntax.attribution import attribute
from aligntax.experiment.call import Caller
from aligntax.trace import Layer, Span, Trace

MODEL, GUARD = Layer("model", "model"), Layer("guard")


def span(layer: Layer, start_ns: int | None, end_ns: int | None, device: str | None = "cuda:0") -> Span:
    return Span(layer, 0, 100, gpu_start_ns=start_ns, gpu_end_ns=end_ns, gpu_device=device)


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ((span(MODEL, None, None, None),), None),
        ((), None),
        ((span(GUARD, 10, 20), span(MODEL, 50, 90), span(MODEL, None, None, None)), 50e-9),
        ((span(MODEL, 10, 90), span(GUARD, 20, 40), span(GUARD, 80, 95)), 85e-9),
        ((span(MODEL, 10, 90), span(GUARD, 20, 40, "cuda:1")), 100e-9),
        ((span(MODEL, 10, 90, "cuda:1"), span(GUARD, 20, 120, "cuda:0")), 180e-9),
    ],
    ids=["not on a GPU", "no layers", "one after another", "overlapping", "on two GPUs", "on two GPUs, the other way"],
)
def test_gpu_time_of_a_request_counts_what_overlaps_once(monkeypatch, spans, seconds):
    trace = Trace(0, 100, spans)
    with Profiler(drain_seconds=0) as profiler:
        caller = Caller(str.upper, profiler, opens_requests=False)
        monkeypatch.setattr(caller, "_last", lambda: (trace, attribute(trace)))
        found = caller("a prompt")
        caller.close()
    assert found.gpu_seconds == (None if seconds is None else pytest.approx(seconds))
