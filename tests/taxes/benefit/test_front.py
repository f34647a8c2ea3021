"""Configurations that others dominate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import Estimate
from aligntax.taxes.benefit.front import Option, front


def option(name: str, *costs: float, half: float = 0.0) -> Option:
    return Option(name, tuple(Estimate(cost, cost - half, cost + half) for cost in costs))


def test_a_worse_one_is_dominated_and_a_trade_off_is_not() -> None:
    found = front([option("cheap", 1, 0.5), option("good", 3, 0.1), option("worse", 4, 0.2), option("none", 0, 1.0)])
    assert [standing.dominated_by for standing in found] == [(), (), ("good",), ()]


def test_equals_do_not_dominate_each_other() -> None:
    assert [standing.dominated_by for standing in front([option("a", 1, 1), option("b", 1, 1)])] == [(), ()]


@pytest.mark.parametrize(("half", "clearly"), [(0.1, True), (1.0, False)])
def test_intervals_say_how_clear_it_is(half: float, clearly: bool) -> None:
    found = front([option("a", 1.0, 1.0, half=half), option("b", 2.0, 1.0, half=half)])
    assert found[1].dominated_by == ("a",)
    assert found[1].clearly is clearly
    assert not found[0].clearly


def test_costs_are_the_same_ones_for_all() -> None:
    with pytest.raises(ValueError, match="different numbers of costs"):
        front([option("a", 1), option("b", 1, 2)])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_whoever_is_dominated_is_dominated_by_one_of_the_front(costs: list[tuple[int, int, int]]) -> None:
    found = front([option(str(index), *each) for index, each in enumerate(costs)])
    on_front = {str(index) for index, standing in enumerate(found) if not standing.dominated_by}
    assert on_front
    for standing in found:
        assert not standing.dominated_by or on_front & set(standing.dominated_by)
