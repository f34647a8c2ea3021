"""Paired, binary: McNemar's exact p, its standard error, and an interval that covers also where few items differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference import mcnemar

from .simulations import covered


def test_the_standard_error_is_that_of_the_differences() -> None:
    differences = np.repeat([1, -1, 0], [30, 12, 158])
    found = mcnemar(30, 12, 200)
    assert found.difference.value == pytest.approx(0.09)
    assert found.standard_error == pytest.approx(differences.std(ddof=0) / math.sqrt(200))
    assert found.standard_error == pytest.approx(math.sqrt(42 - 18**2 / 200) / 200)


@pytest.mark.parametrize(("b", "c"), [(30, 12), (0, 5), (7, 7), (1, 0), (100, 140)])
def test_p_is_that_of_the_signs(b: int, c: int) -> None:
    assert mcnemar(b, c, 400).p == pytest.approx(stats.binomtest(min(b, c), b + c).pvalue)


def test_items_that_never_differ() -> None:
    found = mcnemar(0, 0, 50)
    assert (found.difference.value, found.standard_error, found.p) == (0, 0, 1)
    assert found.difference.low == pytest.approx(-(found.difference.high or 0))
    assert found.difference.width > 0.05, "that 50 items are alike does not show that all are"


def test_the_interval_nears_the_plain_one() -> None:
    found = mcnemar(1200, 900, 20_000)
    half = 1.959964 * found.standard_error
    assert found.difference == pytest.approx((0.015, 0.015 - half, 0.015 + half), abs=2e-5)


@pytest.mark.parametrize(("b", "c", "n"), [(0.10, 0.05, 60), (0.3, 0.2, 40), (0.05, 0.02, 400), (0.15, 0.15, 1000)])
def test_it_covers(b: float, c: float, n: int) -> None:
    def interval(generator: np.random.Generator) -> bool:
        first, second, _ = generator.multinomial(n, [b, c, 1 - b - c])
        return mcnemar(int(first), int(second), n).difference.covers(b - c)

    assert 0.92 <= covered(interval, seed=n) <= 0.98


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 500))
def test_swapping_the_arms_turns_the_sign(b: int, c: int, alike: int) -> None:
    n = b + c + alike
    if n == 0:
        return
    there, back = mcnemar(b, c, n), mcnemar(c, b, n)
    value, low, high = there.difference
    assert low is not None
    assert high is not None
    assert -1 <= low <= value <= high <= 1
    assert back.difference == pytest.approx((-value, -high, -low), abs=1e-12)
    assert (back.p, back.standard_error) == pytest.approx((there.p, there.standard_error))
    assert there.p <= 1


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((3, 3, 5), r"b \+ c=6 is more than n=5"),
        ((-1, 3, 5), "b=-1 must be 0 or more"),
        ((1, 0, 0), "n=0 leaves nothing"),
        ((1, 1.5, 5), "c=1.5 is no count"),
    ],
)
def test_what_cannot_be(counts: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mcnemar(*counts)
