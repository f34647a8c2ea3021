"""Points with their intervals over something that was varied: a size, a rate, or the date of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from aligntax.inference import Estimate
from aligntax.report.page.plots.canvas import NARROW, ROLES, Paint, Screen, panel

__all__ = ["Line", "Series", "paint_curve", "paint_trend"]

_LOGARITHMIC_FROM = 8.0
"""An axis whose greatest value is this many times its least one is logarithmic."""

_LABEL_PIXELS = 44.0
_MARKERS = {"raw": "s", "guarded": "o", "tax": "o", "null": "^"}


class Series(NamedTuple):
    """Estimates, one for each place on the axis.

    Attributes:
        role: of the colour.
        name: for the legend.
        places, estimates: as many of the one as of the other.
        joined: whether a line leads from point to point.
    """

    role: str
    name: str
    places: Sequence[float]
    estimates: Sequence[Estimate]
    joined: bool = True


class Line(NamedTuple):
    """A fitted curve: its name, and points on it."""

    name: str
    places: Sequence[float]
    heights: Sequence[float]


def paint_curve(
    series: Sequence[Series],
    *,
    across: str,
    up: str,
    factor: float,
    fitted: Line | None = None,
    logarithmic: bool = False,
    place: Callable[[float], str] = "{:,g}".format,
) -> Paint:
    """Return what draws estimates over what was varied.

    Args:
        series: each with at least one point.
        across: what the axis below shows, with its unit.
        up: what the axis at the left shows, with its unit.
        factor: by which estimates are multiplied.
        fitted: a curve that belongs to the points.
        logarithmic: whether the axis at the left may be; it is where all estimates are above 0 and far apart.
        place: writes a place on the axis below.
    """

    def paint(figure: Figure, screen: Screen) -> None:
        axes = panel(figure, left=58, right=16, top=34 if screen is not NARROW else 24 + 18 * len(series), bottom=46)
        for one in series:
            _paint_series(axes, one, factor)
        if fitted is not None:
            axes.plot(
                fitted.places,
                np.asarray(fitted.heights) * factor,
                "--",
                color=ROLES["text"],
                linewidth=1.3,
                label=fitted.name,
            )
        places = [place for one in series for place in one.places]
        heights = [found.value for one in series for found in one.estimates]
        if min(places) > 0 and max(places) >= _LOGARITHMIC_FROM * min(places):
            axes.set_xscale("log")
        if logarithmic and min(heights) > 0 and max(heights) >= _LOGARITHMIC_FROM * min(heights):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda height, _: f"{height:,g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            low, high = axes.get_ylim()
            axes.set_ylim(min(0.0, low), max(0.0, high))
            axes.axhline(0, color=ROLES["line"], linewidth=1.0)
        axes.xaxis.set_major_locator(FixedLocator(_apart(axes, sorted({*places}))))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda where, _: place(where)))
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid()
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles, labels, ncols=1 if screen is NARROW else len(handles), handlelength=1.8, columnspacing=1.4,
            handletextpad=0.5, labelspacing=0.3,
        )  # fmt: skip

    return paint


def paint_trend(
    taxes: Sequence[Estimate],
    labels: Sequence[str],
    changed: Sequence[int] = (),
    *,
    name: str = "relative tax of a run",
    up: str = "tax / raw, %",
    factor: float = 100.0,
) -> Paint:
    """Return what draws the tax of run after run, or of release after release.

    Args:
        taxes: of each run, the oldest first.
        labels: of each run.
        changed: the runs at which the tax changed.
        name: of a point, for the legend.
        up: what the axis at the left shows, with its unit.
        factor: by which taxes are multiplied.
    """
    places = list(range(len(taxes)))

    def paint(figure: Figure, screen: Screen) -> None:
        axes = panel(figure, left=58, right=24, top=34, bottom=46)
        _paint_series(axes, Series("tax", name, places, taxes), factor)
        for index, place in enumerate(changed):
            axes.axvline(
                place, color=ROLES["text"], linewidth=1.2, linestyle=":", label="" if index else "change point"
            )
        axes.axhline(0, color=ROLES["line"], linewidth=1.0)
        axes.set_xlim(-0.5, len(places) - 0.5)
        step = -(-len(places) // (3 if screen is NARROW else 7))
        shown = places[::-step]  # the latest is one of them
        axes.set_xticks(shown, [labels[place] for place in shown])
        axes.set_ylabel(up)
        axes.grid(axis="y")
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, ncols=2, handlelength=1.8)

    return paint


def _apart(axes: Axes, places: Sequence[float]) -> list[float]:
    """Return those of the places on the axis below whose labels have room beside each other."""
    kept: list[float] = []
    reached = -_LABEL_PIXELS
    for place in places:
        position = axes.transData.transform((place, 1.0))[0]
        if position - reached >= _LABEL_PIXELS:
            kept.append(place)
            reached = position
    return kept


def _paint_series(axes: Axes, series: Series, factor: float) -> None:
    heights = np.asarray([found.value for found in series.estimates]) * factor
    lows, highs = (
        np.asarray([found.value if end is None else end for found, end in zip(series.estimates, ends, strict=True)])
        * factor
        for ends in zip(*((found.low, found.high) for found in series.estimates), strict=True)
    )
    axes.errorbar(
        list(series.places),
        heights,
        yerr=(heights - lows, highs - heights),
        fmt=_MARKERS[series.role],
        linestyle="-" if series.joined else "none",
        color=ROLES[series.role],
        linewidth=1.6,
        elinewidth=1.3,
        capsize=3,
        markersize=5,
        label=series.name,
    )
