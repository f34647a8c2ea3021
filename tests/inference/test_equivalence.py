"""Two one-sided tests against published p values and SciPy's t tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference import equivalence_by_ranks, equivalence_p, mean_of_differences, permutation_p, ratio_of_means

# "clinic", two variables of two groups of 15, with the p values of R's equivalence::tost(eps = 0.6), which statsmodels
# reproduces to 13 digits in its tests (statsmodels/stats/tests/test_tost.py).
VAR1 = (
    [2.84, 2.51, 2.41, 2.95, 3.14, 3.79, 4.14, 3.85, 3.02, 3.45, 5.37, 3.81, 4.19, 3.16, 3.84],
    [2.60, 2.82, 2.18, 3.46, 4.01, 3.04, 3.47, 4.06, 2.91, 3.59, 4.51, 3.16, 3.86, 3.31, 3.02],
)
VAR2 = (
    [4.00, 3.26, 4.14, 3.42, 3.25, 4.34, 4.97, 4.31, 3.11, 3.41, 5.02, 4.21, 4.59, 5.30, 4.32],
    [3.76, 3.66, 3.65, 3.60, 3.48, 2.87, 3.24, 3.92, 3.99, 4.21, 4.21, 3.31, 3.61, 2.97, 2.73],
)


@pytest.mark.parametrize(
    ("arms", "paired", "p"),
    [
        (VAR1, True, 0.003166881489265175),
        (VAR2, True, 0.4412034046017588),
        (VAR1, False, 0.04853083976236974),
        (VAR2, False, 0.4317936812594803),
    ],
)
def test_published_p_values(arms: tuple[list[float], list[float]], paired: bool, p: float) -> None:
    assert equivalence_p(*arms, margin=0.6, paired=paired, absolute=True) == pytest.approx(p, rel=1e-12)
    assert equivalence_p(*reversed(arms), margin=0.6, paired=paired, absolute=True) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("paired", [True, False])
def test_a_relative_margin_by_scipys_t_tests(paired: bool, seed: int) -> None:
    base, new = np.random.default_rng(seed).normal(10, [[0.6], [1.1]], (2, 40))
    test = stats.ttest_rel if paired else lambda *arms, **how: stats.ttest_ind(*arms, equal_var=False, **how)
    expected = max(
        test(new, 0.95 * base, alternative="greater").pvalue,
        test(new, 1.05 * base, alternative="less").pvalue,
    )
    assert equivalence_p(base, new, 0.05, paired=paired) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 10_000), st.floats(0.05, 3))
def test_it_says_what_an_interval_of_twice_alpha_says(seed: int, margin: float) -> None:
    base, new = np.random.default_rng(seed).normal(10, 2, (2, 20))
    interval = mean_of_differences(base, new, confidence=0.9)
    assert interval.low is not None
    assert interval.high is not None
    within = -margin < interval.low and interval.high < margin
    assert (equivalence_p(base, new, margin, paired=True, absolute=True) < 0.05) == within


def test_a_relative_margin_is_about_the_interval_of_the_ratio() -> None:
    agreeing = 0
    for seed in range(300):
        base, new = np.random.default_rng(seed).normal([[10], [10.2]], 1, (2, 60))
        ratio = ratio_of_means(base, new, paired=True, confidence=0.9)
        assert ratio.low is not None
        assert ratio.high is not None
        within = ratio.low > 0.95 and ratio.high < 1.05
        agreeing += within == (equivalence_p(base, new, 0.05, paired=True) < 0.05)
    assert agreeing >= 295, "they differ by the delta method's error alone"


@pytest.mark.parametrize("paired", [True, False])
def test_arms_without_any_noise(paired: bool) -> None:
    base = [0.25] * 4
    assert equivalence_p(base, base, 0.02, paired=paired) == 0
    assert equivalence_p(base, [0.5] * 4, 0.02, paired=paired) == 1
    assert equivalence_p(base, [0.3125] * 4, 0.25, paired=paired) == 1, "a difference of just the margin is one"


def test_a_single_pair_shows_nothing() -> None:
    assert equivalence_p([1.0], [1.0], 0.5, paired=True) == 1
    assert equivalence_p([1.0, 1.0, 1.1], [1.0], 0.5, paired=False) == 1


def test_tiny_times_do_not_vanish() -> None:
    base, new = np.random.default_rng(0).normal(10, 0.5, (2, 50))
    expected = equivalence_p(base, new, 0.05, paired=False)
    assert 0 < expected < 1
    assert equivalence_p(base * 2.0**-300, new * 2.0**-300, 0.05, paired=False) == pytest.approx(expected)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("base", "new", "paired"),
    [
        # Three in five differ by hardly less than the margin, two in five by much more.
        (np.linspace(10, 11, 100), np.linspace(10, 11, 100) - np.where(np.arange(100) % 5 < 3, 0.0009, 0.5), True),
        # Hardly more than half are the same, the others far above in one arm and far below in the other one.
        (np.repeat([10.0, 15.0], [52, 48]), np.repeat([10.0, 5.0], [52, 48]), False),
    ],
    ids=["paired", "independent"],
)
def test_ranks_that_contradict_a_median_within_the_margin(base: Any, new: Any, paired: bool, sign: int) -> None:
    assert permutation_p(base, new + 0.001, paired, "ranks") < 0.05
    assert equivalence_by_ranks(sign * base, sign * new, 0.001, paired=paired) == 1
