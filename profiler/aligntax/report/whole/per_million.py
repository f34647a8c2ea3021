"""Figures per request that are too small to be read: told per million requests, in the title as in the unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.report.experiment.contents import estimate
from aligntax.report.whole.contents import Data

__all__ = ["per_million"]

_MILLION, _SMALL = 1e6, 1e-3
_REQUESTS = (" per request", " per useful request")


def per_million(whole: Data) -> Data:
    """Return a whole report whose smallest figures per request are per million of them, wherever they stand.

    A figure stays as it is where its kind tells the same per million requests already.

    Args:
        whole: schema `aligntax.whole/1`, checked; is left as it is.
    """
    known = {(row["kind"], row["title"]) for row in whole["taxes"]}
    chosen = {
        (row["kind"], row["name"]): row
        for row in whole["taxes"]
        if _is_small(row["absolute"], row["unit"]) and (row["kind"], _retold(row["title"], row["unit"])) not in known
    }

    def of(one: Data) -> Data | None:
        return chosen.get((one["kind"], one["name"]))

    titles = {(row["kind"], row["title"]): row for row in chosen.values()}
    trade_off = whole.get("trade_off")
    if trade_off:
        prices = trade_off.get("prices") or ()
        told = [_scaled(one, titles.get((one["kind"], one["title"])), "estimate") for one in prices]
        trade_off = {**trade_off, "prices": told, "front": _front(trade_off.get("front"))}
    return {
        **whole,
        "taxes": [_scaled(row, of(row), "absolute") for row in whole["taxes"]],
        "scale": [_titled(one, of(one)) for one in whole["scale"]],
        "trend": [_trend(figure, of(figure)) for figure in whole["trend"]],
        "trade_off": trade_off,
    }


def _is_small(data: Any, unit: str) -> bool:
    found = estimate(data)
    return found is not None and unit.endswith(_REQUESTS) and 0 < abs(found.value) < _SMALL


def _retold(text: str, unit: str) -> str:
    """Return a title or a unit with `per million requests` where it has the `per request` of the unit."""
    each = unit[unit.index(" per ") :]
    return text.replace(each, f"{each.replace(' per ', ' per million ')}s")


def _titled(one: Data, row: Data | None) -> Data:
    return one if row is None else {**one, "title": _retold(one["title"], row["unit"])}


def _scaled(one: Data, row: Data | None, *parts: str) -> Data:
    """Return what tells a figure, with some of its estimates and its unit per million; itself where `row` is None."""
    if row is None:
        return one
    if one["unit"] != row["unit"]:
        return _titled(one, row)
    scaled = {part: _times(one[part]) for part in parts}
    return {**_titled(one, row), "unit": _retold(one["unit"], row["unit"]), **scaled}


def _trend(figure: Data, row: Data | None) -> Data:
    if row is None or figure["measure"] == "relative":
        return _titled(figure, row)
    points = [{**point, "estimate": _times(point["estimate"])} for point in figure["points"]]
    return {**_scaled(figure, row, "slope"), "points": points}


def _front(front: Data | None) -> Data | None:
    """Return a front with the taxes of its configurations per million requests, where all of them are so small."""
    known = (front or {}).get("tax")
    if front is None or not known:
        return front
    if not _is_small(max(abs(point["tax"]["value"]) for point in front["points"]), known["unit"]):
        return front
    points = [{**point, "tax": _times(point["tax"])} for point in front["points"]]
    retold = {part: _retold(known[part], known["unit"]) for part in ("title", "unit")}
    return {**front, "tax": {**known, **retold}, "points": points}


def _times(data: Any) -> Any:
    if data is None or not isinstance(data, Mapping):
        return None if data is None else data * _MILLION
    return {name: None if end is None else end * _MILLION for name, end in data.items()}
