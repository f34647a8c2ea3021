"""Arbitrary requests: agreement with the naive oracle, and what must hold for every one of them."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aligntax.attribution import Attribution, attribute
from aligntax.attribution.sections import cut, settle
from aligntax.attribution.timeline import flatten
from aligntax.trace import Span, Trace

from . import oracle
from .traces import MODEL, guard, in_series, permuted, request, scaled, traces

several = settings(deadline=None, max_examples=150)
many = settings(deadline=None, max_examples=300)


def shares(attribution: Attribution) -> dict[str, int]:
    return {name: layer.share_ns for name, layer in attribution.layers.items()}


def check_against(attribution: Attribution, expected: oracle.Answer) -> None:
    assert attribution.raw_ns == expected.raw
    assert attribution.tax_ns == expected.tax
    assert attribution.unattributed_ns == expected.unattributed
    assert not attribution.sampled
    assert attribution.standard_error_ns == 0.0
    assert attribution.layers.keys() == expected.busy.keys()
    for name, layer in attribution.layers.items():
        assert layer.busy_ns == expected.busy[name]
        assert layer.critical_ns == expected.critical.get(name, 0)
        assert layer.drag_ns == expected.drag.get(name, 0)
        assert abs(layer.share_ns - expected.share.get(name, Fraction())) < 1
    assert sum(shares(attribution).values()) == expected.tax


@many
@given(traces())
def test_flat_requests_agree_with_the_oracle(trace: Trace) -> None:
    check_against(attribute(trace), oracle.answer(trace))


@many
@given(traces(nested=True))
def test_nested_requests_agree_with_the_oracle(trace: Trace) -> None:
    check_against(attribute(trace), oracle.answer(trace))


@many
@given(traces(guards=3, spans=7, within=True))
def test_requests_without_clipping_agree_with_the_oracle(trace: Trace) -> None:
    check_against(attribute(trace), oracle.answer(trace))


def test_eight_overlapping_guards_are_still_exact() -> None:
    spans = [Span(guard(f"guard {number}"), 7 * number, 7 * number + 19 + number % 3) for number in range(8)]
    trace = request(Span(MODEL, 3, 40), *spans)
    check_against(attribute(trace), oracle.answer(trace))


@several
@given(st.integers(0, 50), st.lists(st.integers(0, 60), max_size=6))
def test_fork_join_is_the_airport_game(model: int, lengths: list[int]) -> None:
    names = [f"guard {number}" for number in range(len(lengths))]
    length = dict(zip(names, lengths, strict=True))
    spans = [Span(guard(name), 0, end) for name, end in length.items()]
    attribution = attribute(request(Span(MODEL, 0, model), *spans))

    def worth(present: frozenset[str]) -> int:
        return max(0, max((length[name] for name in present), default=0) - model)

    assert (attribution.raw_ns, attribution.tax_ns) == (model, worth(frozenset(names)))
    for name, share in oracle.shapley_by_orders(worth, names).items():
        assert abs(attribution.layers[name].share_ns - share) < 1
        assert attribution.layers[name].drag_ns == worth(frozenset(names)) - worth(frozenset(names) - {name})


def test_fork_join_of_many_guards_needs_no_sampling() -> None:
    spans = [Span(guard(f"guard {number:02}"), number % 5, 100 + 7 * number) for number in range(12)]
    trace = request(Span(MODEL, 0, 120), *spans)
    check_against(attribute(trace), oracle.answer(trace))


@several
@given(traces(guards=12, spans=30, nested=True))
def test_books_close_for_every_request(trace: Trace) -> None:
    attribution = attribute(trace)
    layers = attribution.layers.values()
    assert attribution.guarded_ns == trace.duration_ns
    assert sum(layer.critical_ns for layer in layers) + attribution.unattributed_ns == attribution.guarded_ns
    assert sum(layer.share_ns for layer in layers) == attribution.tax_ns
    assert attribution.raw_ns + attribution.tax_ns == attribution.guarded_ns
    assert attribution.raw_ns >= 0
    assert attribution.tax_ns >= 0
    assert attribution.unattributed_ns >= 0
    for layer in layers:
        assert 0 <= layer.critical_ns <= layer.busy_ns
        assert 0 <= layer.drag_ns <= attribution.tax_ns
        assert 0 <= layer.share_ns <= attribution.tax_ns
        assert layer.calls >= 1
        if layer.layer.kind == "model":
            assert layer.drag_ns == layer.share_ns == 0


@several
@given(traces(guards=10, spans=16))
def test_sections_hand_out_their_whole_delay(trace: Trace) -> None:
    for section in cut(flatten(trace).items):
        start, end = section[0].start_ns, max(item.end_ns for item in section)
        work = [oracle.Piece(*item) for item in section]
        delay = end - start - oracle.replay(work, start, end, [])
        settlement = settle(section, "seed")
        assert sum(settlement.shares.numerators) == settlement.shares.denominator * delay
        assert min(settlement.shares.numerators, default=0) >= 0


@several
@given(traces(within=True), traces(within=True))
def test_requests_in_series_add_up(first: Trace, second: Trace) -> None:
    joined = attribute(in_series(first, second))
    one, other = attribute(first), attribute(second)
    assert joined.tax_ns == one.tax_ns + other.tax_ns
    for name, layer in joined.layers.items():
        parts = [part.layers[name] for part in (one, other) if name in part.layers]
        assert layer.drag_ns == sum(part.drag_ns for part in parts)
        assert layer.busy_ns == sum(part.busy_ns for part in parts)
        # Three roundings, each by less than a nanosecond.
        assert abs(layer.share_ns - sum(part.share_ns for part in parts)) < 3


@several
@given(traces(guards=3, spans=6), st.data())
def test_equal_guards_get_equal_shares(trace: Trace, data: st.DataObject) -> None:
    guards = sorted({span.layer.name for span in trace.spans if span.layer.kind == "guard"})
    assume(guards)
    name = data.draw(st.sampled_from(guards))
    twin = guard("twin")
    copies = [
        Span(twin, span.start_ns, span.end_ns, gpu_end_ns=span.gpu_end_ns)
        for span in trace.spans
        if span.layer.name == name
    ]
    attribution = attribute(Trace(trace.start_ns, trace.end_ns, (*trace.spans, *copies)))
    assert abs(attribution.layers[name].share_ns - attribution.layers["twin"].share_ns) <= 1
    assert attribution.layers[name].drag_ns == attribution.layers["twin"].drag_ns


@several
@given(traces(guards=10, spans=20))
def test_guards_behind_a_model_are_free(trace: Trace) -> None:
    whole = Span(MODEL, trace.start_ns, trace.end_ns)
    attribution = attribute(Trace(trace.start_ns, trace.end_ns, (*trace.spans, whole)))
    assert attribution.tax_ns == 0
    assert set(shares(attribution).values()) == {0}
    assert not attribution.sampled


@several
@given(traces(), st.lists(st.integers(0, 55), min_size=1, max_size=3))
def test_guard_that_takes_no_time_costs_nothing(trace: Trace, instants: list[int]) -> None:
    idle = [Span(guard("idle"), instant, instant) for instant in instants]
    attribution = attribute(Trace(trace.start_ns, trace.end_ns, (*trace.spans, *idle)))
    layer = attribution.layers["idle"]
    assert (layer.busy_ns, layer.critical_ns, layer.drag_ns, layer.share_ns) == (0, 0, 0, 0)


@several
@given(traces(nested=True))
def test_unit_of_time_does_not_matter(trace: Trace) -> None:
    attribution, expected = attribute(scaled(trace, 1000)), oracle.answer(trace)
    assert attribution.raw_ns == 1000 * expected.raw
    assert attribution.unattributed_ns == 1000 * expected.unattributed
    for name, share in expected.share.items():
        assert attribution.layers[name].drag_ns == 1000 * expected.drag[name]
        assert abs(attribution.layers[name].share_ns - 1000 * share) < 1


@several
@given(traces(guards=10, spans=16, nested=True), st.data())
def test_order_of_spans_does_not_matter(trace: Trace, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(trace.spans))))
    assert attribute(permuted(trace, order)) == attribute(trace)
