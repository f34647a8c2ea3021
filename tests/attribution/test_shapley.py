"""The three ways to divide a game agree where they overlap."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.attribution.shapley import Shares, airport, exact, sampled

from . import oracle

costs = st.lists(st.integers(0, 1000), min_size=1, max_size=6)


def fractions(shares: Shares) -> list[Fraction]:
    return [Fraction(numerator, shares.denominator) for numerator in shares.numerators]


def longest(lengths: list[int], present: int) -> int:
    return max((length for player, length in enumerate(lengths) if present >> player & 1), default=0)


@settings(deadline=None)
@given(costs)
def test_airport_equals_the_sum_over_all_sets(lengths: list[int]) -> None:
    assert fractions(airport(lengths)) == fractions(exact(lambda present: longest(lengths, present), len(lengths)))


@settings(deadline=None)
@given(st.integers(1, 4), st.data())
def test_any_game_equals_the_average_over_all_orders(players: int, data: st.DataObject) -> None:
    worths = [0, *data.draw(st.lists(st.integers(-50, 50), min_size=2**players - 1, max_size=2**players - 1))]
    names = [str(player) for player in range(players)]
    expected = oracle.shapley_by_orders(lambda present: worths[sum(1 << int(name) for name in present)], names)
    assert fractions(exact(worths.__getitem__, players)) == list(expected.values())
    by_sets = oracle.shapley_by_sets(lambda present: worths[sum(1 << int(name) for name in present)], names)
    assert by_sets == expected


def test_airport_of_hand_computed_lengths() -> None:
    assert fractions(airport([30, 12, 12, 0])) == [22, 4, 4, 0]
    assert airport([]) == Shares([], 1)


@pytest.mark.parametrize("seed", range(3))
def test_sampled_game_has_the_right_mean_and_error(seed: int) -> None:
    lengths = [100, 250, 400, 1000]
    shares = sampled(lambda present: longest(lengths, present), 4, pairs=400, seed=str(seed))
    assert sum(shares.numerators) == 1000 * shares.denominator
    for share, variance, true in zip(fractions(shares), shares.variances, fractions(airport(lengths)), strict=True):
        assert variance > 0
        assert float(share - true) ** 2 <= 16 * variance


def test_reported_variance_is_that_of_the_estimates() -> None:
    lengths = [100, 250, 400, 1000]
    runs = [sampled(lambda present: longest(lengths, present), 4, pairs=2, seed=str(seed)) for seed in range(1000)]
    for player, true in enumerate(fractions(airport(lengths))):
        observed = sum(float(fractions(run)[player] - true) ** 2 for run in runs) / len(runs)
        reported = sum(run.variances[player] for run in runs) / len(runs)
        assert 0.7 * observed < reported < 1.4 * observed


def test_additive_game_is_sampled_without_error() -> None:
    shares = sampled(lambda present: 10 * (present & 1) + 7 * (present >> 1 & 1), 2, pairs=8, seed="any")
    assert fractions(shares) == [10, 7]
    assert list(shares.variances) == [0, 0]
