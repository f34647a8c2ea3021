from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from aligntax.experiment.load.quantiles import distribution, independent, quantile_in_order
from aligntax.inference import quantile

EXPERIMENTS = 120


def _latencies(random: np.random.Generator, n: int, correlation: float) -> np.ndarray:
    """Return lognormal values of which each is correlated with the one before."""
    noise = random.normal(size=n + 500) * math.sqrt(1 - correlation**2)
    return np.exp(lfilter([1], [1, -correlation], noise)[500:])


@pytest.mark.parametrize(
    ("correlation", "n", "q", "naive"),
    [
        (0.0, 3000, 0.5, (0.9, 1.0)),
        (0.0, 3000, 0.99, (0.9, 1.0)),
        (0.9, 3000, 0.5, (0.2, 0.6)),
        (0.9, 3000, 0.9, (0.2, 0.6)),
        (0.9, 12_000, 0.99, (0.3, 0.75)),
    ],
)
def test_the_interval_covers_the_truth_where_answers_are_slow_together(
    correlation: float, n: int, q: float, naive: tuple[float, float]
) -> None:
    random = np.random.default_rng(7)
    truth = math.exp(norm.ppf(q))
    samples = [_latencies(random, n, correlation) for _ in range(EXPERIMENTS)]
    found = [estimate for sample in samples if (estimate := quantile_in_order(sample, q)).low is not None]
    assert len(found) > 0.95 * EXPERIMENTS
    assert np.mean([estimate.covers(truth) for estimate in found]) >= 0.915
    # An interval for independent values covers it far too seldom: this is what the other one is for.
    assert naive[0] <= np.mean([quantile(sample, q).covers(truth) for sample in samples]) <= naive[1]


def test_independent_values_are_worth_what_they_are() -> None:
    random = np.random.default_rng(3)
    worth = [independent(random.lognormal(size=2000), 0.9) for _ in range(100)]
    assert np.median(worth) > 1600
    assert independent(np.repeat(random.lognormal(size=200), 10), 0.5) < 500


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_it_says_n_too_small_where_it_is(q: float) -> None:
    smallest = {0.5: 6, 0.9: 29, 0.99: 299}[q]
    values = np.random.default_rng(1).lognormal(size=smallest - 1)
    assert quantile_in_order(values, q).low is None
    # Worth as much as they are many: all in one line would be worth less.
    found = [quantile_in_order(np.random.default_rng(seed).lognormal(size=smallest + 60), q) for seed in range(20)]
    assert sum(each.low is not None for each in found) >= 10


def test_infinite_latencies_count_as_late() -> None:
    values = np.full(1000, 0.01)
    values[::50] = math.inf
    found = quantile_in_order(values, 0.99)
    assert found.value == math.inf
    assert found.high == math.inf
    assert quantile_in_order(values, 0.5) == (0.01, 0.01, 0.01)
    assert quantile_in_order([math.inf] * 10, 0.5).value == math.inf


def test_one_burst_is_worth_one_observation() -> None:
    values = [*([0.01] * 980), *([math.inf] * 20)]
    assert quantile_in_order(values, 0.99) == (math.inf, None, None)


def test_a_constant_is_known_exactly() -> None:
    assert quantile_in_order([0.25] * 400, 0.99) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_what_is_no_sample_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        quantile_in_order(values, 0.5)


def test_a_distribution_has_its_parts() -> None:
    found = distribution([0.1, 0.2, 0.3])
    assert found["n"] == 3
    assert found["mean"] == pytest.approx(0.2)
    assert found["p50"] == {"value": 0.2, "low": None, "high": None}
    assert distribution([]) == {"n": 0}
