"""The figures of all taxes in words: cells for tables wherever they stand, and sentences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aligntax.figures import MISSING, amount, of_hundred, percentage
from aligntax.report.experiment.contents import estimate
from aligntax.report.experiment.estimates import between, signed_percentage, value, with_interval
from aligntax.report.whole.contents import Data

__all__ = [
    "KIND_NAMES",
    "TITLES",
    "absolute",
    "cells",
    "count",
    "kind_name",
    "of_trend",
    "on_scale",
    "percent",
    "relative",
    "short_sha",
    "written",
]

TITLES = ("tax", "absolute", "relative", "verdict", "n", "formula", "file", "SHA-256")

KIND_NAMES = {
    "performance": "Performance",
    "latency": "Latency",
    "capability": "Capability",
    "compute": "Compute",
    "cost": "Cost",
    "benefit": "Benefit",
    "scaling": "Scaling",
    "development": "Development",
    "debt": "Debt",
}
_DIGITS = 12


def kind_name(kind: str) -> str:
    """Return a kind of tax as a heading."""
    return KIND_NAMES.get(kind, kind.capitalize())


def written(data: Any, unit: str, *, signed: bool) -> str:
    """Return an estimate with its interval in brackets; an exact number has none; `"-"` where there is none.

    Args:
        data: as plain data.
        unit: of it.
        signed: whether it is a difference: then it has its sign, and a share is told in points instead of per cent.
    """
    found = estimate(data)
    if found is None:
        return MISSING
    write: Callable[[float], str] = partial(amount, unit=unit, signed=signed)
    if unit == "share" and not signed:
        write = percentage
    if found.low is None or found.high is None:
        return write(found.value)
    return f"{write(found.value)} ({between(write(found.low), write(found.high))})"


def absolute(row: Data) -> str:
    """Return the absolute figure of a tax."""
    return written(row["absolute"], row["unit"], signed=is_difference(row))


def relative(row: Data) -> str:
    """Return the relative figure of a tax."""
    return percent(row["relative"])


def percent(data: Any) -> str:
    """Return a relative tax in per cent, with its interval if it has one."""
    found = estimate(data)
    write = value if found is None or found.low is None else with_interval
    return write(data, signed_percentage)


def of_trend(figure: Data, data: Any) -> str:
    """Return an estimate of a figure that is followed over releases; a relative one in per cent of raw."""
    return percent(data) if figure["measure"] == "relative" else written(data, figure["unit"], signed=True)


def on_scale(data: Any) -> str:
    """Return a tax where raw is 100."""
    found = estimate(data)
    if found is None:
        return MISSING
    value, low, high = (None if end is None else of_hundred(end, signed=True) for end in found)
    return str(value) if low is None else f"{value} ({low} to {high})"


def is_difference(row: Data) -> bool:
    """Return whether a figure is what guards or alignment changed, and not a state."""
    of_shares = row["unit"].startswith("share ")
    return row["verdict"] is not None or row["relative"] is not None or of_shares


def count(row: Data) -> str:
    """Return how many observations there were."""
    return MISSING if row["n"] is None else f"{row['n']:,}"


def short_sha(whole: Data, file: str) -> str:
    """Return the first digits of the SHA-256 of a file of the report."""
    found = next((source["sha256"] for source in whole["sources"] if source["file"] == file), "")
    return str(found)[:_DIGITS]


def cells(whole: Data, row: Data) -> tuple[str, ...]:
    """Return one figure as cells, below `TITLES`."""
    return (
        f"{kind_name(row['kind'])}: {row['title']}",
        absolute(row),
        relative(row),
        row["verdict"] or MISSING,
        count(row),
        "; ".join((*([row["formula"]] if row["formula"] else []), *row["marks"])) or MISSING,
        row["source"],
        short_sha(whole, row["source"]),
    )
