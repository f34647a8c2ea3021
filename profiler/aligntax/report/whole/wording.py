"""The figures of all taxes in words: cells for tables wherever they stand, and sentences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aligntax.figures import MISSING, amount, duration, of_hundred, percentage
from aligntax.inference import CONFIDENCE
from aligntax.report.experiment.contents import estimate
from aligntax.report.experiment.estimates import between, signed_percentage, value, with_interval
from aligntax.report.whole.contents import Data

__all__ = [
    "KIND_NAMES",
    "TITLES",
    "absolute",
    "cells",
    "count",
    "is_difference",
    "kind_name",
    "of_front",
    "of_trend",
    "on_scale",
    "origin",
    "percent",
    "relative",
    "short",
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
_TAXES_ALONE = ("latency", "compute")
"""Kinds whose figures all say what guards added."""


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
    write = _writer(unit, signed=signed)
    value, low, high = (None if end is None else write(end) for end in found)
    if low is None or high is None:
        return str(value)
    return f"{value} ({_ends(str(value), low, high)})"


def _writer(unit: str, *, signed: bool) -> Callable[[float], str]:
    if unit == "share" and not signed:
        return percentage
    time, of, what = unit.partition(" ")
    if time == "seconds" and of:
        return lambda value: f"{duration(value, signed=signed)} {what}"
    return partial(amount, unit=unit, signed=signed)


def _ends(value: str, low: str, high: str) -> str:
    """Return an interval; a unit of several words that all three have is said with the value alone."""
    (_, _, unit), (least, _, below), (most, _, above) = (text.partition(" ") for text in (value, low, high))
    return f"{least} to {most}" if " " in unit and unit == below == above else between(low, high)


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


def of_trend(whole: Data, figure: Data, data: Any) -> str:
    """Return an estimate of a figure that is followed over releases; a relative one in per cent of raw."""
    if figure["measure"] == "relative":
        return percent(data)
    same = (row for row in whole["taxes"] if (row["kind"], row["name"]) == (figure["kind"], figure["name"]))
    row = next(same, None)
    return written(data, figure["unit"], signed=row is None or is_difference(row))


def of_front(front: Data, point: Data, objective: str) -> str:
    """Return what a configuration of a front is judged by: its tax, or a share."""
    if objective == "tax":
        return written(point["tax"], (front.get("tax") or {}).get("unit", ""), signed=True)
    return written(point[objective], "share", signed=False)


def on_scale(data: Any) -> str:
    """Return a tax where raw is 100."""
    found = estimate(data)
    if found is None:
        return MISSING
    value, low, high = (None if end is None else of_hundred(end, signed=True) for end in found)
    return str(value) if low is None else f"{value} ({low} to {high})"


def is_difference(row: Data) -> bool:
    """Return whether a figure is what guards or alignment changed, and not a state."""
    told = row["verdict"] is not None or row["relative"] is not None
    return told or row["unit"].startswith("share ") or row["kind"] in _TAXES_ALONE


def count(row: Data) -> str:
    """Return how many observations there were."""
    return MISSING if row["n"] is None else f"{row['n']:,}"


def short_sha(whole: Data, file: str) -> str:
    """Return the first digits of the SHA-256 of a file of the report."""
    found = next((source["sha256"] for source in whole["sources"] if source["file"] == file), "")
    return short(str(found))


def short(sha256: str) -> str:
    """Return the first digits of a SHA-256."""
    return sha256[:_DIGITS]


def origin(row: Data) -> str:
    """Return where a figure is from, in one line: its formula, how many observations there were, and its file."""
    formula = [row["formula"]] if row["formula"] else []
    known = [] if row["n"] is None else [f"n = {count(row)}"]
    return "; ".join((*formula, *row.get("marks", ()), *_sure(row), *known, row["source"]))


def cells(whole: Data, row: Data) -> tuple[str, ...]:
    """Return one figure as cells, below `TITLES`."""
    return (
        f"{kind_name(row['kind'])}: {row['title']}",
        absolute(row),
        relative(row),
        row["verdict"] or MISSING,
        count(row),
        "; ".join((*([row["formula"]] if row["formula"] else []), *row["marks"], *_sure(row))) or MISSING,
        row["source"],
        short_sha(whole, row["source"]),
    )


def _sure(row: Data) -> tuple[str, ...]:
    """Return how sure the interval of a figure is, where that is not as usual."""
    confidence = row.get("confidence", CONFIDENCE)
    return () if confidence == CONFIDENCE else (f"interval of {confidence * 100:g} %",)
