"""The tables of a load: what became of the requests, how long they took, and what each figure is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aligntax.figures import MISSING, counts, duration, share
from aligntax.report.experiment.contents import QUANTILES, Data, estimate
from aligntax.report.experiment.estimates import a_second, quantile_interval, with_interval
from aligntax.report.experiment.wording import arm_name, confidence, spoken
from aligntax.report.page.parts import Table
from aligntax.tax import smallest_sample

__all__ = ["arm_cells", "arms_table", "formulas_table", "quantile_cells", "times_table"]

_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "due": lambda arm: _or_missing(arm.get("offered_rate")),
    "answered": lambda arm: _or_missing(arm.get("throughput")),
    "in time": lambda arm: with_interval(arm.get("within_slo"), share),
    "goodput": lambda arm: with_interval(arm.get("goodput"), a_second),
    "dropped": lambda arm: f"{arm['dropped']:,}" if "dropped" in arm else MISSING,
    "outcomes": lambda arm: counts(arm.get("outcomes") or {}),
    "errors": lambda arm: counts(arm.get("errors") or {}),
}
_WORDS = ("outcomes", "errors")


def arm_cells(found: Data) -> dict[str, list[str]]:
    """Return what became of the requests: by figure, a cell for each arm; without figures that say nothing."""
    columns = {title: [write(arm) for arm in found["arms"].values()] for title, write in _COLUMNS.items()}
    return {title: cells for title, cells in columns.items() if any(cell != MISSING for cell in cells)}


def arms_table(found: Data) -> Table:
    """Return what became of the requests of each arm."""
    kept = arm_cells(found)
    rows = [(arm_name(name), *(cells[place] for cells in kept.values())) for place, name in enumerate(found["arms"])]
    words = (0, *(place for place, title in enumerate(kept, 1) if title in _WORDS))
    return Table("Requests a second, and what became of them.", ("arm", *kept), rows, words=words)


def times_table(result: Data, found: Data) -> Table:
    """Return how long the requests of each arm took, by figure."""
    rows = []
    for figure in dict.fromkeys(figure for arm in found["arms"].values() for figure in arm.get("latency") or {}):
        for name, arm in found["arms"].items():
            times = (arm.get("latency") or {}).get(figure)
            if times and times.get("n"):
                cells = quantile_cells(times, "program" in arm)
                title = f"{spoken(figure)}, {arm_name(name)}"
                rows.append((title, *cells, duration(times.get("mean")), f"{times['n']:,}"))
    return Table(
        f"Times of allowed requests, with {confidence(result)} intervals. Scheduled is from when a request was due: "
        "the delay until it went out, and the service. Chunks are not tokens.",
        ("figure", *QUANTILES, "mean", "n"),
        rows,
    )


def quantile_cells(times: Mapping[str, Any], foreign: bool) -> list[str]:
    """Return the quantiles of a distribution; of another program's, see below, where `foreign`."""
    return [_quantile(times, name, foreign) for name in QUANTILES]


def _quantile(times: Mapping[str, Any], name: str, foreign: bool) -> str:
    """Return a quantile; of another program's, which tells no intervals, also alone, if there are enough requests."""
    found = estimate(times.get(name))
    enough = times["n"] >= smallest_sample(int(name.removeprefix("p")) / 100)
    if foreign and enough and found is not None and found.low is None:
        return duration(found.value)
    return quantile_interval(times.get(name))


def formulas_table(found: Data) -> Table | None:
    """Return by which formula each figure was found; None where nothing says so."""
    rows = [(spoken(name), text) for name, text in (found.get("formulas") or {}).items()]
    for name, arm in found["arms"].items():  # another program has its own
        rows += [(f"{spoken(of)}, {arm_name(name)}", text) for of, text in (arm.get("formulas") or {}).items()]
    if not rows:
        return None
    return Table("What each figure is.", ("figure", "formula"), rows, words=(0, 1), summary="The formulas as a table")


def _or_missing(rate: float | None) -> str:
    return MISSING if rate is None else a_second(rate)
