from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from aligntax.experiment.load import Arrivals, constant, poisson


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.5, 20.0, 5000.0])
def test_gaps_of_poisson_arrivals_are_exponential(rate: float, seed: int) -> None:
    gaps = np.diff([0, *poisson(rate, seed, count=4000)]) / 1e9
    assert stats.kstest(gaps, stats.expon(scale=1 / rate).cdf).pvalue > 0.001
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.06


def test_counts_of_poisson_arrivals_are_poisson() -> None:
    counts = [len(list(poisson(10.0, seed, seconds=2.0))) for seed in range(2000)]
    assert np.mean(counts) == pytest.approx(20, rel=0.02)
    assert np.var(counts) == pytest.approx(20, rel=0.1)


def test_constant_arrivals_are_equally_far_apart_and_do_not_drift() -> None:
    offsets = list(constant(30.0, seconds=10.0))
    assert offsets[0] == 0
    assert len(offsets) == 300
    assert {b - a for a, b in pairwise(offsets)} <= {33_333_333, 33_333_334}
    assert offsets[-1] == round(299 / 30 * 1e9)


def test_the_same_seed_gives_the_same_arrivals_and_another_gives_others() -> None:
    assert list(poisson(20.0, 1, count=50)) == list(poisson(20.0, 1, count=50))
    assert list(poisson(20.0, 1, count=50)) != list(poisson(20.0, 2, count=50))
    arrivals = Arrivals("poisson", 20.0, seed=3)
    assert list(arrivals.offsets(count=20, seed=1)) == list(arrivals.offsets(count=20, seed=1))
    assert list(arrivals.offsets(count=20, seed=1)) != list(arrivals.offsets(count=20, seed=2))


def test_both_bounds_hold() -> None:
    assert len(list(constant(100.0, seconds=1.0, count=7))) == 7
    assert len(list(constant(100.0, seconds=0.05, count=70))) == 5
    assert all(offset < 1e9 for offset in poisson(50.0, 0, seconds=1.0))


@pytest.mark.parametrize(("text", "kind", "rate"), [("poisson:20", "poisson", 20.0), ("constant:0.5", "constant", 0.5)])
def test_a_load_is_read(text: str, kind: str, rate: float) -> None:
    assert Arrivals.parse(text, seed=4) == Arrivals(kind, rate, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("poisson", "write poisson:20"),
        ("poisson:", "write poisson:20"),
        ("poisson:nan", "write poisson:20"),
        ("uniform:20", "write poisson:20"),
        ("poisson:0", "requests a second"),
        ("constant:-1", "requests a second"),
        ("constant:inf", "requests a second"),
    ],
)
def test_what_is_no_load_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Arrivals.parse(text)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e9])
def test_rates_out_of_range_are_refused_before_the_first_arrival(rate: float) -> None:
    for arrivals in (lambda: constant(rate, count=1), lambda: poisson(rate, 0, count=1)):
        with pytest.raises(ValueError, match="requests a second"):
            arrivals()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "without an end"),
        ({"count": 0}, "count=0"),
        ({"count": 10**7}, "count="),
        ({"seconds": 0}, "seconds=0"),
        ({"seconds": float("inf")}, "seconds=inf"),
        ({"seconds": 1e9}, "more than"),
    ],
)
def test_arrivals_without_a_bound_are_refused(more: dict[str, float], message: str) -> None:
    for arrivals in (lambda: constant(20.0, **more), lambda: poisson(20.0, 0, **more)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=message):
            arrivals()
