"""The pictures of a load: how long requests take, and how that depends on how many come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import a_second, plain, quantile_interval
from aligntax.report.experiment.plots.distribution import paint_distributions
from aligntax.report.experiment.wording import arm_name
from aligntax.report.page.parts import Picture, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import Series, paint_curve
from aligntax.report.page.plots.scale import unit_for

__all__ = ["rates_picture", "times_picture"]

_HEIGHTS = (290.0, 320.0)
_ALLOWED = "allowed"
_COMPARED = ("raw", "guarded")

Trial = Mapping[str, Any]


def times_picture(found: Data) -> Picture | None:
    """Return the distribution of times, with and without guards; None where the samples of these were not kept."""
    samples = found.get("samples") or {}
    seconds, outcomes = samples.get("scheduled_seconds") or {}, samples.get("outcomes") or {}
    if not all(arm in seconds and arm in outcomes for arm in _COMPARED):
        return None
    rows = zip(*(seconds[arm] for arm in _COMPARED), *(outcomes[arm] for arm in _COMPARED), strict=True)
    pairs = [row[:2] for row in rows if row[2] == row[3] == _ALLOWED and None not in row[:2]]
    if not pairs:
        return None
    times = dict(zip(_COMPARED, map(list, zip(*pairs, strict=True)), strict=True))
    unit = unit_for(sorted(max(pair) for pair in pairs)[int(len(pairs) * 0.9)])
    drawing = draw(
        Drawing(
            "load-distribution",
            "How long requests take under load",
            f"The part of {len(pairs):,} requests that is done after a time, from when they were due.",
            paint_distributions(times, unit),
            _HEIGHTS,
        )
    )
    caption = "How many of the requests are done after a time, counted from when they were due."
    return Picture(drawing, f"{caption} The slowest 1 % may lie outside of the picture.")


def rates_picture(found: Data) -> Picture | None:
    """Return the latency at each rate that was tried; None where no rate was searched."""
    searched = found.get("throughput_tax")
    if not searched:
        return None
    tried = {arm: sorted(_trials(data), key=lambda trial: trial["rate"]) for arm, data in searched["arms"].items()}
    series = [one for arm in _COMPARED if (one := _series(arm, tried.get(arm, ()))).places]
    if not series:
        return None
    objective = searched["objective"]
    unit = unit_for(max(point.value for one in series for point in one.estimates))
    drawing = draw(
        Drawing(
            "load-rates",
            "Latency by rate of arrivals",
            f"Objective {objective}: " + "; ".join(f"{one.name} {len(one.places)} rates tried" for one in series),
            paint_curve(
                series,
                across="arrivals, requests a second",
                up=f"latency, {unit.name}",
                factor=unit.factor,
                place=plain,
            ),
            _HEIGHTS,
        )
    )
    rows = [_cells(arm, trial) for arm, trials in tried.items() for trial in trials]
    table = Table(
        f"Every rate that was tried, against {objective}.",
        ("rate", "arm", "quantile", "kept", "n"),
        rows,
        words=(0, 1, 3),
        summary="The rates as a table",
    )
    return Picture(drawing, f"The latency of the objective, {objective}, at each rate that was tried.", table)


def _trials(arm: Data) -> Sequence[Trial]:
    return arm.get("trials") or ()


def _series(arm: str, trials: Sequence[Trial]) -> Series:
    points = [(trial["rate"], found) for trial in trials if (found := estimate(trial["seconds"])) is not None]
    return Series(arm, arm_name(arm), [rate for rate, _ in points], [found for _, found in points])


def _cells(arm: str, trial: Trial) -> tuple[str, ...]:
    kept = {True: "yes", False: "no"}.get(trial["kept"], "cannot tell")
    return (
        a_second(trial["rate"]),
        arm_name(arm),
        quantile_interval(trial["seconds"]),
        kept,
        f"{trial['n']:,}",
    )
