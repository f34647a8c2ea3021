from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.experiment.load.capacity import Bracket, Search, throughput_tax


def search(holds: Callable[[float], bool | None], start: float, tolerance: float = 0.05, reach: float = 64.0) -> Search:
    found = Search(start, least=start / reach, most=start * reach, tolerance=tolerance)
    for _ in range(60):
        rate = found.next_rate()
        if rate is None:
            return found
        found.tell(rate, holds(rate))
    raise AssertionError("the search does not end")


@given(
    capacity=st.floats(0.1, 1e4),
    factor=st.floats(1 / 50, 50),
    tolerance=st.floats(0.001, 0.5),
)
def test_a_search_brackets_a_sharp_capacity_as_closely_as_asked(
    capacity: float, factor: float, tolerance: float
) -> None:
    bracket = search(lambda rate: rate <= capacity, capacity * factor, tolerance).bracket
    assert bracket.kept is not None
    assert bracket.failed is not None
    assert bracket.kept <= capacity <= bracket.failed
    assert bracket.failed / bracket.kept - 1 <= tolerance * (1 + 1e-9)


@given(capacity=st.floats(1, 1e3), factor=st.floats(1 / 25, 25), blur=st.floats(0.01, 0.4))
def test_rates_that_cannot_be_told_lie_between_the_ends(capacity: float, factor: float, blur: float) -> None:
    low, high = capacity * (1 - blur), capacity * (1 + blur)

    def holds(rate: float) -> bool | None:
        return True if rate <= low else False if rate >= high else None

    bracket = search(holds, capacity * factor).bracket
    assert bracket.kept is not None
    assert bracket.failed is not None
    assert bracket.kept <= low
    assert bracket.failed >= high
    # Both ends are as near to what cannot be told as was asked for.
    assert low / bracket.kept <= 1.06
    assert bracket.failed / high <= 1.06


def test_an_end_that_was_never_seen_is_open() -> None:
    assert search(lambda _: True, 10.0).bracket == Bracket(640.0, None)
    assert search(lambda _: False, 10.0).bracket == Bracket(None, 10.0 / 64)
    assert search(lambda _: None, 10.0).bracket == Bracket(None, None)


def test_the_tax_is_the_difference_and_its_ends_are_those_of_the_brackets() -> None:
    found = throughput_tax(Bracket(100.0, 104.0), Bracket(80.0, 84.0))
    assert found["absolute"] == {"value": 20.0, "low": 16.0, "high": 24.0}
    assert found["relative"] == {
        "value": pytest.approx(0.2),
        "low": pytest.approx(1 - 84 / 100),
        "high": pytest.approx(1 - 80 / 104),
    }
    bonus = throughput_tax(Bracket(100.0, 104.0), Bracket(120.0, 124.0))
    assert bonus["absolute"]["value"] == -20.0
    assert throughput_tax(Bracket(100.0, None), Bracket(80.0, 84.0)) == {"absolute": None, "relative": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 1.0, "least": 2.0, "most": 4.0},
        {"start": 1.0, "least": 0.0, "most": 4.0},
        {"start": 1.0, "least": 0.5, "most": math.inf},
        {"start": 1.0, "least": 0.5, "most": 2.0, "tolerance": 0.0},
    ],
)
def test_rates_that_do_not_fit_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Search(wrong.pop("start"), **wrong)
