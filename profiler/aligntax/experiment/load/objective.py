"""What is asked of latencies: an objective for a quantile, and a service level for each request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from aligntax.experiment.load.quantiles import quantile_in_order
from aligntax.experiment.load.records import ALLOWED, BLOCKED, CANCELLED, MISSES, Call
from aligntax.inference import Estimate
from aligntax.tax import smallest_sample

__all__ = ["Objective", "Slo", "seconds_of"]

Measure = Literal["answer", "first chunk"]

_OBJECTIVE = re.compile(r"(?:(?P<first>ttft)[ :]*)?p(?P<q>\d{1,2}(?:\.\d+)?)\s*<=?\s*(?P<limit>.+)")
_DURATION = re.compile(r"\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s)\s*")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_LEAST_Q, _GREATEST_Q = 0.00001, 0.99999


@dataclass(frozen=True, slots=True)
class Objective:
    """A bound on a quantile of the latencies from the intended start.

    Requests that fail, time out or are dropped count as infinitely late; those that a guard blocked do not count.

    Attributes:
        q: which quantile, from 0.00001 to 0.99999: beyond it no trial has requests enough.
        limit_seconds: what it may be.
        measure: of the whole answer, or up to its first chunk.

    Raises:
        ValueError: if one of them is out of range.
    """

    q: float
    limit_seconds: float
    measure: Measure = "answer"

    def __post_init__(self) -> None:
        if not _LEAST_Q <= self.q <= _GREATEST_Q:
            raise ValueError(f"q={self.q} must be {_LEAST_Q:.5f} to {_GREATEST_Q:.5f}")
        if not 0 < self.limit_seconds < math.inf:
            raise ValueError(f"limit_seconds={self.limit_seconds} must be a finite number above 0")

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Return what `"p99<=500ms"` says, or `"ttft p99<=200ms"` for the time to the first chunk.

        Raises:
            ValueError: if it says no such thing.
        """
        found = _OBJECTIVE.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(f"objective {text!r} is none; write it like p99<=500ms, or ttft p99<=200ms")
        return cls(float(found["q"]) / 100, seconds_of(found["limit"]), "first chunk" if found["first"] else "answer")

    def __str__(self) -> str:
        """Return it as `parse` reads it."""
        first = "ttft " if self.measure == "first chunk" else ""
        return f"{first}p{self.q * 100:.10g}<={self.limit_seconds * 1e3:.10g}ms"

    @property
    def smallest(self) -> int:
        """How many requests it takes at least to say anything about the quantile."""
        return smallest_sample(self.q)

    def seconds(self, call: Call) -> float | None:
        """Return what a call counts with; None if it does not count."""
        if call.outcome in (BLOCKED, CANCELLED):
            return None
        found = call.scheduled_ns if self.measure == "answer" else call.scheduled_first_ns
        if call.outcome in MISSES or found is None:
            return math.inf
        return found / 1e9

    def is_missed(self, call: Call) -> bool:
        """Return whether a call took longer than the limit, or was not answered."""
        seconds = self.seconds(call)
        return seconds is not None and seconds > self.limit_seconds

    def reached(self, calls: Iterable[Call], *, times: float = 1.0) -> tuple[Estimate | None, bool | None]:
        """Return the quantile of calls, and whether the objective is kept: None where that cannot be told.

        It is kept where the whole interval lies below the limit, and not kept where it lies above.

        Args:
            calls: in the order in which they were due.
            times: how many times as many calls like these to take them for.

        Returns:
            None for the quantile if no call counts.
        """
        values = [seconds for call in calls if (seconds := self.seconds(call)) is not None]
        if not values:
            return None, None
        found = quantile_in_order(values, self.q, times=times)
        if found.low is None or found.high is None:
            return found, None
        if found.high <= self.limit_seconds:
            return found, True
        return found, False if found.low > self.limit_seconds else None


@dataclass(frozen=True, slots=True)
class Slo:
    """What makes an answer a good one: it came in time, counted from the intended start.

    Attributes:
        seconds: for the whole answer; None for any time.
        first_chunk_seconds: to the first chunk; None for any time. An answer that is no stream has its first chunk with
            its end.

    Raises:
        ValueError: if it asks for nothing, or for what is no time.
    """

    seconds: float | None = None
    first_chunk_seconds: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.seconds, self.first_chunk_seconds) if value is not None]
        if not given:
            raise ValueError("a service level without a time; give seconds, first_chunk_seconds, or both")
        if not all(0 < value < math.inf for value in given):
            raise ValueError(f"a service level of {given} seconds; use finite numbers above 0")

    @classmethod
    def parse(cls, text: str) -> Slo:
        """Return what `"e2e=2s,ttft=200ms"` says; one of the two is enough.

        Raises:
            ValueError: if it says no such thing.
        """
        found: dict[str, float] = {}
        for part in text.split(","):
            name, _, value = part.partition("=")
            key = {"e2e": "seconds", "ttft": "first_chunk_seconds"}.get(name.strip().lower())
            if key is None or key in found:
                raise ValueError(f"service level {text!r} is none; write it like e2e=2s,ttft=200ms")
            found[key] = seconds_of(value)
        return cls(**found)

    def is_met(self, call: Call) -> bool:
        """Return whether a call was answered, and in time."""
        if call.outcome != ALLOWED or call.scheduled_ns is None:
            return False
        first_ns = call.scheduled_ns if call.scheduled_first_ns is None else call.scheduled_first_ns
        return (self.seconds is None or call.scheduled_ns <= self.seconds * 1e9) and (
            self.first_chunk_seconds is None or first_ns <= self.first_chunk_seconds * 1e9
        )


def seconds_of(text: str) -> float:
    """Return what `"500ms"`, `"2s"` or `"80us"` says.

    Raises:
        ValueError: if it has no such unit.
    """
    found = _DURATION.fullmatch(text.lower())
    if found is None:
        raise ValueError(f"{text.strip()!r} is no duration; write it like 500ms, 2s or 80us")
    return float(found["number"]) * _UNITS[found["unit"]]
