"""How estimates are written: with their intervals, or that n is too small for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aligntax.figures import MISSING, TOO_SMALL, amount, duration, percentage
from aligntax.report.experiment.contents import estimate

__all__ = [
    "a_second",
    "between",
    "interval",
    "plain",
    "quantile",
    "quantile_interval",
    "signed_duration",
    "signed_percentage",
    "size",
    "value",
    "with_interval",
]

Write = Callable[[float], str]


def signed_duration(seconds: float) -> str:
    """Return a duration with its sign."""
    return duration(seconds, signed=True)


def signed_percentage(ratio: float) -> str:
    """Return a ratio as a percentage with its sign."""
    return percentage(ratio, signed=True)


def plain(number: float) -> str:
    """Return a number without a unit, with three significant digits."""
    return f"{number:,.3g}" if abs(number) < 1000 else f"{number:,.0f}"


def size(count: float) -> str:
    """Return a number of bytes, e.g. `"1.50 MiB"`."""
    return amount(count, "bytes")


def a_second(rate: float) -> str:
    """Return a rate of requests, e.g. `"20.5/s"`."""
    return f"{plain(rate)}/s"


def between(low: str, high: str) -> str:
    """Return a range of two figures, with a unit that both have said only once."""
    number, _, unit = low.partition(" ")
    return f"{number if unit and high.endswith(f' {unit}') else low} to {high}"


def value(data: Any, write: Write) -> str:
    """Return an estimate without its interval; `"-"` where there is none."""
    found = estimate(data)
    return MISSING if found is None else write(found.value)


def interval(data: Any, write: Write) -> str:
    """Return the interval of an estimate, `"n too small"` where there is none, `"-"` where nothing was measured."""
    found = estimate(data)
    if found is None:
        return MISSING
    if found.low is None or found.high is None:
        return TOO_SMALL
    return between(write(found.low), write(found.high))


def with_interval(data: Any, write: Write) -> str:
    """Return an estimate with its interval in brackets, e.g. `"+5.02 ms (+4.90 to +5.14 ms)"`; a number has none."""
    found = value(data, write)
    return found if found == MISSING or isinstance(data, int | float) else f"{found} ({interval(data, write)})"


def quantile(data: Any, write: Write = duration) -> str:
    """Return a quantile, or that there are too few values to know it."""
    found = estimate(data)
    if found is not None and found.low is None:
        return TOO_SMALL
    return value(data, write)


def quantile_interval(data: Any, write: Write = duration) -> str:
    """Return a quantile with its interval in brackets, or that there are too few values to know it."""
    found = quantile(data, write)
    return found if found in (TOO_SMALL, MISSING) else f"{found} ({interval(data, write)})"
