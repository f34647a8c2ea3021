"""More than eight guards that overlap in a shape without a closed form: estimated shares and their errors."""

from __future__ import annotations

from functools import cache
from math import sqrt

import pytest

from aligntax.attribution import attribute
from aligntax.attribution.sections import FEWEST_PAIRS, MOST_PAIRS, cut, settle
from aligntax.attribution.timeline import flatten
from aligntax.trace import Span, Trace

from . import oracle
from .traces import MODEL, guard, in_series, request


def staircase(guards: int, unit: int = 1000) -> Trace:
    """Guards that start one after another, each overlapping the next few, beside a model."""
    spans = [
        Span(guard(f"guard {number:02}"), 7 * unit * number, (7 * number + 10 + 11 * (number % 4)) * unit)
        for number in range(guards)
    ]
    return request(Span(MODEL, 0, 30 * unit), *spans)


@cache
def expected() -> oracle.Answer:
    return oracle.answer(staircase(10))


@pytest.mark.parametrize("seed", range(5))
def test_estimates_sum_to_the_tax_and_lie_within_their_error(seed: int) -> None:
    attribution = attribute(staircase(10), seed=seed)
    assert attribution.sampled
    assert 0 < attribution.standard_error_ns < expected().tax / 50
    assert attribution.tax_ns == sum(layer.share_ns for layer in attribution.layers.values()) == expected().tax
    for name, share in expected().share.items():
        assert attribution.layers[name].drag_ns == expected().drag[name]
        assert abs(attribution.layers[name].share_ns - share) <= 5 * attribution.standard_error_ns + 1


def test_standard_error_is_that_of_the_worst_estimate() -> None:
    runs = [attribute(staircase(10), seed=seed) for seed in range(20)]
    reported = sqrt(sum(run.standard_error_ns**2 for run in runs) / len(runs))
    worst = max(
        sqrt(sum(float(run.layers[name].share_ns - share) ** 2 for run in runs) / len(runs))
        for name, share in expected().share.items()
    )
    assert reported / 2 < worst < reported * 2


def test_seed_decides_the_estimate() -> None:
    assert attribute(staircase(10), seed=3) == attribute(staircase(10), seed=3)
    assert attribute(staircase(10), seed=3).layers != attribute(staircase(10), seed=4).layers


def test_sections_err_independently() -> None:
    once = attribute(staircase(10))
    twice = attribute(in_series(staircase(10), staircase(10)))
    assert twice.tax_ns == 2 * once.tax_ns
    assert sum(layer.share_ns for layer in twice.layers.values()) == twice.tax_ns
    assert twice.standard_error_ns == pytest.approx(sqrt(2) * once.standard_error_ns, rel=0.2)
    for name, share in expected().share.items():
        assert abs(twice.layers[name].share_ns - 2 * share) <= 5 * twice.standard_error_ns + 1
    # Were both sections sampled in the same orders, one would repeat the other and only rounding would differ.
    assert any(abs(twice.layers[name].share_ns - 2 * layer.share_ns) >= 3 for name, layer in once.layers.items())


def test_effort_is_bounded_in_long_sections() -> None:
    spans = (Span(guard(f"guard {i % 20:02}"), 20 * i, 20 * i + 100) for i in range(2000))
    (section,) = cut(flatten(request(*spans)).items)
    assert settle(section, "seed").shares.denominator == 2 * FEWEST_PAIRS
    (section,) = cut(flatten(staircase(10)).items)
    assert settle(section, "seed").shares.denominator == 2 * MOST_PAIRS


def test_eight_guards_are_not_sampled() -> None:
    assert not attribute(staircase(8)).sampled
    assert attribute(staircase(9)).sampled


def test_guards_that_took_no_time_do_not_force_sampling() -> None:
    trace = staircase(8)
    idle = [Span(guard(f"idle {number}"), 7_000 * number, 7_000 * number) for number in range(5)]
    assert not attribute(Trace(trace.start_ns, trace.end_ns, (*trace.spans, *idle))).sampled
