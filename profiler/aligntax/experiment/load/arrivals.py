"""When requests are due: arrivals that do not wait for answers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as naturals
from itertools import islice, takewhile
from typing import Literal, get_args

from aligntax.tax import NANO

__all__ = ["MAX_ARRIVALS", "ArrivalKind", "Arrivals", "constant", "poisson"]

ArrivalKind = Literal["poisson", "constant"]
KINDS: tuple[str, ...] = get_args(ArrivalKind)
MIN_RATE, MAX_RATE = 0.001, 100_000.0
MAX_ARRIVALS = 1_000_000
"""Of one window: each is kept with its times, about 300 bytes."""


def poisson(rate: float, seed: int, *, seconds: float | None = None, count: int | None = None) -> Iterator[int]:
    """Return offsets from the start, in nanoseconds, of arrivals that know nothing of each other.

    The gaps between them, and the one before the first, are exponential with mean 1 / rate: as requests of many users
    come. The same seed gives the same arrivals at any rate, stretched.

    Args:
        rate: arrivals a second.
        seed: of the gaps.
        seconds: they come before this.
        count: how many come at most. One of the two is needed.

    Raises:
        ValueError: if the rate or the bound is out of range.
    """
    return _bounded(_exponential(_rate(rate), seed), rate, seconds, count)


def constant(rate: float, *, seconds: float | None = None, count: int | None = None) -> Iterator[int]:
    """Return offsets of arrivals at equal distances, the first at 0; see `poisson`."""
    rate = _rate(rate)
    return _bounded((round(number * NANO / rate) for number in naturals()), rate, seconds, count)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How requests arrive.

    Attributes:
        kind: `"poisson"`, as from many users, or `"constant"`.
        rate: requests a second.
        seed: of Poisson arrivals.

    Raises:
        ValueError: for an unknown kind, or a rate out of range.
    """

    kind: ArrivalKind
    rate: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"arrivals {self.kind!r} are unknown; use {' or '.join(map(repr, KINDS))}")
        _rate(self.rate)

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Arrivals:
        """Return what `"poisson:20"` or `"constant:20"` says.

        Raises:
            ValueError: if it says neither.
        """
        kind, _, number = text.partition(":")
        try:
            rate = float(number)
        except ValueError:
            rate = math.nan
        if kind not in KINDS or math.isnan(rate):
            raise ValueError(f"load {text!r} is none; write poisson:20 or constant:20, with the requests a second")
        return cls(kind, rate, seed)  # type: ignore[arg-type]

    def offsets(self, *, seconds: float | None = None, count: int | None = None, seed: int = 0) -> Iterator[int]:
        """Return the offsets; see `poisson`.

        Args:
            seconds: they come before this.
            count: how many come at most.
            seed: in addition to the own one: of one window among others.
        """
        if self.kind == "constant":
            return constant(self.rate, seconds=seconds, count=count)
        return _bounded(_exponential(self.rate, f"{self.seed}/{seed}"), self.rate, seconds, count)


def _exponential(rate: float, seed: int | str) -> Iterator[int]:
    draws = random.Random(seed)  # noqa: S311 (no secret depends on it)
    due = 0.0
    while True:
        due += draws.expovariate(1.0)
        yield round(due * NANO / rate)


def _bounded(offsets: Iterator[int], rate: float, seconds: float | None, count: int | None) -> Iterator[int]:
    if seconds is None and count is None:
        raise ValueError("arrivals without an end; pass seconds=... or count=...")
    if count is not None and not 1 <= count <= MAX_ARRIVALS:
        raise ValueError(f"count={count} must be 1 to {MAX_ARRIVALS:,}")
    if seconds is not None:
        if not 0 < seconds < math.inf:
            raise ValueError(f"seconds={seconds} must be a finite number above 0")
        if count is None and seconds * rate > MAX_ARRIVALS:
            raise ValueError(
                f"{rate:g} requests a second for {seconds:g} s are more than {MAX_ARRIVALS:,}; send fewer, or for less"
            )
        end_ns = seconds * NANO
        offsets = takewhile(lambda offset: offset < end_ns, offsets)
    return islice(offsets, MAX_ARRIVALS if count is None else count)


def _rate(rate: float) -> float:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"rate={rate} requests a second; use {MIN_RATE:g} to {MAX_RATE:,.0f}")
    return rate
