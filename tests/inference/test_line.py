"""A line through estimates: what it finds, how sure it is, and what it refuses."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference.line import fit_line

HEIGHTS = st.lists(st.floats(-100, 100), min_size=4, max_size=12)


def test_it_is_the_regression_of_scipy() -> None:
    places, heights = [0.0, 0.3, 0.5, 0.9, 1.4], [9.0, 7.5, 7.9, 6.1, 5.0]
    known = stats.linregress(places, heights)
    found = fit_line(places, heights)
    half = float(stats.t.isf(0.025, 3)) * known.stderr
    assert found.slope == pytest.approx((known.slope, known.slope - half, known.slope + half))
    assert found.intercept == pytest.approx(known.intercept)
    assert not found.weighted


def test_surer_points_weigh_more() -> None:
    places, heights = [0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 40.0]
    assert fit_line(places, heights).slope.value > 10
    found = fit_line(places, heights, [0.1, 0.1, 0.1, 100.0])
    assert found.weighted
    assert found.slope.value == pytest.approx(1.0, abs=0.01)
    assert not fit_line(places, heights, [0.1, 0.1, None, 0.1]).weighted


@pytest.mark.parametrize("spread", [(1.0,) * 5, (0.5, 1.0, 2.0, 1.0, 0.5)], ids=["alike", "unlike"])
def test_the_interval_covers_the_slope(spread: tuple[float, ...]) -> None:
    random = np.random.default_rng(3)
    places = [0.0, 0.25, 0.5, 0.75, 1.0]
    hits = 0
    for _ in range(2000):
        heights = 5 - 2 * np.asarray(places) + random.normal(0, spread)
        hits += fit_line(places, heights.tolist(), spread).slope.covers(-2.0)
    assert 0.92 <= hits / 2000 <= 0.98


@given(HEIGHTS)
def test_mirrored_heights_have_the_mirrored_slope(heights: list[float]) -> None:
    places = [float(number) for number in range(len(heights))]
    one, other = fit_line(places, heights).slope, fit_line(places, [-height for height in heights]).slope
    assert one.value == pytest.approx(-other.value, abs=1e-9)
    assert one.width == pytest.approx(other.width, abs=1e-9)


def test_points_on_a_line_have_a_slope_without_doubt() -> None:
    found = fit_line([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4]).slope
    assert found.value == pytest.approx(0.1)
    assert found.low == found.value == found.high
    assert fit_line([0, 1, 2], [5, 5, 5]).slope == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("places", "heights", "message"),
    [
        ([0, 1], [1, 2], "2 places and 2 heights make no line"),
        ([0, 1, 2], [1, 2], "3 places and 2 heights make no line"),
        ([0, 1, 2], [1, 2, float("nan")], "must be finite"),
        ([2, 2, 2], [1, 2, 3], "all points lie at place 2"),
    ],
)
def test_what_makes_no_line_is_refused(places: list[float], heights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        fit_line(places, heights)
