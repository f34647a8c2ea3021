"""The highest rate that keeps an objective: bracketed by doubling, narrowed by bisection. No clock, no requests."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

__all__ = ["Bracket", "Search", "check_tolerance", "throughput_tax"]

GROWTH = 2.0


class Bracket(NamedTuple):
    """What is known of the highest rate that keeps an objective.

    Attributes:
        kept: the highest rate that was seen to keep it, in requests a second; None if none was.
        failed: the lowest rate that was seen not to; None if none was.
    """

    kept: float | None
    failed: float | None

    def to_dict(self) -> dict[str, float] | None:
        """Return it as an estimate of a result file, the value being what was seen to hold; None if it is open."""
        if self.kept is None or self.failed is None:
            return None
        return {"value": self.kept, "low": self.kept, "high": self.failed}


class Search:
    """Says which rate to try next, and learns from each trial.

    Rates are doubled until one fails, or halved until one holds; then the geometric middle is tried. A trial that
    cannot tell belongs to neither end: the search goes on on both sides of such rates, so that the bracket's ends are
    always rates of which something was seen.

    Args:
        start: rate to begin with, in requests a second.
        least: not to be gone below.
        most: not to be gone beyond.
        tolerance: the bracket's width at which it is narrow enough, as a share of the lower end.

    Raises:
        ValueError: if they do not fit each other.
    """

    def __init__(self, start: float, *, least: float, most: float, tolerance: float = 0.05) -> None:
        if not 0 < least <= start <= most < math.inf:
            raise ValueError(f"rates must be 0 < least <= start <= most; they are {least}, {start} and {most}")
        check_tolerance(tolerance)
        self._start, self._least, self._most, self._tolerance = start, least, most, tolerance
        self._kept: float | None = None
        self._failed: float | None = None
        self._unknown: list[float] = []

    @property
    def bracket(self) -> Bracket:
        """What is known so far."""
        return Bracket(self._kept, self._failed)

    def next_rate(self) -> float | None:
        """Return the rate to try next; None once there is nothing left to find out."""
        kept, failed, unknown = self._kept, self._failed, sorted(self._unknown)
        if kept is None and failed is None and not unknown:
            return self._start
        if kept is None:
            lowest = min([*unknown, *([failed] if failed is not None else [])])
            return max(self._least, lowest / GROWTH) if lowest > self._least else None
        if failed is None:
            highest = max([kept, *unknown])
            return min(self._most, highest * GROWTH) if highest < self._most else None
        below, above = (unknown[0], unknown[-1]) if unknown else (failed, failed)
        gaps = [(below / kept, kept, below), (failed / above, above, failed)]
        width, low, high = max(gaps)
        return math.sqrt(low * high) if width - 1 > self._tolerance else None

    def tell(self, rate: float, holds: bool | None) -> None:
        """Take the result of a trial: whether a rate keeps the objective, None where that cannot be told."""
        if holds is None:
            self._unknown.append(rate)
        elif holds:
            self._kept = rate if self._kept is None else max(rate, self._kept)
        else:
            self._failed = rate if self._failed is None else min(rate, self._failed)
        low = 0.0 if self._kept is None else self._kept
        high = math.inf if self._failed is None else self._failed
        self._unknown = [each for each in self._unknown if low < each < high]


def check_tolerance(tolerance: float) -> None:
    """Refuse a width of a bracket that no search can have.

    Raises:
        ValueError: if it is not 0.001 to 1.
    """
    if not 0.001 <= tolerance <= 1:
        raise ValueError(f"tolerance={tolerance} must be 0.001 to 1, as a share of the rate")


def throughput_tax(raw: Bracket, guarded: Bracket) -> dict[str, Any]:
    """Return what guards cost in requests a second, absolute and as a share of the raw rate.

    The values compare the highest rates that were seen to hold; the ends are as far as the brackets let them be. A
    negative tax is a bonus.

    Args:
        raw: without guards.
        guarded: with them.

    Returns:
        `absolute` and `relative`, each with value, low and high; both None where a bracket is open.
    """
    if raw.kept is None or raw.failed is None or guarded.kept is None or guarded.failed is None:
        return {"absolute": None, "relative": None}
    return {
        "absolute": {
            "value": raw.kept - guarded.kept,
            "low": raw.kept - guarded.failed,
            "high": raw.failed - guarded.kept,
        },
        "relative": {
            "value": 1 - guarded.kept / raw.kept,
            "low": 1 - guarded.failed / raw.kept,
            "high": 1 - guarded.kept / raw.failed,
        },
    }
