"""Long and deep requests: right, and done before the suite's time limit."""

from __future__ import annotations

from aligntax.attribution import attribute
from aligntax.trace import Span

from .traces import MODEL, guard, request


def test_five_thousand_spans_in_series() -> None:
    layers = [MODEL, *(guard(f"guard {number}") for number in range(4))]
    attribution = attribute(request(*(Span(layers[i % 5], 10 * i, 10 * i + 7) for i in range(5000))))
    assert attribution.unattributed_ns == 3 * 4999
    assert attribution.tax_ns == 4000 * 7
    assert {layer.share_ns for layer in attribution.layers.values()} == {0, 7000}
    assert {layer.critical_ns for layer in attribution.layers.values()} == {7000}


def test_two_thousand_spans_beside_one_parallel_guard() -> None:
    spans = (Span(MODEL, 10 * i, 10 * i + 10) for i in range(2000))
    attribution = attribute(request(Span(guard("watch"), 0, 20_500), *spans))
    assert (attribution.raw_ns, attribution.tax_ns) == (20_000, 500)
    assert attribution.layers["watch"].share_ns == attribution.layers["watch"].drag_ns == 500


def test_two_thousand_spans_beside_one_parallel_guard_with_decode_guards_between() -> None:
    layers = [MODEL, *(guard(f"decode {number}") for number in range(4))]
    spans = (Span(layers[i % 5], 10 * i, 10 * i + 10) for i in range(2000))
    attribution = attribute(request(Span(guard("watch"), 0, 19_995), *spans))
    # The chain is 4000 of model and 4000 of each decode guard; only with all of it does it outlast the watch, by 5.
    assert (attribution.raw_ns, attribution.tax_ns) == (4_000, 16_000)
    assert attribution.layers["watch"].drag_ns == 0
    assert attribution.layers["decode 0"].drag_ns == 5
    # The watch joins behind 0 to 4 decode guards, each equally often; what it doesn't pay they split evenly.
    assert attribution.layers["watch"].share_ns == (15_995 + 11_995 + 7_995 + 3_995 + 0) // 5 == 7_996
    assert {attribution.layers[f"decode {number}"].share_ns for number in range(4)} == {(16_000 - 7_996) // 4}
    assert not attribution.sampled


def test_two_thousand_spans_of_twenty_overlapping_guards() -> None:
    spans = (Span(guard(f"guard {i % 20:02}"), 20 * i, 20 * i + 100) for i in range(2000))
    attribution = attribute(request(*spans))
    assert attribution.sampled
    assert sum(layer.share_ns for layer in attribution.layers.values()) == attribution.tax_ns


def test_calls_five_hundred_deep() -> None:
    layers = [MODEL, guard("outer"), guard("inner")]
    depth = 500
    spans = [Span(layers[i % 3], i, 2 * depth - i, parent=i - 1 if i else None) for i in range(depth)]
    attribution = attribute(request(*spans))
    assert sum(layer.critical_ns for layer in attribution.layers.values()) == attribution.guarded_ns == 2 * depth
    assert attribution.layers["model"].busy_ns == 2 * depth
    assert attribution.layers["outer"].busy_ns == 2 * depth - 2
    assert attribution.layers["outer"].share_ns == attribution.layers["outer"].critical_ns
