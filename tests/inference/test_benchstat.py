"""A published sample with ties: the p that the Go project's benchstat prints for it, and the one that ignores ties."""

from __future__ import annotations

import pytest
from scipy import stats

from aligntax.inference import permutation_p

# BenchmarkEncode in ns/op: the sample of benchstat's documentation (golang.org/x/perf, cmd/benchstat, testdata/old.txt
# and new.txt at commit 02c5517), where benchstat prints "p=0.000 n=10" for json and "p=0.446 n=10" for gob.
JSON_OLD = [1726, 1723, 1707, 1707, 1713, 1729, 1736, 1707, 1705, 1774]
JSON_NEW = [1423, 1416, 1411, 1413, 1412, 1426, 1422, 1424, 1447, 1425]
GOB_OLD = [3069, 3075, 3069, 3067, 3207, 3064, 3064, 3058, 3059, 3062]
GOB_NEW = [3075, 3065, 3059, 3065, 3060, 3081, 3186, 3135, 3087, 3062]
ALL_WAYS = 184_756  # 20 over 10


def test_ties_are_counted_as_benchstat_counts_them() -> None:
    p = permutation_p(GOB_OLD, GOB_NEW, paired=False, statistic="ranks", resamples=ALL_WAYS)
    assert f"{p:.3f}" == "0.446"
    assert p == pytest.approx(stats.mannwhitneyu(GOB_OLD, GOB_NEW, method=stats.PermutationMethod(ALL_WAYS)).pvalue)


def test_scipys_exact_method_ignores_ties() -> None:
    assert f"{stats.mannwhitneyu(GOB_OLD, GOB_NEW, method='exact').pvalue:.3f}" == "0.481"


def test_draws_come_near() -> None:
    for seed in range(5):
        p = permutation_p(GOB_OLD, GOB_NEW, paired=False, statistic="ranks", seed=seed)
        assert p == pytest.approx(0.4461, abs=4 * 2 * (0.223 * 0.777 / 9999) ** 0.5)  # four errors of twice a tail


def test_a_clear_difference() -> None:
    p = permutation_p(JSON_OLD, JSON_NEW, paired=False, statistic="ranks", resamples=ALL_WAYS)
    assert p == pytest.approx(2 / ALL_WAYS)
    assert permutation_p(JSON_OLD, JSON_NEW, paired=False, statistic="ranks") == 0.0002  # never 0: one in 10,000, twice
