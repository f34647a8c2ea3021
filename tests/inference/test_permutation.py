"""The permutation tests against SciPy's own, against their limits, and within bounds of memory."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from aligntax.inference import Statistic, permutation_p
from aligntax.inference import permutation as permutation_module


def brute_force(differences: list[float]) -> float:
    """Two-sided p of the mean over every choice of signs."""
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    sums = signs @ np.array(differences)
    observed = sum(differences)
    return min(1.0, 2 * min(np.mean(sums >= observed - 1e-12), np.mean(sums <= observed + 1e-12)))


@pytest.mark.parametrize("n", [2, 3, 6, 9, 13])
def test_all_signs_of_few_pairs(n: int) -> None:
    differences = [float(value) for value in np.random.default_rng(n).integers(-3, 6, n)]
    assert permutation_p([0] * n, differences, paired=True) == pytest.approx(brute_force(differences))


@pytest.mark.parametrize("n", [5, 10, 12])
def test_signed_ranks_without_ties_are_wilcoxons(n: int) -> None:
    base, new = np.random.default_rng(n).normal([[0], [0.6]], 1, (2, n))
    expected = stats.wilcoxon(new - base, method="exact").pvalue
    assert permutation_p(base, new, paired=True, statistic="ranks") == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (5, 5), (4, 9), (6, 8)])
def test_ranks_without_ties_are_mann_and_whitneys(n: int, m: int) -> None:
    draws = np.random.default_rng(n)
    base, new = draws.normal(0, 1, n), draws.normal(0.6, 1, m)
    expected = stats.mannwhitneyu(base, new, method="exact").pvalue
    assert permutation_p(base, new, paired=False, statistic="ranks") == pytest.approx(expected)


@pytest.mark.parametrize("statistic", ["mean", "median", "ranks"])
def test_drawn_signs_are_as_scipy_draws_them(statistic: Statistic) -> None:
    base, new = np.random.default_rng(4).normal([[0], [0.25]], 1, (2, 60))
    differences = new - base
    data = np.sign(differences) * stats.rankdata(np.abs(differences)) if statistic == "ranks" else differences
    expected = stats.permutation_test(
        (data,),
        np.median if statistic == "median" else np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).pvalue
    assert permutation_p(base, new, paired=True, statistic=statistic) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("paired", [True, False])
def test_the_normal_limit_agrees_with_the_draws(paired: bool, ties: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    base, new = np.random.default_rng(9).normal([[20], [20.15]], 2, (2, 1300))
    if ties:
        base, new = np.round(base, 1), np.round(new, 1)
    limit = permutation_p(base, new, paired=paired, statistic="ranks")
    monkeypatch.setattr(permutation_module, "NORMAL_FROM", 10**9)
    assert limit == pytest.approx(permutation_p(base, new, paired=paired, statistic="ranks"), abs=0.015)
    assert 0.001 < limit < 0.3, "a p at the end of its range would show nothing"


@pytest.mark.parametrize("paired", [True, False])
def test_few_values_among_very_many_ties_are_not_taken_for_normal(paired: bool) -> None:
    # Five of 1500 differ, all in the new arm. By signs p is 2 / 2^5; the normal limit would say 0.025.
    base, new = np.zeros(1500), np.zeros(1500)
    new[:5] = [1, 2, 3, 4, 5]
    assert permutation_p(base, new, paired=paired, statistic="ranks") == pytest.approx(1 / 16, abs=0.012)


@pytest.mark.parametrize("n", [2, 7, 50, 2000])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("statistic", ["mean", "median", "ranks"])
def test_all_values_alike(statistic: Statistic, paired: bool, n: int) -> None:
    assert permutation_p([0.1] * n, [0.1] * n, paired=paired, statistic=statistic, resamples=99) == 1


def test_what_all_values_have_in_common_costs_no_digits() -> None:
    base, new = np.random.default_rng(1).normal([[0], [1]], 1, (2, 5))
    near = permutation_p(np.round(base, 2), np.round(new, 2), paired=False)
    far = permutation_p(np.round(base, 2) + 2**20, np.round(new, 2) + 2**20, paired=False)
    assert near == pytest.approx(far, abs=0.01)


@pytest.mark.parametrize("paired", [True, False])
def test_a_single_value_tells_nothing(paired: bool) -> None:
    assert permutation_p([1.0], [100.0], paired=paired) == 1
    assert permutation_p([1.0, 2.0, 1.5], [100.0], paired=False, statistic="ranks") == 1


@pytest.mark.parametrize("statistic", ["mean", "median", "ranks"])
@pytest.mark.parametrize("paired", [True, False])
def test_a_seed_is_a_result(paired: bool, statistic: Statistic) -> None:
    base, new = np.random.default_rng(6).normal(0, 1, (2, 40))
    found = {permutation_p(base, new, paired=paired, statistic=statistic, seed=3, resamples=999) for _ in range(3)}
    assert len(found) == 1
    assert found != {permutation_p(base, new, paired=paired, statistic=statistic, seed=4, resamples=999)}


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_memory_is_bounded(paired: bool, statistic: Statistic) -> None:
    base, new = np.random.default_rng(2).normal(0, 1, (2, 10_000))
    tracemalloc.start()
    try:
        permutation_p(base, new, paired=paired, statistic=statistic, resamples=199)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All at once it would be 199 * 20,000 * 8 = 32 MB for one copy, and 1.6 GB with 9999 resamples.
    assert peak_bytes < 24e6
