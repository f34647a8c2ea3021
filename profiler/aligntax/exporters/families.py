"""Metric families as plain data, ready for any format, and exported histograms out of the ledger's fine buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from aligntax.exemplars import Exemplar
from aligntax.exporters.definitions import Definition
from aligntax.histogram import NANO, Int64Array, bounds_as_buckets

Labels = tuple[str, ...]


class Sample(NamedTuple):
    """One value of a counter, gauge or info: its label values, and the value in the metric's unit."""

    labels: Labels
    value: int | float


class Histogram(NamedTuple):
    """One series of a histogram.

    Attributes:
        labels: label values.
        cumulative: for each bound, and last for the open bucket, how many observations are at or below it.
        total: sum of the observations, in the metric's unit.
        exemplars: by index of the bucket.
    """

    labels: Labels
    cumulative: Sequence[int]
    total: float
    exemplars: Mapping[int, Exemplar]


@dataclass(frozen=True, slots=True)
class SampleFamily:
    """All series of one counter, gauge or info."""

    definition: Definition
    series: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class HistogramFamily:
    """All series of one histogram."""

    definition: Definition
    series: Sequence[Histogram]


Family = SampleFamily | HistogramFamily


def histogram_family(
    definition: Definition,
    labels: Sequence[Labels],
    counts: Int64Array,
    sums_nano: Int64Array,
    exemplars: Sequence[Mapping[int, Exemplar]] | None = None,
) -> HistogramFamily:
    """Return a histogram with the bounds of its definition. Its counts are exact: every bound is a grid bound.

    Args:
        definition: the metric.
        labels: label values of each series.
        counts: shape (series, BUCKETS): observations in each bucket of the ledger's grid.
        sums_nano: shape (series,): sum of the observations, in 1e-9 of the metric's unit.
        exemplars: of each series, by index of the exported bucket. One may be of a request that is too young for
            `counts`; in a bucket that is still empty it is left out.

    Raises:
        ValueError: if a bound of the definition is not on the grid.
    """
    below = np.cumsum(counts, axis=1)[:, _exported_buckets(definition.bounds)].tolist()
    return HistogramFamily(
        definition,
        [
            Histogram(names, cumulative, total / NANO, _counted(kept, cumulative))
            for names, cumulative, total, kept in zip(
                labels, below, sums_nano.tolist(), exemplars or [{}] * len(labels), strict=True
            )
        ],
    )


@cache
def _exported_buckets(bounds: tuple[float, ...]) -> Int64Array:
    """Return the grid bucket that ends at each bound, and last the open one."""
    return np.append(bounds_as_buckets(bounds), -1)


def _counted(exemplars: Mapping[int, Exemplar], cumulative: Sequence[int]) -> Mapping[int, Exemplar]:
    return {
        bucket: exemplar
        for bucket, exemplar in exemplars.items()
        if cumulative[bucket] > (cumulative[bucket - 1] if bucket else 0)
    }
