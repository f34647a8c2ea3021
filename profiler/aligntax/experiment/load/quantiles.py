"""How sure one can be of a quantile of latencies that came one after the other.

Under load a slow answer is followed by slow ones: they waited in the same line. A hundred of them then say less than a
hundred independent ones would, and an interval that ignores it is too narrow, most of all near the highest rate that a
server can bear.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aligntax.inference import CONFIDENCE, Estimate
from aligntax.tax import quantile_ranks

__all__ = ["QUANTILES", "distribution", "independent", "quantile_in_order"]

QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
HIGH = 0.9
Seconds = NDArray[np.float64]


def quantile_in_order(
    values: Sequence[float] | Seconds, q: float, confidence: float = CONFIDENCE, *, times: float = 1.0
) -> Estimate:
    """Return a quantile, and its interval between two order statistics.

    The ranks are those of a sample of as many independent values as these are worth, stretched to the sample's own
    length; see `independent`.

    Args:
        values: shape (n,), n >= 1, in the order in which they arose; some may be infinite.
        q: which quantile, between 0 and 1.
        confidence: of the interval.
        times: how many times as many values like these to take them for: what the interval would come to.

    Raises:
        ValueError: if there is no value, or one of them is no number.
    """
    found = np.asarray(values, np.float64)
    if not found.size or np.isnan(found).any():
        raise ValueError(f"{found.size} values, {np.isnan(found).sum()} of them no numbers: there is no quantile")
    n = len(found)
    in_rank = np.sort(found)
    # The method that `aligntax.inference.quantile` has, too, except where it would compute with infinity.
    value = float(np.quantile(in_rank, q) if math.isfinite(in_rank[-1]) else in_rank[min(n - 1, math.floor(n * q))])
    worth = math.floor(independent(found, q) * times)
    ranks = quantile_ranks(worth, q, confidence)
    if ranks is None:
        return Estimate(value)
    low = max(0, math.floor(ranks[0] * n / worth) - 1)
    high = min(n, math.ceil(ranks[1] * n / worth)) - 1
    return Estimate(value, min(value, float(in_rank[low])), max(value, float(in_rank[high])))


def independent(values: Sequence[float] | Seconds, q: float) -> int:
    """Return how many independent values would tell a quantile as well as these do.

    n over the integrated autocorrelation time of "is above the quantile". Its sum ends where two neighbouring terms
    add up to nothing: the initial positive sequence of Geyer, Practical Markov chain Monte Carlo, Statistical Science 7
    (1992). Few values lie above a high quantile, and chance may put them together or apart; the time is taken at the
    quantile with twice as many above it, too, and the longer one counts. Without that, one in seven searches for the
    capacity of a simulated queue M/M/1 by its p99 ended above it; with it, one in forty.
    """
    found = np.asarray(values, np.float64)
    worth = _independent(found, q)
    return worth if q < HIGH else min(worth, _independent(found, 1 - 2 * (1 - q)))


def _independent(found: Seconds, q: float) -> int:
    n = len(found)
    threshold = np.sort(found)[min(n - 1, math.floor(n * q))]
    above = (found > threshold).astype(np.float64)
    if not above.any():  # ties at the top, or a quantile beyond all
        above = (found >= threshold).astype(np.float64)
    spread = above - above.mean()
    variance = float(spread @ spread) / n
    if variance == 0.0:
        return n
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(spread, size)) ** 2
    correlation = np.fft.irfft(spectrum, size)[:n] / n / variance
    pairs = correlation[: n - n % 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    positive = pairs[: ends[0]] if ends.size else pairs
    return max(1, min(n, int(n / max(1.0, 2 * float(positive.sum()) - 1))))


def distribution(values: Sequence[float] | Seconds) -> dict[str, object]:
    """Return a part of a result: how many values there are, their mean, and their quantiles with intervals."""
    found = np.asarray(values, np.float64)
    if not found.size:
        return {"n": 0}
    quantiles = {name: quantile_in_order(found, q).to_dict() for name, q in QUANTILES.items()}
    return {"n": len(found), "mean": float(found.mean()), **quantiles}
