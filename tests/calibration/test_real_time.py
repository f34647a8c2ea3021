"""Every scenario on the real clock, on whatever machine this is, however busy.

A layer notes its start and end from inside, its call site from around. A span lies between the two by construction,
because all are read from one clock. So there are bounds that hold without any tolerance: load makes them wider, and
only a wrong measurement breaks them.
"""

import pytest
from scenarios import SCENARIOS, measured
from stage import RealTime, Stage

from aligntax import Profiler
from aligntax.attribution import attribute

UNIT_NS = 10_000
REQUESTS = 5
ROUNDING_NS = 1  # shares are whole nanoseconds, each rounded by less than one

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@pytest.fixture(scope="module")
def real_time():
    with RealTime() as passing:
        yield passing


@pytest.fixture(params=[0.0, 1.0], ids=["plain", "metered"])
def profiler(request):
    with Profiler(cpu_share=request.param, drain_seconds=0) as profiler:
        yield profiler


def requests(scenario, real_time, profiler):
    """Play a scenario a few times; yields its stage and the request, one by one."""
    stage = Stage(real_time, UNIT_NS)
    play = scenario.prepare(stage, profiler)
    for _ in range(REQUESTS):
        stage.clear()
        yield stage, play()


@every_scenario
def test_the_measured_amounts_lie_between_what_was_noted_from_inside_and_from_around(scenario, real_time, profiler):
    for stage, request in requests(scenario, real_time, profiler):
        amounts, bounds = measured(request), scenario.bounds(stage)
        assert amounts.keys() == bounds.keys()
        for name, (least, most) in bounds.items():
            assert least - ROUNDING_NS <= amounts[name] <= most + ROUNDING_NS, name


@every_scenario
def test_every_span_contains_what_its_layer_noted_and_lies_within_its_call(scenario, real_time, profiler):
    for stage, request in requests(scenario, real_time, profiler):
        for name in (*scenario.guards, "model"):
            spans = sorted((s.start_ns, s.end_ns) for s in request.trace.spans if s.layer.name == name)
            calls = sorted(stage.around[name])
            assert len(spans) == len(calls)
            for (start_ns, end_ns), call in zip(spans, calls, strict=True):
                assert call.start_ns <= start_ns <= end_ns <= call.end_ns
            # The last run of a streaming model only finds that there is no more; it notes nothing.
            for (start_ns, end_ns), noted in zip(spans, sorted(stage.inside[name]), strict=False):
                assert start_ns <= noted.start_ns <= noted.end_ns <= end_ns


@every_scenario
def test_every_request_closes(scenario, real_time, profiler):
    for _, request in requests(scenario, real_time, profiler):
        found = attribute(request.trace)
        critical_ns = sum(layer.critical_ns for layer in found.layers.values())
        assert critical_ns + found.unattributed_ns == found.guarded_ns
        assert sum(layer.share_ns for layer in found.layers.values()) == found.tax_ns
