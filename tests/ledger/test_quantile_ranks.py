"""Distribution-free intervals of quantiles: they cover as often as they say, from the smallest sample on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from aligntax.tax import quantile_ranks, smallest_sample

SMALLEST = {0.5: 6, 0.9: 29, 0.95: 59, 0.99: 299, 0.999: 2995}


def coverage(n: int, q: float, ranks: tuple[int, int]) -> float:
    """Probability that the q quantile of a continuous distribution lies between two order statistics of n.

    The order statistic of rank r is at most the quantile if at least r of the n values are.
    """
    low, high = ranks
    return float(binom.cdf(high - 1, n, q) - binom.cdf(low - 1, n, q))


@pytest.mark.parametrize(("q", "n"), SMALLEST.items())
def test_the_smallest_sample(q: float, n: int) -> None:
    assert smallest_sample(q) == n
    assert quantile_ranks(n - 1, q) is None
    ranks = quantile_ranks(n, q)
    assert ranks is not None
    assert coverage(n, q, ranks) >= 0.95 > coverage(n - 1, q, (1, n - 1))


def test_no_sample_has_no_interval() -> None:
    assert quantile_ranks(0, 0.5) is None


@pytest.mark.parametrize("q", [0.001, 0.05, 0.1, *SMALLEST])
def test_the_interval_covers(q: float) -> None:
    least = smallest_sample(q)
    for n in [*range(least, least + 400, 3), 5_000, 100_003, 2_000_000]:
        if n < least:
            continue
        ranks = quantile_ranks(n, q)
        assert ranks is not None
        low, high = ranks
        assert 1 <= low < high <= n
        assert coverage(n, q, ranks) >= 0.95 - 1e-9


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [1_000, 20_000, 1_000_000])
def test_the_interval_is_no_wider_than_it_must_be(n: int, q: float) -> None:
    ranks = quantile_ranks(n, q)
    assert ranks is not None
    low, high = ranks
    # Half of the error on each side: one rank less on either side would spend more than its half.
    assert binom.cdf(low - 1, n, q) <= 0.025 < binom.cdf(low, n, q)
    assert binom.sf(high - 1, n, q) <= 0.025 < binom.sf(high - 2, n, q)


@settings(deadline=None)
@given(st.integers(1, 3_000), st.floats(0.001, 0.999), st.floats(0.5, 0.999))
def test_any_interval_covers_or_does_not_exist(n: int, q: float, confidence: float) -> None:
    ranks = quantile_ranks(n, q, confidence)
    if ranks is None:
        assert coverage(n, q, (1, n)) < confidence + 1e-9
    else:
        assert 1 <= ranks[0] <= ranks[1] <= n
        assert coverage(n, q, ranks) >= confidence - 1e-9


@pytest.mark.parametrize("arguments", [(10, 0.0), (10, 1.0), (10, -1.0), (10, 0.5, 0.0), (10, 0.5, 1.0)])
def test_shares_that_are_none(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        quantile_ranks(*arguments)
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        smallest_sample(*arguments[1:])
