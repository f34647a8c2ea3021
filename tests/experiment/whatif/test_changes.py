"""Changes of guards on hand-written requests, and properties that hold for any request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax import Layer, Outcome, Span, Trace, Verdict, attribute
from aligntax.experiment.whatif import Change, Drop, Faster, Parallel, Reorder, Scenario, changed
from aligntax.experiment.whatif.pieces import put_together, take_apart

from ...attribution.traces import MODEL, guard, traces

A, B, C = (Layer(name, stage="input") for name in "ABC")
D = Layer("D", stage="output")
FILTER = Layer("filter", stage="stream")

WORKED_CASE = Trace(
    0, 470, (Span(A, 0, 50), Span(MODEL, 50, 350), Span(B, 50, 450), Span(C, 50, 400), Span(D, 450, 470))
)
"""The case of the design: a tax of 170."""

SERIES = Trace(100, 1_000, (Span(A, 110, 210), Span(B, 230, 270), Span(MODEL, 300, 600), Span(D, 650, 950)))
"""Gaps of 10, 20, 30, 50 and at last 50."""


def after(trace: Trace, *changes: Change) -> Trace:
    found = changed(trace, changes)
    assert found is not None
    return found


def length(trace: Trace, *changes: Change) -> int:
    return after(trace, *changes).duration_ns


def spans(trace: Trace) -> dict[str, tuple[int, int]]:
    return {span.layer.name: (span.start_ns, span.end_ns) for span in trace.spans}


def in_series(*lengths: tuple[Layer, int], outcome: Outcome = Outcome.ALLOWED, block: str | None = None) -> Trace:
    """A request without gaps."""
    done, now = [], 0
    for layer, took in lengths:
        done.append(Span(layer, now, now + took, Verdict.BLOCK if layer.name == block else Verdict.ALLOW))
        now += took
    return Trace(0, now, tuple(done), outcome)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Drop("A"), 420),
        (Drop("B"), 420),
        (Drop("C"), 470),
        (Drop("D"), 450),
        (Faster("A", 2), 445),
        (Faster("B", 2), 420),  # then C is the longest
        (Faster("B", 0.5), 870),
        (Parallel("A"), 420),
        (Parallel("B"), 470),
        (Parallel("D"), 470),
    ],
    ids=str,
)
def test_the_worked_case(change: Change, expected: int) -> None:
    assert length(WORKED_CASE, change) == expected


def test_gaps_stay_when_a_guard_is_dropped() -> None:
    found = after(SERIES, Drop("B"))
    assert spans(found) == {"A": (110, 210), "model": (260, 560), "D": (610, 910)}
    assert found.end_ns == 960


def test_a_faster_guard_lets_everything_behind_it_start_earlier() -> None:
    found = after(SERIES, Faster("A", 4))
    assert spans(found) == {"A": (110, 135), "B": (155, 195), "model": (225, 525), "D": (575, 875)}
    assert found.end_ns == 925


def test_a_guard_that_moves_beside_the_model_is_waited_for_at_the_output() -> None:
    found = after(SERIES, Parallel("A"))
    assert spans(found) == {"A": (110, 210), "B": (130, 170), "model": (200, 500), "D": (550, 850)}
    assert found.end_ns == 900

    slow = replace(SERIES, spans=(Span(A, 110, 210), Span(B, 230, 270), Span(MODEL, 300, 340), Span(D, 650, 950)))
    found = after(slow, Parallel("A"))
    assert spans(found) == {"A": (110, 210), "B": (130, 170), "model": (200, 240), "D": (550, 850)}
    slow = replace(SERIES, spans=(Span(A, 110, 210), Span(B, 211, 212), Span(MODEL, 213, 243), Span(D, 650, 950)))
    found = after(slow, Parallel("A"))
    assert spans(found)["model"] == (113, 143)
    assert spans(found)["D"] == (210 + 650 - 243, 210 + 950 - 243)


def test_without_an_output_guard_the_end_of_the_request_waits() -> None:
    assert length(in_series((A, 100), (MODEL, 30)), Parallel("A")) == 100
    assert length(in_series((A, 100), (MODEL, 300)), Parallel("A")) == 300


def test_guards_in_parallel_run_beside_each_other() -> None:
    request = in_series((A, 100), (B, 80), (MODEL, 30), (D, 20))
    assert length(request, Parallel("A")) == 130
    assert length(request, Parallel("A"), Parallel("B")) == 120


def test_an_answer_is_not_released_before_the_guard_has_spoken() -> None:
    request = in_series((A, 100), (MODEL, 10), (FILTER, 1), (MODEL, 10), (FILTER, 1))
    found = after(request, Parallel("A"))
    assert [(span.start_ns, span.end_ns) for span in found.spans if span.layer == FILTER] == [(100, 101), (111, 112)]


def test_an_output_guard_runs_beside_those_that_follow_it() -> None:
    last = Layer("E", stage="output")
    request = in_series((MODEL, 100), (D, 40), (last, 30))
    assert length(request, Parallel("D")) == 140


def test_a_guard_that_never_said_where_it_stands_is_placed_by_its_time() -> None:
    behind = Layer("behind", stage="input")
    request = in_series((A, 100), (MODEL, 30), (behind, 20))
    assert length(request, Parallel("A")) == 120


def test_a_guard_that_was_parallel_already_stays_so() -> None:
    for name in "BC":
        assert attribute(after(WORKED_CASE, Parallel(name))).tax_ns == 170


def test_what_a_guard_calls_goes_with_it_but_not_the_model() -> None:
    inner = Layer("inner", stage="input")
    request = Trace(0, 200, (Span(A, 0, 100), Span(inner, 20, 60, parent=0), Span(MODEL, 100, 200)))
    assert length(request, Drop("A")) == 100
    assert length(request, Drop("inner")) == 160
    assert length(request, Faster("A", 2)) == 170
    beside = after(request, Parallel("A"))
    assert [(span.layer.name, span.start_ns, span.end_ns) for span in beside.spans] == [
        ("A", 0, 20),
        ("model", 0, 100),
        ("inner", 20, 60),
        ("A", 60, 100),
    ]
    around = Trace(0, 140, (Span(FILTER, 0, 140), Span(MODEL, 10, 110, parent=0)))
    assert length(around, Drop("filter")) == 100


def test_changes_are_made_together_whatever_their_order() -> None:
    request = in_series((A, 100), (B, 80), (C, 60), (MODEL, 30), (D, 20))
    changes = (Drop("B"), Faster("C", 2), Parallel("C"), Reorder(("C", "A")))
    assert length(request, *changes) == length(request, *reversed(changes)) == 150


def test_reordered_guards_take_as_long_as_before_when_nothing_is_blocked() -> None:
    found = after(SERIES, Reorder(("B", "A")))
    assert spans(found) == {"B": (110, 150), "A": (170, 270), "model": (300, 600), "D": (650, 950)}
    assert found.duration_ns == SERIES.duration_ns


@pytest.mark.parametrize(
    ("order", "expected"),
    [("BA", ["B"]), ("BAC", ["B"]), ("CBA", ["C", "B"]), ("ACB", ["A", "C", "B"])],
)
def test_a_block_that_comes_earlier_saves_what_ran_before_it(order: str, expected: list[str]) -> None:
    lengths = {"A": 100, "B": 10, "C": 30}
    allowed = in_series((A, 100), (B, 10), (C, 30), (MODEL, 300))
    blocked = in_series((A, 100), (B, 10), outcome=Outcome.BLOCKED_INPUT, block="B")
    scenario = Scenario((Reorder(tuple(order)),))
    works = [take_apart(allowed), take_apart(blocked)]
    observed = scenario.observe(works)
    found = scenario.apply(works[1], observed)
    assert found is not None
    assert [piece.layer.name for piece in found.pieces] == expected
    assert found.end_ns == sum(lengths[name] for name in expected)
    unchanged = scenario.apply(works[0], observed)
    assert unchanged is not None
    assert unchanged.end_ns == allowed.end_ns


def test_a_block_by_a_guard_between_them_stops_what_is_behind_it() -> None:
    gate = Layer("gate", stage="input")
    allowed = in_series((A, 100), (gate, 5), (B, 10), (MODEL, 300))
    blocked = in_series((A, 100), (gate, 5), outcome=Outcome.BLOCKED_INPUT, block="gate")
    scenario = Scenario((Reorder(("B", "A")),))
    works = [take_apart(allowed), take_apart(blocked)]
    found = scenario.apply(works[1], scenario.observe(works))
    assert found is not None
    assert [(piece.layer.name, piece.length_ns) for piece in found.pieces] == [("B", 10), ("gate", 5)]
    assert found.end_ns == 15


def test_a_pipeline_that_goes_on_after_a_block_saves_nothing() -> None:
    blocked = in_series((A, 100), (B, 10), (C, 30), outcome=Outcome.BLOCKED_INPUT, block="A")
    assert length(blocked, Reorder(("B", "A"))) == 140


def test_how_a_request_goes_on_without_the_guard_that_blocked_it_is_unknown() -> None:
    blocked = in_series((A, 100), (B, 10), outcome=Outcome.BLOCKED_INPUT, block="B")
    assert changed(blocked, [Drop("B")]) is None
    assert length(blocked, Drop("A")) == 10
    assert length(blocked, Faster("B", 2)) == 105


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([], "no change was named"),
        ([Drop("X")], "'X' is not among the guards of the recorded requests; those are: A, B, D"),
        ([Drop("model")], "'model' is the model, and no guard of the recorded requests; those are: A, B, D"),
        ([Drop("A"), Drop("A")], "A is dropped twice"),
        ([Drop("A"), Faster("A", 2)], "A is dropped, so it cannot be made faster"),
        ([Drop("A"), Parallel("A")], "A is dropped, so it cannot be run in parallel"),
        ([Drop("A"), Reorder(("A", "B"))], "A is dropped, so it cannot be reordered"),
        ([Faster("A", 2), Faster("A", 3)], "A is made faster twice"),
        ([Reorder(("A", "D"))], "model runs between A, D"),
    ],
    ids=str,
)
def test_refused(changes: list[Change], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(SERIES, changes)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf"), 1e-4, 1e7])
def test_refused_factors(factor: float) -> None:
    with pytest.raises(ValueError, match=r"A cannot be .* times as fast; use a number from 0.001 to 1,000,000"):
        Faster("A", factor)


def test_refused_orders() -> None:
    with pytest.raises(ValueError, match="name two or more"):
        Reorder(("A",))
    with pytest.raises(ValueError, match="A is there twice"):
        Reorder(("A", "B", "A"))
    with pytest.raises(ValueError, match=r"B and (C|model) overlap"):
        changed(WORKED_CASE, [Reorder(("B", "C"))])
    inner = Trace(0, 100, (Span(A, 0, 100), Span(B, 20, 60, parent=0)))
    with pytest.raises(ValueError, match="A calls B"):
        changed(inner, [Reorder(("B", "A"))])


def test_refused_to_run_in_parallel() -> None:
    with pytest.raises(ValueError, match="filter works on each piece of an answer"):
        changed(in_series((MODEL, 10), (FILTER, 1)), [Parallel("filter")])
    around = Trace(0, 140, (Span(A, 0, 140), Span(MODEL, 10, 110, parent=0)))
    with pytest.raises(ValueError, match="A calls model"):
        changed(around, [Parallel("A")])


@given(traces(nested=True))
def test_taken_apart_and_put_together_a_request_keeps_its_attribution(trace: Trace) -> None:
    found, expected = attribute(put_together(take_apart(trace))), attribute(trace)
    assert (found.tax_ns, found.raw_ns, found.unattributed_ns) == (
        expected.tax_ns,
        expected.raw_ns,
        expected.unattributed_ns,
    )
    for name, layer in found.layers.items():
        other = expected.layers[name]
        assert (layer.critical_ns, layer.drag_ns, layer.share_ns) == (
            other.critical_ns,
            other.drag_ns,
            other.share_ns,
        )
    assert all(expected.layers[name].critical_ns == 0 for name in expected.layers.keys() - found.layers.keys())


def guards_of(trace: Trace) -> list[str]:
    return sorted({piece.layer.name for piece in take_apart(trace).pieces if not piece.is_model})


@given(traces(), st.data())
def test_dropping_a_guard_saves_its_drag(trace: Trace, data: st.DataObject) -> None:
    for name in guards_of(trace):
        assert trace.duration_ns - length(trace, Drop(name)) == attribute(trace).layers[name].drag_ns


@given(traces())
def test_without_any_guard_only_the_raw_time_is_left(trace: Trace) -> None:
    names = guards_of(trace)
    if names:
        found = after(trace, *map(Drop, names))
        assert found.duration_ns == attribute(trace).raw_ns == attribute(found).raw_ns


@given(traces(nested=True), st.data())
def test_the_tax_stays_between_nothing_and_what_it_was(trace: Trace, data: st.DataObject) -> None:
    names = guards_of(trace)
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    raw_ns = attribute(trace).raw_ns
    faster = length(trace, Faster(name, data.draw(st.floats(1, 100))))
    assert length(trace, Faster(name, 1)) == trace.duration_ns
    assert length(trace, Faster(name, 1e6)) <= faster <= trace.duration_ns
    assert raw_ns <= length(trace, Drop(name)) <= length(trace, Faster(name, 1e6))


@given(traces(), st.data())
def test_in_parallel_a_guard_costs_no_more_than_before_and_no_less_than_without_it(
    trace: Trace, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(guards_of(trace) or ["none"]), unique=True))
    if not names or names == ["none"]:
        return
    without = length(trace, *map(Drop, names))
    assert without <= length(trace, *map(Parallel, names)) <= trace.duration_ns


@given(st.lists(st.integers(0, 50), min_size=2, max_size=5), st.randoms(), st.integers(0, 9))
def test_any_order_of_guards_in_series_takes_as_long(lengths: list[int], shuffle: object, gap: int) -> None:
    layers = [guard(f"guard {number}") for number in range(len(lengths))]
    done, now = [], 0
    for layer, took in zip((*layers, MODEL), (*lengths, 100), strict=True):
        done.append(Span(layer, now + gap, now + gap + took))
        now += gap + took
    trace = Trace(0, now + gap, tuple(done))
    names = [layer.name for layer in layers]
    shuffle.shuffle(names)  # type: ignore[attr-defined]
    found = after(trace, Reorder(tuple(names)))
    assert found.duration_ns == trace.duration_ns
    assert attribute(found).tax_ns == attribute(trace).tax_ns
