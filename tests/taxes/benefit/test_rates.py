"""Ratios of shares, precision and verdicts: by hand, by their properties, and by their intervals' coverage."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import Estimate, newcombe, wilson
from aligntax.taxes.benefit.counts import Part
from aligntax.taxes.benefit.rates import precision, ratio_of_shares, relative_change, verdict_on_change
from aligntax.taxes.record import TaxVerdict

EXPERIMENTS = 1_500

part = st.integers(1, 200).flatmap(lambda n: st.builds(Part, st.integers(0, n), st.just(n)))
some = st.integers(1, 200).flatmap(lambda n: st.builds(Part, st.integers(1, n), st.just(n)))


def test_over_a_share_that_is_all_but_known_it_is_wilsons_interval() -> None:
    found = ratio_of_shares(Part(95, 250), Part(10**9, 10**9))
    assert found is not None
    assert found == pytest.approx(wilson(95, 250), rel=1e-4)


@given(part, some)
def test_the_interval_encloses_the_ratio_and_is_never_below_0(top: Part, bottom: Part) -> None:
    found = ratio_of_shares(top, bottom)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high < np.inf
    assert found.value == pytest.approx(top.k / top.n / (bottom.k / bottom.n))


@given(some, some)
def test_turned_round_it_is_the_reciprocal(top: Part, bottom: Part) -> None:
    found, other = ratio_of_shares(top, bottom), ratio_of_shares(bottom, top)
    assert found is not None
    assert other is not None
    assert found.value * other.value == pytest.approx(1)
    assert found.low is not None
    assert other.high is not None
    assert found.low * other.high == pytest.approx(1)


@given(part)
def test_no_ratio_to_nothing(top: Part) -> None:
    assert ratio_of_shares(top, Part(0, 50)) is None
    assert relative_change(top, Part(0, 50)) is None


@given(some)
def test_identical_arms_change_by_nothing(share: Part) -> None:
    found = relative_change(share, share)
    assert found is not None
    assert found.value == 0
    assert found.covers(0)


@given(part, part, st.sampled_from([None, 0.01, 0.2]))
def test_verdicts_change_sides_with_the_arms(one: Part, other: Part, margin: float | None) -> None:
    turned = {TaxVerdict.TAX: TaxVerdict.BONUS, TaxVerdict.BONUS: TaxVerdict.TAX}
    found, back = verdict_on_change(one, other, margin), verdict_on_change(other, one, margin)
    assert back is turned.get(found, found)
    assert newcombe(*one, *other).value == -newcombe(*other, *one).value


@pytest.mark.parametrize(
    ("new", "base", "margin", "verdict"),
    [
        (Part(10, 100), Part(90, 100), None, TaxVerdict.BONUS),
        (Part(90, 100), Part(10, 100), None, TaxVerdict.TAX),
        (Part(50, 100), Part(50, 100), None, TaxVerdict.INCONCLUSIVE),
        (Part(50, 100), Part(50, 100), 0.05, TaxVerdict.INCONCLUSIVE),  # too few to show that
        (Part(5_000, 10_000), Part(5_000, 10_000), 0.05, TaxVerdict.NONE),
        (Part(5_300, 10_000), Part(5_000, 10_000), 0.05, TaxVerdict.NONE),  # certain, and certainly small
        (Part(5_300, 10_000), Part(5_000, 10_000), 0.01, TaxVerdict.TAX),
    ],
)
def test_verdicts(new: Part, base: Part, margin: float | None, verdict: TaxVerdict) -> None:
    assert verdict_on_change(new, base, margin) is verdict


def test_precision_is_bayes() -> None:
    # Of a million requests 1,000 are attacks, of which 900 are stopped; and of 999,000 others 9,990 are.
    found = precision(Part(90, 100), Part(10, 1_000), 0.001)
    assert found is not None
    assert found.value == pytest.approx(900 / (900 + 9_990))


def test_precision_of_balanced_labels_is_not_that_of_the_real_world() -> None:
    balanced, real = (precision(Part(90, 100), Part(10, 100), prevalence) for prevalence in (0.5, 0.001))
    assert balanced is not None
    assert real is not None
    assert balanced.value == pytest.approx(0.9)
    assert real.value < 0.01


@given(some, part, st.floats(1e-6, 1 - 1e-6))
def test_precision_lies_within_its_interval(caught: Part, alarms: Part, prevalence: float) -> None:
    found = precision(caught, alarms, prevalence)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_prevalence_lies_between_0_and_1(prevalence: float) -> None:
    with pytest.raises(ValueError, match=r"pass one between 0 and 1, e.g. 0.001"):
        precision(Part(1, 2), Part(1, 2), prevalence)


def test_no_precision_where_nothing_is_stopped() -> None:
    assert precision(Part(0, 100), Part(1, 100), 0.01) is None


CASES = {
    "many": (400, 0.3, 400, 0.9),
    "few": (60, 0.2, 60, 0.7),
    "rare": (1_000, 0.02, 300, 0.8),
    "alike": (200, 0.5, 200, 0.5),
}


@pytest.mark.parametrize(("n", "p", "m", "q"), CASES.values(), ids=CASES)
def test_intervals_cover_the_truth(n: int, p: float, m: int, q: float) -> None:
    generator = np.random.default_rng(1)
    prevalence = 0.01
    ratio, exactly = lru_cache(None)(ratio_of_shares), lru_cache(None)(precision)
    truth = prevalence * q / (prevalence * q + (1 - prevalence) * p)
    covered = np.zeros(2)
    for _ in range(EXPERIMENTS):
        top, bottom = Part(int(generator.binomial(n, p)), n), Part(int(generator.binomial(m, q)), m)
        found, other = ratio(top, bottom), exactly(bottom, top, prevalence)
        covered += [covers(found, p / q), covers(other, truth)]
    assert np.all((covered / EXPERIMENTS >= 0.92) & (covered / EXPERIMENTS <= 0.98))


def covers(found: Estimate | None, truth: float) -> bool:
    assert found is not None
    return found.covers(truth)
