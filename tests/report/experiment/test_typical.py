"""The request that stands for all is the one nearest the median, and its layers are told as they ran."""

from __future__ import annotations

from typing import Any

import pytest

from aligntax import Layer, Span, Trace, Verdict
from aligntax.attribution import attribute
from aligntax.exporters.record import record
from aligntax.report.experiment.typical import typical_request
from aligntax.trace import Outcome

from .conftest import HOSTILE, Traces

MS = 1_000_000
PII, TOXICITY, MODEL = Layer("pii"), Layer("toxicity", stage="parallel"), Layer("gpt2", kind="model")


def traced(*spans: Span, end_ms: int = 100, outcome: Outcome = Outcome.ALLOWED) -> dict[str, Any]:
    trace = Trace(0, end_ms * MS, spans, outcome)
    return record(trace, attribute(trace), 0)


def lasting(pii_ms: int, outcome: Outcome = Outcome.ALLOWED) -> dict[str, Any]:
    model = Span(MODEL, pii_ms * MS, 100 * MS)
    return traced(Span(PII, 0, pii_ms * MS), model, outcome=outcome)


def test_the_one_nearest_the_median_tax_is_chosen_among_those_that_ran_to_their_end() -> None:
    blocked = [lasting(90, Outcome.BLOCKED_INPUT)] * 5
    found = typical_request([*blocked, lasting(1), lasting(50), lasting(7), lasting(6), lasting(2)])
    assert found is not None
    assert (found.tax_seconds, found.comparable, found.chosen_from) == (0.006, True, 5)
    assert found.raw_seconds == pytest.approx(0.094)


def test_where_all_were_blocked_one_of_them_is_shown() -> None:
    found = typical_request([lasting(ms, Outcome.BLOCKED_INPUT) for ms in (3, 4, 90)])
    assert found is not None
    assert (found.tax_seconds, found.comparable, found.outcome) == (0.004, False, "blocked_input")


def test_without_requests_there_is_none() -> None:
    assert typical_request([]) is None


def test_layers_are_in_the_order_of_their_first_calls_and_calls_within_are_not_counted_twice() -> None:
    trace = traced(
        Span(MODEL, 10 * MS, 60 * MS),
        Span(TOXICITY, 10 * MS, 80 * MS, Verdict.MODIFY),
        Span(PII, 0, 10 * MS),
        Span(PII, 2 * MS, 4 * MS, parent=2),
        Span(PII, 90 * MS, 95 * MS),
    )
    found = typical_request([trace])
    assert found is not None
    assert [layer.name for layer in found.layers] == ["pii", "toxicity", "gpt2"]
    pii, toxicity, model = found.layers
    assert pii.stretches == ((0.0, 0.01), (0.09, pytest.approx(0.005)))
    assert pii.busy_seconds == pytest.approx(0.015)
    assert (toxicity.share_seconds, toxicity.verdicts) == (0.02, ("modify",))
    assert (model.share_seconds, model.stretches) == (None, ((0.01, 0.05),))


def test_gpu_work_that_outlives_its_call_is_in_the_bar() -> None:
    span = Span(MODEL, 0, 10 * MS, gpu_start_ns=5 * MS, gpu_end_ns=40 * MS, gpu_device="cuda:0")
    found = typical_request([traced(span)])
    assert found is not None
    assert found.layers[0].stretches == ((0.0, 0.04),)


def test_pauses_that_nobody_would_see_are_filled() -> None:
    spans = [Span(PII, start * MS // 100, (start + 1) * MS // 100, call=1) for start in range(0, 10_000, 2)]
    trace = traced(*spans[:900])
    found = typical_request([trace])
    assert found is not None
    assert len(found.layers[0].stretches) == 1


def test_a_circle_of_parents_does_not_hang() -> None:
    trace = lasting(5)
    trace["spans"][0]["parent"], trace["spans"][1]["parent"] = 1, 0
    assert typical_request([trace]) is not None


def test_guards_beside_the_model_are_seen_to_overlap_in_a_real_trace(shop_traces: Traces) -> None:
    found = typical_request(shop_traces)
    assert found is not None
    layers = {layer.name: layer for layer in found.layers}
    assert set(layers) == {"pii", "gpt2", "toxicity", HOSTILE, "check"}
    (start, length), (model_start, model_length) = (layers[name].stretches[0] for name in ("toxicity", "gpt2"))
    assert start < model_start + model_length
    assert model_start < start + length
    assert sum(layer.share_seconds or 0 for layer in found.layers) == pytest.approx(found.tax_seconds)
