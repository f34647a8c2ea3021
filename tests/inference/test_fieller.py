"""Ratios with errors in both parts: when there is an interval, that it covers, and what must hold of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import fieller

from .simulations import covered

amounts = st.floats(0.01, 1000)
errors = st.floats(0, 3)


def test_a_worked_example() -> None:
    # The roots of (a - r b)^2 = z^2 (va - 2 r cov + r^2 vb), for a = 5, b = 20, va = 1, vb = 4, cov = 0.5.
    z2 = 1.959963984540054**2
    low, high = sorted(np.roots([20**2 - z2 * 4, -2 * (100 - z2 * 0.5), 25 - z2]))
    assert fieller(5, 20, 1, 2, 0.5) == pytest.approx((0.25, low, high))


@pytest.mark.parametrize(("denominator", "error"), [(0, 0), (0, 1), (1, 1), (-1, 1), (1.959, 1)])
def test_a_denominator_that_may_be_zero(denominator: float, error: float) -> None:
    assert fieller(5, denominator, 1, error) is None


def test_a_denominator_that_is_known() -> None:
    assert fieller(5, 20, 1, 0) == pytest.approx((0.25, 0.25 - 1.959964 / 20, 0.25 + 1.959964 / 20), rel=1e-6)
    assert fieller(0, 20, 0, 0) == (0, 0, 0)


def test_few_degrees_of_freedom_widen_it() -> None:
    wide, narrow = fieller(5, 20, 1, 2, freedom=5), fieller(5, 20, 1, 2)
    assert wide is not None
    assert narrow is not None
    assert wide.width > 1.2 * narrow.width
    assert fieller(5, 20, 1, 9, freedom=5) is None
    assert fieller(5, 20, 1, 9) is not None


@pytest.mark.parametrize("shared", [-0.6, 0.0, 0.9])
@pytest.mark.parametrize("denominator", [3.0, 10.0])
def test_it_covers(denominator: float, shared: float) -> None:
    # Those without an interval are no miss: it is infinite then, and holds everything.
    covariance = np.array([[0.49, shared * 0.7], [shared * 0.7, 1.0]])

    def interval(generator: np.random.Generator) -> bool:
        top, bottom = generator.multivariate_normal([2.0, denominator], covariance)
        found = fieller(top, bottom, 0.7, 1.0, shared * 0.7)
        return found is None or found.covers(2.0 / denominator)

    assert 0.92 <= covered(interval, seed=3) <= 0.98


def test_it_covers_of_paired_samples() -> None:
    # As for scores: the numerator is raw minus aligned, the denominator is raw, of the same items.
    def interval(generator: np.random.Generator) -> bool:
        raw = generator.normal(0.6, 0.2, 30)
        tax = generator.normal(0.06, 0.1, 30) + 0.1 * (raw - 0.6)
        covariance = np.cov(tax, raw) / 30
        found = fieller(
            tax.mean(), raw.mean(), *np.sqrt(np.diag(covariance)).tolist(), float(covariance[0, 1]), freedom=29
        )
        assert found is not None
        return found.covers(0.1)

    assert 0.92 <= covered(interval, seed=4) <= 0.98


@given(amounts, amounts, errors, errors, st.floats(-1, 1), st.floats(1e-6, 1e6))
def test_what_must_hold(top: float, bottom: float, first: float, second: float, shared: float, scale: float) -> None:
    covariance = shared * first * second
    found = fieller(top, bottom, first, second, covariance)
    assert (found is None) == (bottom <= 1.959963984540054 * second)
    if found is None:
        return
    value, low, high = found
    assert low is not None
    assert high is not None
    assert low <= value <= high
    close = {"rel": 1e-4, "abs": 1e-9}
    turned = fieller(-top, bottom, first, second, -covariance)
    assert turned is not None
    assert turned == pytest.approx((-value, -high, -low), **close)
    both = fieller(top * scale, bottom * scale, first * scale, second * scale, covariance * scale**2)
    if both is not None:  # rounding may move a denominator over its edge
        assert both.value == pytest.approx(value)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_the_unit_does_not_matter(scale: float) -> None:
    found = fieller(5 * scale, 20 * scale, scale, 2 * scale)
    assert found == pytest.approx(fieller(5, 20, 1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 1, 0, 0), "numerator=nan must be a finite number"),
        ((1, 1, -1, 0), "numerator_error=-1 must be 0 or more"),
        ((1, 1, 0.1, 0.1, 1.0), r"covariance=1 is beyond the product of the errors, 0.01"),
        ((1, 1, 0.1, 0.1, 0.0, 95), "confidence=95 must lie between 0 and 1"),
    ],
)
def test_what_is_no_estimate(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fieller(*arguments)
    with pytest.raises(ValueError, match="freedom=0 must be above 0"):
        fieller(1, 1, 0.1, 0.1, freedom=0)
