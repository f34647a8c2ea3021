"""The bucket grid: exact placement, exact exported bounds, and quantiles within the stated error."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.histogram import (
    BUCKETS,
    EDGES,
    FINE_BOUNDS,
    NANO,
    RATIO_BOUNDS,
    RELATIVE_ERROR,
    REQUEST_BOUNDS,
    Int64Array,
    bounds_as_buckets,
    bucket_of,
    quantile,
    rank_bounds,
)

GRID = EDGES.tolist()
values = st.one_of(
    st.integers(0, 2 * GRID[-1]),
    st.sampled_from(GRID).flatmap(lambda edge: st.integers(edge - 2, edge + 2)),
    st.integers(0, 40).map(lambda exponent: 2**exponent),
)


def counted(samples: Int64Array) -> Int64Array:
    return np.bincount(bucket_of(samples), minlength=BUCKETS)


def test_the_grid() -> None:
    assert len(GRID) + 1 == BUCKETS
    assert sorted(set(GRID)) == GRID
    assert (GRID[0], GRID[-1]) == (100, 1_000 * NANO)
    widths = np.diff(EDGES) / EDGES[:-1]
    assert widths.max() <= 2 * RELATIVE_ERROR


@given(st.lists(values, min_size=1, max_size=50))
def test_every_value_is_in_its_bucket(numbers: list[int]) -> None:
    buckets = bucket_of(np.array(numbers, dtype=np.int64)).tolist()
    assert buckets == [bisect_left(GRID, number) for number in numbers]


@pytest.mark.parametrize("bounds", [FINE_BOUNDS, REQUEST_BOUNDS, RATIO_BOUNDS])
def test_exported_bounds_are_sums_of_whole_buckets(bounds: tuple[float, ...]) -> None:
    samples = np.array([round(bound * NANO) + offset for bound in bounds for offset in (-1, 0, 1)], dtype=np.int64)
    below = np.cumsum(counted(samples))
    for bound, last in zip(bounds, bounds_as_buckets(bounds).tolist(), strict=True):
        assert below[last] == sum(sample <= round(bound * NANO) for sample in samples.tolist())


def test_every_number_of_two_significant_digits_is_a_bound() -> None:
    numbers = [mantissa * 10**exponent for exponent in range(1, 10) for mantissa in range(10, 100)]
    assert set(numbers) <= set(GRID)
    assert bounds_as_buckets([number / NANO for number in numbers]).tolist() == [
        GRID.index(number) for number in numbers
    ]


@pytest.mark.parametrize("bound", [1.01e-3, 0.123, 0.0, -1.0, 1001.0, 5e-8, 2.03])
def test_bounds_off_the_grid_are_refused(bound: float) -> None:
    with pytest.raises(ValueError, match="are not all on the bucket grid; use two significant digits"):
        bounds_as_buckets([0.1, bound])


def exact(samples: Int64Array, q: float) -> int:
    """The order statistic whose rank is the smallest that has at least a share `q` of the sample at or below it."""
    return int(np.sort(samples)[max(1, math.ceil(q * len(samples))) - 1])


GENERATOR = np.random.default_rng(20_231)
DISTRIBUTIONS: dict[str, Int64Array] = {
    "uniform": GENERATOR.integers(100, 10**9, 5_000),
    "exponential": GENERATOR.exponential(3e6, 5_000).astype(np.int64) + 100,
    "lognormal": GENERATOR.lognormal(16, 2, 5_000).astype(np.int64) + 100,
    "pareto": np.minimum(GENERATOR.pareto(1.1, 5_000) * 1e5 + 100, 9e11).astype(np.int64),
    "two humps": np.concatenate([GENERATOR.normal(5e6, 1e5, 2_500), GENERATOR.normal(8e8, 1e7, 2_500)]).astype(
        np.int64
    ),
    "constant": np.full(1_000, 20_000_001),
    "constant at a bound": np.full(1_000, 20_000_000),
    "one sample": np.array([40_000_001]),
    "just above every bound": EDGES[:-1] + 1,
    "at every bound": EDGES,
    "nearly the least of one bucket": np.array([2_000_001] * 99 + [2_049_999]),
}


@pytest.mark.parametrize("q", [0.001, 0.25, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quantiles_are_within_the_stated_error(name: str, q: float) -> None:
    samples = DISTRIBUTIONS[name]
    truth = exact(samples, q)
    assert abs(quantile(counted(samples), q) - truth) <= RELATIVE_ERROR * truth


@given(st.lists(st.integers(101, GRID[-1]), min_size=1, max_size=40), st.floats(0.001, 0.999))
def test_quantiles_of_anything_are_within_the_stated_error(numbers: list[int], q: float) -> None:
    samples = np.array(numbers, dtype=np.int64)
    truth = exact(samples, q)
    assert abs(quantile(counted(samples), q) - truth) <= RELATIVE_ERROR * truth


@given(st.lists(values, min_size=1, max_size=40), st.data())
def test_the_bounds_of_a_rank_enclose_it(numbers: list[int], data: st.DataObject) -> None:
    samples = np.array(numbers, dtype=np.int64)
    rank = data.draw(st.integers(1, len(numbers)))
    low, high = rank_bounds(counted(samples), rank)
    truth = sorted(numbers)[rank - 1]
    assert low <= min(truth, GRID[-1]) <= high
    assert low < truth or low == 0 or truth > GRID[-1]


def test_values_beyond_the_grid() -> None:
    assert quantile(counted(np.array([0, 0, 0])), 0.5) <= 100
    assert quantile(counted(np.array([GRID[-1] + 1] * 3)), 0.5) == GRID[-1]


def test_an_empty_histogram_has_no_quantiles() -> None:
    with pytest.raises(ValueError, match="empty"):
        quantile(np.zeros(BUCKETS, dtype=np.int64), 0.5)
