"""A number with the interval that it comes with."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import NamedTuple

from scipy import stats

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """An estimate and its confidence interval.

    Attributes:
        value: the point estimate, in the unit of what was measured.
        low: lower end of the interval; None where n is too small for one.
        high: upper end; None together with `low`.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def width(self) -> float:
        """From end to end; infinite where n is too small for an interval, so that no aim counts as reached."""
        return math.inf if self.low is None or self.high is None else self.high - self.low

    def covers(self, truth: float) -> bool:
        """Return whether a value lies within the interval; without an interval nothing is ruled out."""
        return self.low is None or self.high is None or self.low <= truth <= self.high

    def standard_error(self, confidence: float = CONFIDENCE) -> float | None:
        """Return the standard error that the interval stands for, were it that of a normal distribution.

        Args:
            confidence: of the interval, between 0 and 1.

        Returns:
            The error in the unit of the value; None without an interval.
        """
        if self.low is None or self.high is None:
            return None
        return self.width / (2 * float(stats.norm.isf((1 - confidence) / 2)))

    def to_dict(self) -> dict[str, float | None]:
        """Return the estimate as a result file holds it."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, found: Mapping[str, float | None]) -> Estimate:
        """Return what `to_dict` wrote.

        Raises:
            ValueError: if a key is missing, a value is no finite number, or the ends do not enclose the value.
        """
        try:
            value, low, high = (found[key] for key in ("value", "low", "high"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{found!r} is no estimate; it needs value, low and high") from error
        if value is None or (low is None) != (high is None):
            raise ValueError(
                f"{found!r} is no estimate; value must be a number, low and high both numbers or both null"
            )
        ends = [] if low is None or high is None else [low, high]
        if not all(isinstance(number, int | float) and abs(number) <= sys.float_info.max for number in (value, *ends)):
            raise ValueError(f"{found!r} is no estimate; its numbers must be finite")
        if ends and not ends[0] <= value <= ends[1]:
            raise ValueError(f"{found!r} is no estimate; low <= value <= high must hold")
        return cls(float(value), *map(float, ends))
