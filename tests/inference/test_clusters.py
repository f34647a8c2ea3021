"""Items in clusters: wider where they are alike, as ever where they are not, and drawn as whole clusters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import cluster_bootstrap, clustered_covariance, clustered_mean, mean

from .simulations import Values, covered


def clusters_of(generator: np.random.Generator, number: int) -> tuple[Values, Values]:
    """Values whose clusters differ by more than the items in them do, and which are of unequal size."""
    sizes = generator.integers(1, 6, number)
    labels = np.repeat(np.arange(number), sizes)
    return 3 + generator.normal(0, 1, number)[labels] + generator.normal(0, 0.5, len(labels)), labels.astype(np.float64)


def test_every_item_a_cluster_of_its_own() -> None:
    values = np.random.default_rng(1).normal(3, 1, 40)
    assert clustered_mean(values, np.arange(40)) == pytest.approx(mean(values))


def test_copies_add_nothing() -> None:
    values = np.random.default_rng(2).normal(3, 1, 20)
    copied = clustered_mean(np.repeat(values, 7), np.repeat(np.arange(20), 7))
    assert copied == pytest.approx(mean(values))


def test_labels_may_be_words() -> None:
    assert clustered_mean([1.0, 2.0, 4.0], ["a", "b", "a"]) == clustered_mean([1.0, 2.0, 4.0], [0, 1, 0])


def test_one_cluster_has_no_spread() -> None:
    assert clustered_mean([1.0, 2.0], ["a", "a"]) == (1.5, None, None)
    with pytest.raises(ValueError, match="clusters holds one label only"):
        clustered_covariance([[1.0, 2.0]], ["a", "a"])


def test_the_covariance_of_columns() -> None:
    columns = np.random.default_rng(3).normal(0, 1, (2, 50))
    found = clustered_covariance(list(columns), np.arange(50))
    assert found == pytest.approx(np.cov(columns) / 50)


@pytest.mark.parametrize("number", [12, 60])
def test_the_mean_covers(number: int) -> None:
    assert 0.92 <= covered(lambda g: clustered_mean(*clusters_of(g, number)).covers(3), seed=number) <= 0.98


def test_without_clusters_it_would_not() -> None:
    assert covered(lambda g: mean(clusters_of(g, 60)[0]).covers(3), seed=60, experiments=400) < 0.85


@pytest.mark.parametrize("method", ["percentile", "basic"])
@pytest.mark.parametrize("number", [10, 60])
def test_the_bootstrap_of_a_ratio_covers(number: int, method: Any) -> None:
    def ratio(chosen: Values) -> float:
        return float(chosen[:, 0].sum() / chosen[:, 1].sum())

    def interval(generator: np.random.Generator) -> bool:
        bottom = generator.normal(10, 1, number)
        top = 0.4 * bottom + generator.normal(0, 1, number)
        pairs = np.column_stack([top, bottom])
        return cluster_bootstrap(ratio, pairs, seed=1, resamples=299, method=method).covers(0.4)

    assert 0.92 <= covered(interval, seed=number, experiments=500) <= 0.985


def test_clusters_of_any_kind() -> None:
    texts = [["a", "b"], ["a"], ["c", "c", "d"], ["e"], ["f", "a"], ["a"]]

    def longest(chosen: list[list[str]]) -> float:
        return float(max(map(len, chosen)))

    found = cluster_bootstrap(longest, texts, seed=3, resamples=199)
    assert found == (3, 1, 3) or found == (3, 2, 3)
    assert found == cluster_bootstrap(longest, texts, seed=3, resamples=199)


def test_few_clusters_have_no_interval() -> None:
    assert cluster_bootstrap(np.mean, np.array([1.0, 2.0, 3.0, 4.0])) == (2.5, None, None)


def test_clusters_that_are_all_alike() -> None:
    assert cluster_bootstrap(np.mean, np.full(8, 0.0)) == (0, 0, 0)


@given(st.integers(5, 30), st.integers(0, 1000))
def test_the_interval_holds_the_statistic(number: int, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(0, 2, number)
    # Repeats can only lessen how many different ones there are: the draws lie wholly on one side.
    found = cluster_bootstrap(lambda chosen: len(set(chosen)) / len(chosen), list(values), seed=seed, resamples=99)
    assert found.value == 1
    assert found.covers(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.mean, []), "clusters is empty"),
        ((np.mean, [1.0, 2.0], 0, 10), "resamples=10 are too few for the ends"),
        ((lambda _: math.nan, [1.0, 2.0]), "the statistic of 2 clusters drawn anew is nan"),
        ((np.mean, [1.0, 2.0], 0, 99, 95), "confidence=95 must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_drawn(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_bootstrap(*arguments)


def test_an_unknown_method() -> None:
    with pytest.raises(ValueError, match="method='jackknife' is unknown; use percentile or basic"):
        cluster_bootstrap(np.mean, [1.0, 2.0], method="jackknife")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [
        ([1.0, 2.0], ["a"], r"clusters has shape \(1,\) for 2 values"),
        ([], [], "values is empty"),
        ([1.0, math.nan], ["a", "b"], "values holds nan at index 1"),
    ],
)
def test_what_is_no_sample(values: Any, clusters: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clustered_mean(values, clusters)


def test_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match=r"columns have \[2, 1\] values; pass the same items in each"):
        clustered_covariance([[1.0, 2.0], [1.0]], ["a", "b"])
