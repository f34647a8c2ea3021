"""Energy totals: monotone over any input, exact over wraps, the trapezoidal rule over power."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.devices.energy import EnergyTotal

RANGE = 1 << 20
counters = st.lists(st.integers(0, RANGE), min_size=1, max_size=30)


@settings(deadline=None)
@given(start=st.integers(0, RANGE - 1), steps=st.lists(st.integers(0, RANGE - 1), max_size=30))
def test_a_wrapping_counter_yields_what_was_used(start: int, steps: list[int]) -> None:
    total = EnergyTotal(units_per_joule=1000, wraps_at=RANGE)
    total.count(start)
    for used in itertools.accumulate(steps):
        total.count((start + used) % RANGE)
    assert total.joules == pytest.approx(sum(steps) / 1000)


@pytest.mark.parametrize("wraps_at", [None, RANGE])
@settings(deadline=None)
@given(samples=counters)
def test_no_sequence_of_samples_lowers_the_total(wraps_at: int | None, samples: list[int]) -> None:
    total = EnergyTotal(wraps_at=wraps_at)
    totals = [total.count(sample) for sample in samples]
    assert totals[0] == 0
    assert totals == sorted(totals)


def test_a_restarted_counter_adds_nothing_at_its_restart_and_goes_on() -> None:
    total = EnergyTotal(units_per_joule=1000)
    assert [total.count(sample) for sample in (5_000, 9_000, 100, 2_100)] == [0, 4, 4, 6]


def test_power_is_integrated_by_the_trapezoidal_rule() -> None:
    total = EnergyTotal()
    samples = [(100.0, 0), (300.0, 2_000_000_000), (300.0, 2_500_000_000)]
    assert [total.integrate(watts, now_ns) for watts, now_ns in samples] == pytest.approx([0, 400, 550])


def test_a_total_goes_on_from_its_counter_when_power_takes_over() -> None:
    total = EnergyTotal(units_per_joule=1000)
    total.count(0)
    total.count(7_000)
    assert total.integrate(50.0, 0) == 7
    assert total.integrate(50.0, 1_000_000_000) == pytest.approx(57)
