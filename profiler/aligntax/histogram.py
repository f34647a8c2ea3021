"""One bucket grid for every distribution: fine enough for quantiles, aligned with every exported bound.

Values are non-negative integers in nano-units: nanoseconds for times, 1e-9 for ratios. The grid runs from
100 nano-units to 1000 units in steps of 2 to 10 units of the third significant digit, so that a bucket is at most
2.5 % wide and its middle is at most 1.25 % away from any value in it. Every round number with two significant
digits is a bound, which makes the classic Prometheus buckets exact sums of grid buckets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]

NANO = 1_000_000_000

FINE_BOUNDS = (
    *(1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Exported bounds for layers, in seconds: from regular expressions to remote moderation."""

REQUEST_BOUNDS = (
    *(1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0),
)
"""Exported bounds for requests and model calls, in seconds."""

RATIO_BOUNDS = (1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""Exported bounds for tax over raw time."""

RELATIVE_ERROR = 0.0125
"""How far a quantile may be from the order statistic that it stands for, as a share of it."""

_DECADES = 10
_MANTISSAS = (*range(100, 200, 2), *range(200, 500, 5), *range(500, 1000, 10))

EDGES: Int64Array = np.array(
    [mantissa * 10**decade for decade in range(_DECADES) for mantissa in _MANTISSAS] + [10**12],
    dtype=np.int64,
)
"""Inclusive upper bounds of all buckets but the last, which is open. Shape (1601,)."""

BUCKETS = len(EDGES) + 1


def bucket_of(values: Int64Array) -> Int64Array:
    """Return the bucket of each value: bucket i holds EDGES[i-1] < value <= EDGES[i]."""
    return np.searchsorted(EDGES, values, side="left")


def bounds_as_buckets(bounds: Sequence[float]) -> Int64Array:
    """Return, for each exported bound in units, the last grid bucket that lies below or at it.

    Raises:
        ValueError: if a bound is not on the grid, because counts below it would then be guesses.
    """
    wanted = np.array([round(bound * NANO) for bound in bounds], dtype=np.int64)
    found = np.searchsorted(EDGES, wanted)
    if (EDGES[np.minimum(found, len(EDGES) - 1)] != wanted).any():
        raise ValueError(f"bounds {list(bounds)} are not all on the bucket grid; use two significant digits")
    return found


def rank_bounds(counts: Int64Array, rank: int) -> tuple[int, int]:
    """Return the bounds, in nano-units, of the bucket that holds the `rank`-th smallest value (from 1)."""
    bucket = int(np.searchsorted(np.cumsum(counts), rank))
    low = 0 if bucket == 0 else int(EDGES[bucket - 1])
    return low, int(EDGES[min(bucket, len(EDGES) - 1)])


def quantile(counts: Int64Array, q: float) -> float:
    """Return the `q` quantile of a bucket-count vector, in nano-units: the middle of the bucket that it lies in.

    It is off by `RELATIVE_ERROR` at most, whatever the distribution, between the grid's least and greatest bound. To
    interpolate inside the bucket would be off by twice as much where all values are the same.

    Raises:
        ValueError: if the histogram is empty.
    """
    total = int(counts.sum())
    if total == 0:
        raise ValueError("an empty histogram has no quantiles")
    low, high = rank_bounds(counts, max(1, min(total, int(np.ceil(q * total)))))
    return (low + high) / 2
