"""Requests small enough to attribute by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntax.attribution import Attribution, attribute
from aligntax.trace import Layer, Outcome, Span, Trace, Verdict

from .traces import MODEL, SECOND_MODEL, guard, request

A, B, C, D = (guard(name) for name in "ABCD")


def column(attribution: Attribution, field: str) -> dict[str, int]:
    return {name: getattr(layer, field) for name, layer in attribution.layers.items()}


def check_closure(attribution: Attribution) -> None:
    assert sum(column(attribution, "critical_ns").values()) + attribution.unattributed_ns == attribution.guarded_ns
    assert sum(column(attribution, "share_ns").values()) == attribution.tax_ns
    assert attribution.raw_ns + attribution.tax_ns == attribution.guarded_ns


def test_worked_case_of_the_tax_page() -> None:
    trace = request(Span(A, 0, 50), Span(MODEL, 50, 350), Span(B, 50, 450), Span(C, 50, 400), Span(D, 450, 470))
    attribution = attribute(trace)
    assert (attribution.guarded_ns, attribution.raw_ns, attribution.tax_ns) == (470, 300, 170)
    busy = column(attribution, "busy_ns")
    assert busy == {"A": 50, "model": 300, "B": 400, "C": 350, "D": 20}
    assert sum(busy[name] for name in "ABCD") == 820
    assert column(attribution, "drag_ns") == {"A": 50, "model": 0, "B": 50, "C": 0, "D": 20}
    assert column(attribution, "share_ns") == {"A": 50, "model": 0, "B": 75, "C": 25, "D": 20}
    assert column(attribution, "critical_ns") == {"A": 50, "model": 0, "B": 400, "C": 0, "D": 20}
    assert column(attribution, "calls") == dict.fromkeys(["A", "model", "B", "C", "D"], 1)
    assert attribution.unattributed_ns == 0
    assert (attribution.sampled, attribution.standard_error_ns, attribution.discarded_ns) == (False, 0.0, {})
    assert attribution.layers["B"].layer is B


def test_sequential_siblings_each_drag_what_they_took() -> None:
    spans = (
        Span(MODEL, 0, 100, parent=None),
        Span(A, 10, 20, parent=0),
        Span(B, 20, 45, parent=0),
        Span(C, 50, 80, parent=0),
    )
    attribution = attribute(request(*spans))
    assert column(attribution, "drag_ns") == {"model": 0, "A": 10, "B": 25, "C": 30}
    assert column(attribution, "share_ns") == {"model": 0, "A": 10, "B": 25, "C": 30}
    assert column(attribution, "critical_ns") == {"model": 35, "A": 10, "B": 25, "C": 30}
    assert column(attribution, "busy_ns") == {"model": 100, "A": 10, "B": 25, "C": 30}


def test_chain_beside_a_model_drags_only_as_far_as_the_model_hides_it() -> None:
    attribution = attribute(request(Span(MODEL, 0, 150), Span(A, 0, 100), Span(B, 100, 200)))
    # Either guard alone ends by 150; it takes both to delay the request.
    assert column(attribution, "drag_ns") == {"model": 0, "A": 50, "B": 50}
    assert column(attribution, "share_ns") == {"model": 0, "A": 25, "B": 25}
    assert column(attribution, "critical_ns") == {"model": 0, "A": 100, "B": 100}
    assert attribution.tax_ns == 50


def test_chain_shares_are_exact_fractions_rounded_once() -> None:
    # v({A}) = 0, v({B}) = 2, v({A, B}) = 5, twice: 3/2 and 7/2 per section make 3 and 7, and not 4 and 6.
    once = (Span(MODEL, 0, 100), Span(A, 0, 3), Span(B, 3, 105))
    twice = (Span(MODEL, 105, 205), Span(A, 105, 108), Span(B, 108, 210))
    assert column(attribute(request(*once, *twice)), "share_ns") == {"model": 0, "A": 3, "B": 7}
    # Once: the ns that both halves make goes to the first name.
    assert column(attribute(request(*once)), "share_ns") == {"model": 0, "A": 2, "B": 3}


def test_gaps_belong_to_the_application() -> None:
    attribution = attribute(request(Span(A, 10, 20), Span(MODEL, 25, 50), Span(B, 50, 60), start=0, end=67))
    assert attribution.unattributed_ns == 10 + 5 + 7
    assert (attribution.raw_ns, attribution.tax_ns) == (67 - 20, 20)
    check_closure(attribution)


def test_request_without_spans_is_all_application() -> None:
    attribution = attribute(Trace(5, 47))
    assert (attribution.guarded_ns, attribution.raw_ns, attribution.tax_ns) == (42, 42, 0)
    assert attribution.unattributed_ns == 42
    assert attribution.layers == {}


def test_late_start_of_a_parallel_guard_stays_when_it_is_taken_out() -> None:
    attribution = attribute(request(Span(MODEL, 0, 40), Span(A, 30, 100), Span(B, 35, 90)))
    # Without A, B ends at 90; without both, the model ends at 40.
    assert (attribution.raw_ns, attribution.tax_ns) == (40, 60)
    assert column(attribution, "drag_ns") == {"model": 0, "A": 10, "B": 0}
    assert column(attribution, "share_ns") == {"model": 0, "A": 35, "B": 25}


def test_guard_inside_a_model() -> None:
    attribution = attribute(request(Span(MODEL, 0, 100), Span(A, 20, 40, parent=0)))
    assert column(attribution, "share_ns") == {"model": 0, "A": 20}
    assert column(attribution, "busy_ns") == {"model": 100, "A": 20}
    assert column(attribution, "critical_ns") == {"model": 80, "A": 20}


def test_model_inside_a_guard() -> None:
    attribution = attribute(request(Span(A, 0, 100), Span(MODEL, 20, 60, parent=0)))
    assert attribution.raw_ns == 40
    assert column(attribution, "share_ns") == {"A": 60, "model": 0}
    assert column(attribution, "busy_ns") == {"A": 100, "model": 40}


def test_instantaneous_call_inside_a_guard_changes_nothing() -> None:
    attribution = attribute(request(Span(A, 0, 100), Span(MODEL, 50, 50, parent=0)))
    assert (attribution.raw_ns, attribution.tax_ns) == (0, 100)


def test_recursion_of_one_layer_counts_its_time_once() -> None:
    spans = (Span(A, 0, 100), Span(A, 10, 60, parent=0), Span(MODEL, 20, 30, parent=1), Span(A, 22, 26, parent=2))
    attribution = attribute(request(*spans))
    assert column(attribution, "busy_ns") == {"A": 100, "model": 10}
    assert column(attribution, "share_ns") == {"A": 94, "model": 0}
    assert column(attribution, "calls") == {"A": 3, "model": 1}


def test_recursion_that_outlives_its_caller_adds_only_the_rest() -> None:
    attribution = attribute(request(Span(A, 0, 10), Span(A, 5, 8, parent=0, gpu_end_ns=25)))
    assert column(attribution, "busy_ns") == {"A": 25}
    assert column(attribution, "critical_ns") == {"A": 25}


def test_parallel_children_inside_a_parent() -> None:
    attribution = attribute(request(Span(MODEL, 0, 100), Span(A, 20, 60, parent=0), Span(B, 20, 50, parent=0)))
    assert attribution.raw_ns == 60
    assert column(attribution, "drag_ns") == {"model": 0, "A": 10, "B": 0}
    assert column(attribution, "share_ns") == {"model": 0, "A": 25, "B": 15}
    assert column(attribution, "critical_ns") == {"model": 60, "A": 40, "B": 0}


def test_guard_hidden_behind_gpu_work_is_free() -> None:
    hidden = attribute(request(Span(MODEL, 0, 10, gpu_start_ns=2, gpu_end_ns=100), Span(A, 10, 60)))
    assert (hidden.raw_ns, hidden.tax_ns) == (100, 0)
    assert column(hidden, "share_ns") == {"model": 0, "A": 0}
    assert column(hidden, "critical_ns") == {"model": 100, "A": 0}
    assert column(hidden, "busy_ns") == {"model": 100, "A": 50}
    # The same guard after a model that left no work behind is paid for in full.
    assert column(attribute(request(Span(MODEL, 0, 10), Span(A, 10, 60))), "share_ns") == {"model": 0, "A": 50}


def test_child_that_outlives_its_parent_keeps_its_time() -> None:
    attribution = attribute(request(Span(A, 0, 20), Span(MODEL, 10, 15, parent=0, gpu_end_ns=80)))
    assert column(attribution, "critical_ns") == {"A": 10, "model": 70}
    assert column(attribution, "share_ns") == {"A": 10, "model": 0}


def test_spans_are_clipped_to_the_request() -> None:
    spans = (Span(A, 0, 30), Span(MODEL, 30, 50), Span(B, 50, 90), Span(C, 0, 9), Span(D, 61, 70))
    attribution = attribute(request(*spans, start=10, end=60))
    assert column(attribution, "busy_ns") == {"A": 20, "model": 20, "B": 10, "C": 0, "D": 0}
    assert column(attribution, "share_ns") == {"A": 20, "model": 0, "B": 10, "C": 0, "D": 0}
    assert column(attribution, "calls")["C"] == 1
    check_closure(attribution)


def test_model_is_on_the_critical_path_when_a_guard_ends_with_it() -> None:
    spans = (Span(A, 0, 50), Span(MODEL, 10, 50), Span(B, 50, 70), Span(SECOND_MODEL, 60, 70))
    attribution = attribute(request(*spans))
    assert column(attribution, "critical_ns") == {"A": 0, "model": 40, "B": 0, "reranker": 10}
    assert attribution.unattributed_ns == 20


def test_earlier_start_is_on_the_critical_path_when_guards_end_together() -> None:
    attribution = attribute(request(Span(A, 10, 50), Span(B, 0, 50)))
    assert column(attribution, "critical_ns") == {"A": 0, "B": 50}


def test_runs_of_one_streaming_call_are_one_call() -> None:
    streaming = [Span(A, start, start + 2, verdict=None, call=7) for start in range(0, 30, 10)]
    other = [Span(A, 31, 33, call=8), Span(B, 34, 35, call=7), Span(A, 40, 41), Span(A, 42, 43)]
    assert column(attribute(request(*streaming, *other)), "calls") == {"A": 4, "B": 1}


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED_INPUT, Outcome.BLOCKED_OUTPUT])
def test_block_discards_the_models_time(outcome: Outcome) -> None:
    spans = (
        Span(A, 0, 10),
        Span(MODEL, 10, 60),
        Span(SECOND_MODEL, 60, 65),
        Span(C, 10, 90, verdict=Verdict.BLOCK),
        Span(B, 65, 80, verdict=Verdict.BLOCK),
    )
    trace = replace(request(*spans), outcome=outcome)
    assert attribute(trace).discarded_ns == {"B": 55}
    assert attribute(replace(trace, spans=spans[:3])).discarded_ns == {}


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.BLOCKED_INPUT, Outcome.BLOCKED_OUTPUT}))
def test_only_a_blocked_request_discards(outcome: Outcome) -> None:
    trace = request(Span(MODEL, 0, 50), Span(A, 50, 60, verdict=Verdict.BLOCK))
    assert attribute(replace(trace, outcome=outcome)).discarded_ns == {}


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (Trace(10, 9), "trace ends at 9 ns, before its start at 10 ns"),
        (Trace(0, 9, (Span(A, 0, 1), Span(B, 5, 4))), "span 1 of layer 'B' ends at 4 ns, before its start at 5 ns"),
        (Trace(0, 9, (Span(A, 0, 1, parent=1),)), "span 0 has parent 1, but the trace has 1 spans"),
        (Trace(0, 9, (Span(A, 0, 1), Span(A, 0, 1, parent=-1))), "span 1 has parent -1"),
        (Trace(0, 9, (Span(A, 0, 1), Span(A, 0, 1, parent=1))), "span 1 is its own parent"),
        (
            Trace(0, 9, (Span(A, 0, 1, parent=1), *(Span(A, 0, 1, parent=parent) for parent in (2, 3, 1)))),
            "spans 1 -> 2 -> 3 -> 1 form a cycle",
        ),
        (
            Trace(0, 9, (Span(A, 0, 1), Span(Layer("A", kind="model"), 1, 2))),
            "share the name 'A'; give each layer a name of its own",
        ),
    ],
)
def test_bad_traces_say_what_is_wrong(trace: Trace, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attribute(trace)
