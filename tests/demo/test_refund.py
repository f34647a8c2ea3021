"""The refund: what pairs of requests say about guards that were replaced."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aligntax import Tax
from aligntax.demo import refund as module
from aligntax.demo.refund import Refund


def tax(**shares_ns: int) -> Tax:
    return Tax(1000 + sum(shares_ns.values()), 1000, shares_ns)


def test_each_guard_and_all_of_them_are_compared() -> None:
    refund = Refund()
    for extra in range(7):
        refund.add(tax(pii=40 + extra, filter=100), tax(pii=20, filter=50 + 2 * extra))
    found = refund.to_dict()
    assert found["pairs"] == 7
    assert [guard["layer"] for guard in found["guards"]] == ["pii", "filter"]
    pii, filtering = found["guards"]
    assert pii["before_seconds"] == {"mean": pytest.approx(43e-9), "median": pytest.approx(43e-9)}
    assert pii["after_seconds"]["mean"] == pytest.approx(20e-9)
    assert (pii["factor"], pii["saved_seconds"]) == (pytest.approx(43 / 20), pytest.approx(23e-9))
    # Of seven values, the smallest and the largest enclose the median with 98 %.
    assert pii["factor_interval"] == pytest.approx([2.0, 2.3])
    assert pii["saved_interval"] == pytest.approx([20e-9, 26e-9])
    assert filtering["saved_seconds"] == pytest.approx(44e-9)
    whole = found["all_guards"]
    for arm in ("before_seconds", "after_seconds"):
        assert whole[arm]["mean"] == pytest.approx(sum(guard[arm]["mean"] for guard in found["guards"]))
    assert whole["saved_seconds"] == pytest.approx(67e-9)
    json.dumps(found, allow_nan=False)


def test_pairs_are_compared_and_not_their_medians() -> None:
    refund = Refund()
    for common in (0, 0, 0, 1000, 1000, 1000, 1000):
        refund.add(tax(pii=10 + common), tax(pii=5 + common))
    assert refund.to_dict()["guards"][0]["saved_seconds"] == pytest.approx(5e-9)


def test_what_costs_more_than_before_is_no_saving() -> None:
    refund = Refund()
    for _ in range(6):
        refund.add(tax(mask=10), tax(mask=40))
    (mask,) = refund.to_dict()["guards"]
    assert (mask["factor"], mask["saved_seconds"]) == (pytest.approx(0.25), pytest.approx(-30e-9))


def test_the_interval_covers_the_median_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        refund = Refund()
        for before, after in random.exponential(1000, (20, 2)).astype(int).tolist():
            refund.add(tax(pii=5000 + before), tax(pii=3000 + after))
        low, high = refund.to_dict()["guards"][0]["saved_interval"]
        covered += low <= 2000e-9 <= high
    assert 0.93 <= covered / 300 <= 1.0


def test_a_guard_that_costs_nothing_has_no_factor() -> None:
    refund = Refund()
    for number in range(6):
        refund.add(tax(classifier=0), tax(classifier=0 if number else 7))
    (classifier,) = refund.to_dict()["guards"]
    assert (classifier["factor"], classifier["factor_interval"]) == (None, None)
    assert classifier["saved_seconds"] == 0


@pytest.mark.parametrize("pairs", [1, 5])
def test_few_pairs_have_no_interval(pairs: int) -> None:
    refund = Refund()
    for _ in range(pairs):
        refund.add(tax(pii=20), tax(pii=10))
    (pii,) = refund.to_dict()["guards"]
    assert (pii["factor"], pii["factor_interval"], pii["saved_interval"]) == (2.0, "n too small", "n too small")


def test_a_guard_that_ran_in_one_of_the_two_only_counts_as_nothing_in_the_other() -> None:
    refund = Refund()
    refund.add(tax(pii=20, old=8), tax(pii=10))
    found = refund.to_dict()
    assert [guard["after_seconds"]["mean"] for guard in found["guards"]] == [pytest.approx(10e-9), 0.0]
    assert found["all_guards"]["saved_seconds"] == pytest.approx(18e-9)


def test_without_a_pair_there_is_nothing_to_say() -> None:
    found = Refund().to_dict()
    assert (found["pairs"], found["guards"]) == (0, [])
    assert found["all_guards"]["factor"] is None
    assert found["all_guards"]["before_seconds"] == {"mean": None, "median": None}


def test_of_very_many_pairs_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 3)
    refund = Refund()
    for number in range(5):
        refund.add(tax(pii=number), tax(pii=1))
    found = refund.to_dict()
    assert found["pairs"] == 3
    assert found["guards"][0]["before_seconds"]["mean"] == pytest.approx(3e-9)
