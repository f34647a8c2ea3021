"""The numbers behind the formats: exact, complete, and absent where nothing was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Layer, Outcome, Profiler, Trace
from aligntax.devices import Reading
from aligntax.exemplars import Exemplars
from aligntax.exporters import definitions
from aligntax.exporters.definitions import DEFINITIONS, UNITS, Definition
from aligntax.exporters.families import HistogramFamily, histogram_family
from aligntax.exporters.scrape import booked_scrape, families_of, read_families
from aligntax.histogram import BUCKETS, NANO, bucket_of
from aligntax.ledger import Ledger
from aligntax.ledger_fields import DROP_REASONS, OUTCOMES
from aligntax.testing import FakeClock, taking

HISTOGRAMS = [definition for definition in DEFINITIONS if definition.type == "histogram"]
BOUNDS_NANO = sorted({round(bound * NANO) for definition in HISTOGRAMS for bound in definition.bounds})


def values_of(profiler: Profiler, definition: Definition) -> dict[tuple[str, ...], float]:
    """Label values to value, of one metric that is not a histogram; empty where it is absent."""
    families = [family for family in read_families(profiler) if family.definition is definition]
    assert len(families) <= 1
    return {labels: value for family in families for labels, value in family.series}


def histograms_of(profiler: Profiler, definition: Definition) -> HistogramFamily:
    (family,) = (family for family in read_families(profiler) if family.definition is definition)
    assert isinstance(family, HistogramFamily)
    return family


on_bounds = st.sampled_from(BOUNDS_NANO).flatmap(lambda bound: st.integers(max(0, bound - 1), bound + 1))


@pytest.mark.parametrize("definition", HISTOGRAMS, ids=lambda definition: definition.name)
@given(rows=st.lists(st.lists(on_bounds | st.integers(0, 300 * NANO)), min_size=1, max_size=4))
def test_bucket_counts_and_sums_are_those_of_counting_by_hand(definition: Definition, rows: list[list[int]]) -> None:
    counts = np.zeros((len(rows), BUCKETS), dtype=np.int64)
    for row, observations in enumerate(rows):
        np.add.at(counts[row], bucket_of(np.array(observations, dtype=np.int64)), 1)
    labels = [(f"row {row}",) for row in range(len(rows))]
    sums = np.array([sum(observations) for observations in rows], dtype=np.int64)

    family = histogram_family(definition, labels, counts, sums)

    for observations, histogram in zip(rows, family.series, strict=True):
        bounds = [round(bound * NANO) for bound in definition.bounds]
        by_hand = [sum(value <= bound for value in observations) for bound in bounds]
        assert histogram.cumulative == [*by_hand, len(observations)]
        assert histogram.total == sum(observations) / NANO


def test_a_sum_beyond_the_precision_of_a_float_is_rounded_once() -> None:
    nano = 2**60 + 1
    counts = np.zeros((1, BUCKETS), dtype=np.int64)
    family = histogram_family(definitions.REQUEST_TAX, [("m",)], counts, np.array([nano], dtype=np.int64))
    assert family.series[0].total == nano / NANO


def test_guards_and_models_each_have_their_own_histogram(busy: Profiler) -> None:
    guards = {histogram.labels for histogram in histograms_of(busy, definitions.LAYER_DURATION).series}
    taxed = {histogram.labels for histogram in histograms_of(busy, definitions.LAYER_TAX).series}
    models = {histogram.labels for histogram in histograms_of(busy, definitions.MODEL_DURATION).series}
    nasty = busy.ledger.layers[0].name
    assert guards == {(nasty, "input"), ("tone", "output"), ("moderate", "output"), ("fragile", "parallel")}
    assert taxed == guards
    assert models == {("gpt2",), ("judge",)}


def test_the_shares_of_the_guards_sum_to_the_tax_of_the_requests(busy: Profiler) -> None:
    shares = histograms_of(busy, definitions.LAYER_TAX).series
    requests = histograms_of(busy, definitions.REQUEST_TAX).series
    assert sum(share.total for share in shares) == pytest.approx(6 * 0.0079 + 0.007, rel=1e-12)
    assert sum(request.total for request in requests) == pytest.approx(6 * 0.0079 + 0.007, rel=1e-12)


def test_requests_are_told_apart_by_model_and_outcome(busy: Profiler) -> None:
    counts = {
        histogram.labels: histogram.cumulative[-1]
        for histogram in histograms_of(busy, definitions.REQUEST_DURATION).series
    }
    assert {labels: count for labels, count in counts.items() if count} == {
        ("gpt2", "modified"): 3,
        ("judge", "modified"): 3,
        ("gpt2", "blocked_output"): 1,
        ("none", "allowed"): 2,
    }
    assert set(counts) == {(model, outcome) for model in ("none", "gpt2", "judge") for outcome in OUTCOMES}


def test_the_row_for_requests_without_a_model_is_absent_until_there_is_one(profiler: Profiler) -> None:
    profiler.ledger.model_row("gpt2")
    labels = {histogram.labels for histogram in histograms_of(profiler, definitions.REQUEST_TAX).series}
    assert labels == {("gpt2",)}


def test_verdicts_errors_and_calls_are_counted_by_layer(busy: Profiler) -> None:
    nasty = busy.ledger.layers[0].name
    verdicts = values_of(busy, definitions.LAYER_VERDICTS)
    assert {labels: count for labels, count in verdicts.items() if count} == {
        (nasty, "input", "allow"): 7,
        ("tone", "output", "modify"): 6,
        ("moderate", "output", "block"): 1,
        ("fragile", "parallel", "error"): 1,
    }
    assert len(verdicts) == 4 * 7, "each verdict has a series from the start, so that its first increase is seen"
    assert values_of(busy, definitions.LAYER_ERRORS) == {
        (nasty, "input", "other"): 0,
        ("tone", "output", "other"): 0,
        ("moderate", "output", "other"): 0,
        ("fragile", "parallel", "other"): 0,
        ("fragile", "parallel", 'Odd\n"\\Error'): 1,
        ("gpt2", "model", "other"): 0,
        ("judge", "model", "other"): 0,
    }
    assert values_of(busy, definitions.LAYER_INFO) == {
        (nasty, "input", "guard"): 1,
        ("tone", "output", "guard"): 1,
        ("moderate", "output", "guard"): 1,
        ("fragile", "parallel", "guard"): 1,
        ("gpt2", "model", "model"): 1,
        ("judge", "model", "model"): 1,
    }


def test_processor_and_gpu_time_exist_only_where_they_were_measured(busy: Profiler) -> None:
    nasty = busy.ledger.layers[0].name
    assert values_of(busy, definitions.LAYER_CPU) == {
        (nasty, "input"): 7 * 0.007,
        ("tone", "output"): 6 * 0.0009,
        ("moderate", "output"): 0.01,
        ("fragile", "parallel"): 0,
        ("gpt2", "model"): 4 * 0.04,
        ("judge", "model"): 3 * 0.04,
    }
    assert values_of(busy, definitions.LAYER_GPU) == {("gpt2", "model", "cuda:0"): 0.002}

    clock = FakeClock()
    unmetered = Profiler(clock=clock, cpu_share=0, drain_seconds=0)
    guard = unmetered.guard(taking(clock, 10), name="pii")
    with unmetered.request():
        guard("text")
    unmetered.drain()
    assert values_of(unmetered, definitions.LAYER_CPU) == {}
    assert values_of(unmetered, definitions.LAYER_GPU) == {}


def test_discarded_and_unattributed_time(busy: Profiler) -> None:
    assert values_of(busy, definitions.DISCARDED_MODEL) == {("gpt2", "moderate"): 0.04}
    assert values_of(busy, definitions.UNATTRIBUTED) == {(): 6 * 12_345 / NANO}


def test_every_reason_for_a_loss_exists_before_the_first_loss(profiler: Profiler) -> None:
    assert values_of(profiler, definitions.DROPPED) == {(reason,): 0 for reason in DROP_REASONS}
    profiler.recorder.drops.count("orphan_span", 2)
    profiler.drain()
    assert values_of(profiler, definitions.DROPPED) == {
        (reason,): 2 * (reason == "orphan_span") for reason in DROP_REASONS
    }


def test_calls_in_progress_rise_and_fall(profiler: Profiler) -> None:
    seen: list[dict[tuple[str, ...], float]] = []

    @profiler.guard(name="looking", stage="output")
    def look(text: str) -> str:
        seen.append(values_of(profiler, definitions.LAYER_RUNNING))
        return text

    with profiler.request():
        look("text")
    assert seen == [{("looking", "output"): 1}]
    assert values_of(profiler, definitions.LAYER_RUNNING) == {("looking", "output"): 0}


def test_a_device_without_a_sensor_is_absent_and_not_zero(profiler: Profiler) -> None:
    names = {family.definition.name for family in read_families(profiler)}
    assert not [name for name in names if name.startswith("aligntax_device")]


def test_device_readings_say_whether_they_are_estimates(busy: Profiler) -> None:
    assert values_of(busy, definitions.DEVICE_ENERGY) == {
        ("gpu0", "nvml"): 12.5,
        ("gpu1", "nvml_estimated"): 0.1 + 0.2,
    }
    assert values_of(busy, definitions.DEVICE_MEMORY) == {("gpu0", "nvml"): 3 * 2**30}
    assert values_of(busy, definitions.DEVICE_UTILIZATION) == {("gpu0", "nvml"): 0.75}


def test_two_sensors_of_one_device_make_one_series() -> None:
    readings = [Reading("memory_bytes", "gpu0", "nvml", value) for value in (1.0, 2.0)]
    families = families_of(Ledger(), {}, readings, Exemplars())
    (memory,) = (family for family in families if family.definition is definitions.DEVICE_MEMORY)
    assert memory.series == [(("gpu0", "nvml"), 2.0)]


def test_an_exemplar_that_is_younger_than_the_copy_is_left_out(profiler: Profiler) -> None:
    trace = Trace(0, 3_000_000, (), Outcome.ALLOWED, "gpt2", "abc")
    profiler.ledger.model_row("gpt2")
    profiler.exemplars.keep(trace, 20_000)
    assert all(not histogram.exemplars for histogram in histograms_of(profiler, definitions.REQUEST_TAX).series)

    one, tax = np.array([1], dtype=np.int64), np.array([20_000], dtype=np.int64)
    profiler.ledger.add_comparisons(one, tax, tax, tax)
    (histogram,) = histograms_of(profiler, definitions.REQUEST_TAX).series
    assert {bucket: exemplar.trace_id for bucket, exemplar in histogram.exemplars.items()} == {1: "abc"}


def test_a_scrape_books_its_own_time_and_not_that_of_the_drain(profiler: Profiler) -> None:
    clock = profiler.recorder.clock
    assert isinstance(clock, FakeClock)

    def fail() -> None:
        with booked_scrape(profiler):
            clock.advance(5_000)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    spent = values_of(profiler, definitions.INSTRUMENTATION)
    assert spent == {("record",): 0, ("drain",): 0, ("scrape",): 5e-6}, "a failed scrape costs as well"


def test_an_empty_profiler_says_only_what_it_knows(profiler: Profiler) -> None:
    names = [family.definition for family in read_families(profiler)]
    assert names == [
        definitions.UNATTRIBUTED,
        definitions.INSTRUMENTATION,
        definitions.DROPPED,
        definitions.BUILD_INFO,
    ]


def test_every_definition_is_exported_and_in_order(busy: Profiler) -> None:
    assert tuple(family.definition for family in read_families(busy)) == DEFINITIONS


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_names_keep_the_rules_of_the_formats(definition: Definition) -> None:
    assert definition.name.startswith("aligntax_")
    assert not definition.name.endswith(("_total", "_info", "_count", "_sum", "_bucket"))
    assert not set(definition.help) & set('"\\\n'), "help is written as it is"
    assert (definition.type == "histogram") == bool(definition.bounds)
    assert definition.unit in UNITS or not definition.unit


def test_layers_without_calls_have_empty_histograms() -> None:
    ledger = Ledger()
    ledger.layer_row(Layer("pii"))
    (family,) = (
        family for family in families_of(ledger, {}, [], Exemplars()) if family.definition is definitions.LAYER_DURATION
    )
    assert family.series == [(("pii", "input"), [0] * (len(definitions.LAYER_DURATION.bounds) + 1), 0.0, {})]
