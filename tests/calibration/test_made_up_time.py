"""Every scenario in time that passes only inside its layers: what is measured is the truth, to the nanosecond."""

import pytest
from scenarios import SCENARIOS, measured
from stage import Stage

from aligntax import Outcome, Profiler, Verdict
from aligntax.attribution import attribute

from .made_up_time import MadeUpTime

UNIT_NS = 1_000
REQUESTS = 3
named = {scenario.name: scenario for scenario in SCENARIOS}
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def played(scenario, requests=1):
    """Play a scenario; returns its stage, its profiler and its requests."""
    time = MadeUpTime()
    stage = Stage(time, UNIT_NS)
    profiler = Profiler(clock=time.clock, cpu_clock=time.clock, cpu_share=0, drain_seconds=0)
    play = scenario.prepare(stage, profiler)
    done = []
    for _ in range(requests):
        stage.clear()
        done.append(play())
    return stage, profiler, done


@every_scenario
def test_the_measured_amounts_are_those_that_were_meant(scenario):
    _, _, (request,) = played(scenario)
    assert measured(request) == {name: units * UNIT_NS for name, units in scenario.units.items()}
    assert request.outcome is scenario.outcome


@every_scenario
def test_the_formulas_by_hand_say_the_same_from_inside_and_from_around(scenario):
    stage, _, (request,) = played(scenario)
    assert scenario.truth(stage) == measured(request)
    assert scenario.bounds(stage) == {name: (amount, amount) for name, amount in measured(request).items()}


@every_scenario
def test_every_request_closes(scenario):
    _, _, (request,) = played(scenario)
    found = attribute(request.trace)
    critical_ns = sum(layer.critical_ns for layer in found.layers.values())
    assert critical_ns + found.unattributed_ns == found.guarded_ns == request.trace.duration_ns
    assert sum(layer.share_ns for layer in found.layers.values()) == found.tax_ns


@every_scenario
def test_the_report_adds_the_requests_up(scenario):
    _, profiler, requests = played(scenario, REQUESTS)
    report = profiler.report().to_dict()
    counted = scenario.outcome.comparable  # a blocked request has no raw time to compare with
    assert report["outcomes"] == {scenario.outcome.value: REQUESTS}
    assert report["request"]["tax_seconds"]["n"] == (REQUESTS if counted else 0)
    tax_ns = sum(request.tax.tax_ns for request in requests) if counted else 0
    assert report["request"]["tax_seconds"]["sum"] == tax_ns / 1e9
    shares = {layer["layer"]: layer["tax_seconds"]["sum"] for layer in report["layers"] if layer["kind"] == "guard"}
    expected = {name: scenario.units[name] * UNIT_NS * REQUESTS / 1e9 if counted else 0 for name in scenario.guards}
    assert shares == pytest.approx(expected, abs=1e-12)
    assert report["self"]["dropped_by_reason"] == {}


@pytest.mark.parametrize("name", ["in parallel, on threads", "in parallel, asyncio.gather"])
def test_busy_critical_and_drag_of_guards_beside_the_model(name):
    _, _, (request,) = played(named[name])
    layers = attribute(request.trace).layers
    found = {name: (layer.busy_ns, layer.critical_ns, layer.drag_ns) for name, layer in layers.items()}
    assert found == {
        "A": (50_000, 50_000, 50_000),
        "model": (300_000, 0, 0),
        "B": (400_000, 400_000, 50_000),
        "C": (350_000, 0, 0),
        "D": (20_000, 20_000, 20_000),
    }


def test_a_hidden_guard_is_busy_and_costs_nothing():
    _, _, (request,) = played(named["hidden behind the model"])
    hidden = attribute(request.trace).layers["hidden"]
    assert (hidden.busy_ns, hidden.critical_ns, hidden.drag_ns, hidden.share_ns) == (100_000, 0, 0, 0)


def test_what_was_waited_for_a_cancelled_guard_is_its_tax():
    _, _, (request,) = played(named["cancelled by a time-out"])
    (span,) = (span for span in request.trace.spans if span.layer.name == "slow")
    assert (span.verdict, span.duration_ns) == (Verdict.CANCELLED, 100_000)
    assert request.outcome is Outcome.ALLOWED


def test_time_in_which_the_consumer_holds_a_chunk_is_nobodys():
    _, _, (request,) = played(named["streamed, ten chunks"])
    found = attribute(request.trace)
    assert found.unattributed_ns == 10 * 20_000
    assert found.layers["model"].critical_ns == 10 * 30_000
    assert found.layers["filter"].calls == found.layers["model"].calls == 1
