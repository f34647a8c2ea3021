"""The arithmetic of the tax, and how sure one can be of a quantile. Pure functions and plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tax:
    """What the guards of one request cost it.

    Attributes:
        guarded_ns: duration of the request as it was.
        raw_ns: duration that it would have had without its guards.
        shares_ns: each guard's share of the difference; they sum to it exactly.
    """

    guarded_ns: int
    raw_ns: int
    shares_ns: Mapping[str, int]

    @property
    def tax_ns(self) -> int:
        """Guarded minus raw, in nanoseconds."""
        return self.guarded_ns - self.raw_ns

    @property
    def seconds(self) -> float:
        """Guarded minus raw, in seconds."""
        return self.tax_ns / NANO

    @property
    def ratio(self) -> float:
        """Tax over raw time; 0 where both are 0, infinite where only the raw time is."""
        if self.raw_ns:
            return self.tax_ns / self.raw_ns
        return math.inf if self.tax_ns else 0.0

    @property
    def shares(self) -> dict[str, float]:
        """Each guard's share of the tax, in seconds, by layer name."""
        return {name: share / NANO for name, share in self.shares_ns.items()}


def smallest_sample(q: float, confidence: float = 0.95) -> int:
    """Return the smallest n for which any distribution-free interval of the `q` quantile exists.

    The widest one, from the least to the greatest value, covers with probability 1 - q^n - (1-q)^n.
    """
    _check(q, confidence)
    sample = 1
    while 1 - q**sample - (1 - q) ** sample < confidence:
        sample += 1
    return sample


def quantile_ranks(n: int, q: float, confidence: float = 0.95) -> tuple[int, int] | None:
    """Return ranks (from 1) of two order statistics that enclose the `q` quantile with at least `confidence`.

    Both tails get half of the error where they can. Near the ends of a small sample one tail cannot get that small;
    the other then takes what is left. Source: David and Nagaraja, Order Statistics, section 7.1.

    Returns:
        (low, high), or None where n is too small for any such interval.

    Raises:
        ValueError: if q or confidence do not lie between 0 and 1.
    """
    _check(q, confidence)
    if n < 1 or 1 - q**n - (1 - q) ** n < confidence:
        return None
    first, below = _binomial_cdf(n, q)
    error = 1 - confidence
    # below[i] is P(B <= first + i); rank `low` misses when B < low, rank `high` when B >= high.
    highest_tail = q**n
    upper_error = max(error / 2, highest_tail)
    lower_error = error - upper_error
    lowest_tail = (1 - q) ** n
    if lowest_tail > lower_error:
        lower_error = lowest_tail
        upper_error = error - lower_error
    low = first + int(np.searchsorted(below, lower_error, side="right"))
    high = first + int(np.searchsorted(below, 1 - upper_error - 1e-12)) + 1
    return max(1, low), min(n, high)


def _check(q: float, confidence: float) -> None:
    if not (0 < q < 1 and 0 < confidence < 1):
        raise ValueError(f"q={q} and confidence={confidence} must lie between 0 and 1")


def _binomial_cdf(n: int, q: float) -> tuple[int, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return k0 and P(B <= k) for k = k0, k0+1, ..., B binomial(n, q), over the window that holds all but 1e-16.

    Built from the ratio of neighbouring probabilities, so that no factorial is ever formed.
    """
    mean, deviation = n * q, math.sqrt(n * q * (1 - q))
    first = max(0, math.floor(mean - 10 * deviation - 10))
    last = min(n, math.ceil(mean + 10 * deviation + 10))
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((n - k) / (k + 1)) + math.log(q / (1 - q))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    mass = np.exp(logs - logs.max())
    return first, np.cumsum(mass / mass.sum())
