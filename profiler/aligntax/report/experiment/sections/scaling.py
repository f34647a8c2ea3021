"""How the tax grows with what was swept: prompt length, patterns, concurrency and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aligntax.figures import duration
from aligntax.inference import Estimate
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import interval, plain, signed_duration, signed_percentage, with_interval
from aligntax.report.experiment.wording import above_noise, confidence, spoken
from aligntax.report.page.parts import Paragraph, Picture, Section, Warnings
from aligntax.report.page.parts import Table as PageTable
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import Line, Series, paint_curve
from aligntax.report.page.plots.scale import unit_for

__all__ = ["scaling"]

_HEIGHTS = (290.0, 300.0)
_LINE_POINTS = 60


def scaling(result: Data) -> Section | None:
    """Return the section with one curve for each parameter that was swept; None where none was."""
    sweeps = [sweep for sweep in (result.get("scaling") or {}).values() if sweep["points"]]
    if not sweeps:
        return None
    blocks: list[Paragraph | Picture | Warnings] = []
    for position, sweep in enumerate(sweeps):
        blocks.append(Paragraph(_reading(result, sweep), spoken(sweep["parameter"]).capitalize()))
        blocks.append(_picture(result, sweep, position))
        if sweep.get("warnings"):
            blocks.append(Warnings(tuple(sweep["warnings"])))
    return Section(
        "scaling",
        "How the tax grows",
        "The same experiment at several sizes. With four sizes and more, an exponent says how the tax grows: 0 is "
        "not at all, 1 in proportion, 2 with the square.",
        tuple(blocks),
    )


def _reading(result: Data, sweep: Mapping[str, Any]) -> str:
    fit = sweep.get("fit")
    stopped = " The sweep was interrupted." if sweep.get("stopped") == "interrupted" else ""
    if fit is None:
        return f"No exponent: {sweep.get('reason') or 'none was fitted'}.".replace("..", ".") + stopped
    exponent = estimate(fit["exponent"])
    assert exponent is not None  # noqa: S101 (a fit has one)
    widened = fit.get("widened", 1.0)
    scatter = ""
    if widened > 1:
        scatter = f" The points scatter {plain(widened)} times as far as their intervals say; it allows for that."
    ends = interval(fit["exponent"], lambda number: f"{number:.2f}")
    return f"Exponent {exponent.value:.2f}, {confidence(result)} interval {ends}.{scatter}{stopped}"


def _picture(result: Data, sweep: Mapping[str, Any], position: int) -> Picture:
    points = sweep["points"]
    taxes = [_known(point["tax_seconds"]) for point in points]
    places = [float(point["value"]) for point in points]
    unit = unit_for(max(abs(found.value) for found in taxes))
    parameter = spoken(sweep["parameter"])
    across = f"{parameter}, {sweep['label']}" if sweep.get("label") else parameter
    drawing = draw(
        Drawing(
            f"scaling-{position}",
            f"Tax by {parameter}",
            "; ".join(
                f"{point['value']:g}: {with_interval(point['tax_seconds'], signed_duration)}" for point in points
            ),
            paint_curve(
                [Series("tax", "tax of a request, median", places, taxes, joined=sweep.get("fit") is None)],
                across=across,
                up=f"tax, {unit.name}",
                factor=unit.factor,
                fitted=_fitted(sweep.get("fit")),
                logarithmic=True,
            ),
            _HEIGHTS,
        )
    )
    head = (parameter, "n", "without guards", "with guards", "tax", "relative", "above noise")
    rows = tuple(tuple(_cells(point)) for point in points)
    table = PageTable(
        f"Medians with {confidence(result)} intervals; relative: ratio of means.",
        head,
        rows,
        words=(6,),
        summary="The points as a table",
    )
    return Picture(drawing, f"Tax of a request over {parameter}, with intervals.", table)


def _fitted(fit: Mapping[str, Any] | None) -> Line | None:
    if fit is None:
        return None
    exponent = _known(fit["exponent"]).value
    places = np.geomspace(min(fit["fitted"]), max(fit["fitted"]), _LINE_POINTS)
    return Line(f"fit, exponent {exponent:.2f}", places.tolist(), (fit["coefficient"] * places**exponent).tolist())


def _cells(point: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"{point['value']:,g}",
        f"{point['n']:,}",
        with_interval(point["raw_seconds"], duration),
        with_interval(point["guarded_seconds"], duration),
        with_interval(point["tax_seconds"], signed_duration),
        with_interval(point["relative"], signed_percentage),
        above_noise(point["distinguishable"]),
    )


def _known(data: Any) -> Estimate:
    found = estimate(data)
    if found is None:
        raise ValueError(f"{data!r} is no estimate; a point of a sweep and an exponent have one, so sweep again")
    return found
