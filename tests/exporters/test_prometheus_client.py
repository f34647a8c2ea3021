"""The collector in a registry of the application's own."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest

from aligntax import Profiler
from aligntax.exporters.prometheus import ProfilerCollector
from aligntax.testing import FakeClock, taking


def test_a_collection_drains_and_a_registration_does_not(profiler: Profiler) -> None:
    clock = profiler.recorder.clock
    assert isinstance(clock, FakeClock)
    guard = profiler.guard(taking(clock, 5_000_000), name="pii")
    with profiler.request():
        guard("text")
    registry = CollectorRegistry(auto_describe=True)
    registry.register(ProfilerCollector(profiler))
    assert not profiler.ledger.calls.any()
    calls = registry.get_sample_value("aligntax_layer_duration_seconds_count", {"layer": "pii", "stage": "input"})
    assert calls == 1


def test_the_registry_knows_every_name_before_there_is_a_value(busy: Profiler) -> None:
    registry = CollectorRegistry()
    registry.register(ProfilerCollector(Profiler(drain_seconds=0)))
    for metric in ProfilerCollector(busy).collect():
        for name in {sample.name for sample in metric.samples}:
            with pytest.raises(ValueError, match="Duplicated"):
                Counter(name, "of the same name", registry=registry)


def test_described_and_collected_families_agree(busy: Profiler) -> None:
    collector = ProfilerCollector(busy)
    described = {(metric.name, metric.type, metric.unit) for metric in collector.describe()}
    assert {(metric.name, metric.type, metric.unit) for metric in collector.collect()} == described


def test_it_stands_beside_other_metrics_and_can_be_restricted(busy: Profiler) -> None:
    registry = CollectorRegistry()
    Counter("application_answers", "The application's own.", registry=registry).inc()
    registry.register(ProfilerCollector(busy))
    text = generate_latest(registry).decode()
    assert "application_answers_total 1.0" in text
    assert "aligntax_build_info" in text
    some = generate_latest(registry.restricted_registry(["aligntax_build_info"])).decode()
    assert "aligntax_build_info" in some
    assert "aligntax_layer" not in some


def test_a_collection_is_booked_as_a_scrape() -> None:
    clock = FakeClock()

    def ticking() -> int:
        clock.advance(1_000)
        return clock()

    profiler = Profiler(clock=ticking, drain_seconds=0)
    list(ProfilerCollector(profiler).collect())
    assert profiler.ledger.instrument_ns.tolist()[2] == 1_000
