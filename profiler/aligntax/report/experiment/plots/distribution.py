"""How the times of all requests are spread, with and without the guards, and how far pairs of them lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aligntax.report.page.plots.canvas import NARROW, ROLES, Paint, Screen, panel
from aligntax.report.page.plots.scale import Unit

__all__ = ["CURVE_POINTS", "paint_differences", "paint_distributions", "thinned"]

CURVE_POINTS = 400
"""A curve has at most this many points, however many requests there were."""

_LINES = {"raw": (0, (5, 2)), "guarded": "-", "null": ":"}
_NAMES = {"raw": "without guards", "guarded": "with guards", "null": "without guards, again (A/A)"}
_MAX_BINS = 60
_SHOWN = 0.99

Array = np.ndarray[Any, np.dtype[np.float64]]


def thinned(values: Sequence[float]) -> tuple[Array, Array]:
    """Return points of the empirical distribution function: order statistics, and the part of values up to each.

    Of many values, those at evenly spaced ranks are kept, and always the least and the greatest. The curve is off by
    at most 1 / (`CURVE_POINTS` - 1), which is less than a pixel.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    kept = np.unique(np.round(np.linspace(0, count - 1, min(count, CURVE_POINTS))).astype(np.int64))
    return ordered[kept], (kept + 1) / count


def paint_distributions(seconds: Mapping[str, Sequence[float]], unit: Unit) -> Paint:
    """Return what draws, for each arm, which part of its requests is done after a time.

    Args:
        seconds: of each arm, at least one.
        unit: of the axis.
    """
    arms = [arm for arm in ("null", "raw", "guarded") if seconds.get(arm)]

    def paint(figure: Figure, screen: Screen) -> None:
        axes = panel(figure, left=52, right=14, top=34 if screen is not NARROW else 70, bottom=44)
        for arm in arms:
            times, parts = thinned(seconds[arm])
            times = np.concatenate((times[:1], times)) * unit.factor
            parts = np.concatenate(([0.0], parts))
            axes.plot(
                times, parts * 100, linestyle=_LINES[arm], color=ROLES[arm], drawstyle="steps-post", label=_NAMES[arm]
            )
        everything = np.concatenate([np.asarray(seconds[arm]) for arm in arms]) * unit.factor
        low, high = everything.min(), np.quantile(everything, _SHOWN)
        margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        axes.set_xlim(max(0.0, low - margin), high + margin)
        axes.set_ylim(0, 101)
        axes.set_xlabel(f"time of a request, {unit.name}")
        axes.set_ylabel("requests done, %")
        axes.grid()
        _legend(figure, axes, screen)

    return paint


def paint_differences(
    tax: Sequence[float], null: Sequence[float], median: float, interval: tuple[float, float] | None, unit: Unit
) -> Paint:
    """Return what draws how far the two requests of a pair lie apart: guards against none, and none against none.

    Args:
        tax: guarded minus raw of each pair, in seconds.
        null: the same for two arms without guards; may be empty.
        median: of the tax, in seconds.
        interval: of the median, in seconds.
        unit: of the axis.
    """

    def paint(figure: Figure, screen: Screen) -> None:
        axes = panel(figure, left=52, right=14, top=34 if screen is not NARROW else 70, bottom=44)
        every = np.asarray([*tax, *null]) * unit.factor
        low, high = np.quantile(every, ((1 - _SHOWN) / 2, (1 + _SHOWN) / 2))
        low, high = min(low, 0.0), max(high, 0.0)
        margin = (high - low) * 0.03 or 1.0
        edges = np.linspace(low - margin, high + margin, min(_MAX_BINS, max(8, round(2 * len(tax) ** 0.5))) + 1)
        if null:
            part = np.histogram(np.asarray(null) * unit.factor, edges)[0] / len(null) * 100
            axes.stairs(
                part, edges, color=ROLES["null"], linewidth=1.6, linestyle="-", label="A/A: no guards in either"
            )
        part = np.histogram(np.asarray(tax) * unit.factor, edges)[0] / len(tax) * 100
        axes.stairs(part, edges, color=ROLES["tax"], fill=True, alpha=0.75, label="with guards minus without")
        axes.axvline(0, color=ROLES["line"], linewidth=1.2)
        if interval is not None:
            axes.axvspan(*(edge * unit.factor for edge in interval), color=ROLES["text"], alpha=0.25)
        axes.axvline(median * unit.factor, color=ROLES["text"], linewidth=1.4, label="median and its interval")
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"difference of a pair, {unit.name}")
        axes.set_ylabel("pairs, %")
        axes.grid(axis="y")
        _legend(figure, axes, screen)

    return paint


def _legend(figure: Figure, axes: Axes, screen: Screen) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, ncols=1 if screen is NARROW else len(handles), handlelength=2.0, columnspacing=1.4,
        handletextpad=0.5, labelspacing=0.3,
    )  # fmt: skip
