"""Estimates, with and without an interval, and how a result file holds them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from aligntax.inference import (
    CONFIDENCE,
    Estimate,
    difference_of_medians,
    mean,
    mean_of_differences,
    median,
    median_of_differences,
    quantile,
    ratio_of_means,
)


def test_an_interval() -> None:
    estimate = Estimate(2.0, 1.0, 4.0)
    assert estimate.width == 3
    assert [estimate.covers(truth) for truth in (0.9, 1, 2, 4, 4.1)] == [False, True, True, True, False]


def test_no_interval_rules_nothing_out() -> None:
    estimate = Estimate(2.0)
    assert estimate.width == math.inf
    assert estimate.covers(-1e9)


@pytest.mark.parametrize("estimate", [Estimate(2.0, 1.0, 4.0), Estimate(-0.5), Estimate(0.0, 0.0, 0.0)])
def test_there_and_back(estimate: Estimate) -> None:
    assert Estimate.from_dict(json.loads(json.dumps(estimate.to_dict()))) == estimate
    assert list(estimate.to_dict()) == ["value", "low", "high"]


def test_whole_numbers_of_a_file() -> None:
    assert Estimate.from_dict({"value": 2, "low": 1, "high": 3}) == Estimate(2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 1.0},
        {"value": None, "low": None, "high": None},
        {"value": 1.0, "low": 0.5, "high": None},
        {"value": 1.0, "low": None, "high": 2.0},
        {"value": 1.0, "low": 2.0, "high": 3.0},
        {"value": math.nan, "low": None, "high": None},
        {"value": 1.0, "low": -math.inf, "high": 2.0},
        {"value": 10**400, "low": None, "high": None},
        {"value": "1.0", "low": None, "high": None},
        {"value": [1.0], "low": 0.0, "high": 2.0},
        None,
        [1.0, 0.0, 2.0],
    ],
)
def test_what_is_no_estimate(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is no estimate"):
        Estimate.from_dict(wrong)


def test_against_scipy() -> None:
    values = np.random.default_rng(0).lognormal(0, 1, 40)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(CONFIDENCE)
    assert mean(values) == pytest.approx((values.mean(), low, high))
    base, new = values, values[::-1] + 0.3
    low, high = stats.ttest_rel(new, base).confidence_interval(CONFIDENCE)
    assert mean_of_differences(base, new) == pytest.approx((0.3, low, high))
    interval = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    assert median(values) == pytest.approx((np.median(values), interval.low, interval.high))


def test_by_hand() -> None:
    assert median([3, 1, 2]) == (2, None, None)
    assert median([6, 5, 4, 3, 2, 1]) == (3.5, 1, 6)
    assert median_of_differences([0] * 6, [6, 5, 4, 3, 2, 1]) == (3.5, 1, 6)
    assert quantile(range(59), 0.95).high == 58
    assert quantile(range(58), 0.95) == (pytest.approx(54.15), None, None)
    assert mean([5]) == mean_of_differences([2], [7]) == (5, None, None)
    assert ratio_of_means([2], [5], paired=True) == (2.5, None, None)
    assert ratio_of_means([2, 2], [5], paired=False) == (2.5, None, None)
    assert ratio_of_means([2, 4], [3, 6], paired=True) == pytest.approx((1.5, 1.5, 1.5))
    assert difference_of_medians([1] * 5, [3] * 9) == (2, None, None)
    assert difference_of_medians([1] * 6, [3] * 9) == (2, 2, 2)


def test_the_median_of_differences_is_not_the_difference_of_medians() -> None:
    base, new = [1, 2, 9], [8, 3, 4]
    assert median_of_differences(base, new).value == 1
    assert difference_of_medians(base, new).value == 2


@pytest.mark.parametrize("paired", [True, False])
def test_a_ratio_as_a_regression_on_logarithms_would_have_it(paired: bool) -> None:
    # Where noise is small, the mean's logarithm is the logarithm's mean, and the interval that of a t test on logs.
    base, new = np.random.default_rng(3).normal([[10], [11]], 0.01, (2, 50))
    test = (
        stats.ttest_rel(np.log(new), np.log(base))
        if paired
        else stats.ttest_ind(np.log(new), np.log(base), equal_var=False)
    )
    interval = test.confidence_interval(0.95)
    found = ratio_of_means(base, new, paired=paired)
    assert found[1:] == pytest.approx((math.exp(interval.low), math.exp(interval.high)), rel=1e-6)


def test_the_standard_error_that_an_interval_stands_for() -> None:
    assert Estimate(1.0, 0.0, 2.0).standard_error() == pytest.approx(1 / 1.959964, rel=1e-6)
    assert Estimate(1.0, 0.0, 2.0).standard_error(0.9) == pytest.approx(1 / 1.644854, rel=1e-6)
    assert Estimate(1.0).standard_error() is None
