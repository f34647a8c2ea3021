"""What a request gets back when guards are replaced: the tax before and after, from pairs of the same request."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.figures import TOO_SMALL
from aligntax.tax import NANO, Tax, quantile_ranks

__all__ = ["MOST_PAIRS", "Refund"]

MOST_PAIRS = 10_000
"""Pairs that are kept; of more, the last ones."""

Nanoseconds = NDArray[np.int64]


class Refund:
    """Collects pairs of requests with the same prompt, the one behind the old guards and the other behind the new."""

    def __init__(self) -> None:
        self._pairs: deque[tuple[Mapping[str, int], Mapping[str, int]]] = deque(maxlen=MOST_PAIRS)

    def add(self, before: Tax, after: Tax) -> None:
        """Add a pair of requests that ran to their end; others have no tax that could be compared."""
        self._pairs.append((before.shares_ns, after.shares_ns))

    def to_dict(self) -> dict[str, Any]:
        """Return the refund for each guard and for all of them, as plain data; times are in seconds.

        `before_seconds` and `after_seconds` are a guard's shares of a request's tax, mean and median; the means sum to
        those of all guards, medians do not. `factor` is the median of the ratios of the pairs, None where a guard cost
        nothing in one of them; `saved_seconds` is the median of their differences. Both have a distribution-free 95 %
        interval from order statistics, or "n too small".
        """
        names = list(dict.fromkeys(name for pair in self._pairs for shares in pair for name in shares))
        shape = len(self._pairs), len(names)
        before, after = (
            np.array([[pair[arm].get(name, 0) for name in names] for pair in self._pairs], np.int64).reshape(shape)
            for arm in (0, 1)
        )
        return {
            "pairs": len(self._pairs),
            "guards": [
                {"layer": name, **_compared(before[:, column], after[:, column])} for column, name in enumerate(names)
            ],
            "all_guards": _compared(before.sum(axis=1), after.sum(axis=1)),
        }


def _compared(before: Nanoseconds, after: Nanoseconds) -> dict[str, Any]:
    factor, factor_interval = _median(before / after if (after > 0).all() else None)
    saved, saved_interval = _median((before - after) / NANO)
    return {
        "before_seconds": _typical(before),
        "after_seconds": _typical(after),
        "factor": factor,
        "factor_interval": factor_interval,
        "saved_seconds": saved,
        "saved_interval": saved_interval,
    }


def _typical(times: Nanoseconds) -> dict[str, float | None]:
    if not len(times):
        return {"mean": None, "median": None}
    return {"mean": float(times.mean()) / NANO, "median": float(np.median(times)) / NANO}


def _median(values: NDArray[np.float64] | None) -> tuple[float | None, Any]:
    """Return the median and its interval; None, None where there are no values to take one of."""
    if values is None or not len(values):
        return None, None
    ranks = quantile_ranks(len(values), 0.5)
    ordered = np.sort(values)
    return float(np.median(ordered)), TOO_SMALL if ranks is None else [float(ordered[rank - 1]) for rank in ranks]
