"""The trade-off as a plot: what configurations cost over how many attacks succeed, and which ones are dominated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from aligntax.figures import percentage
from aligntax.inference import Estimate
from aligntax.report.page.plots.canvas import NARROW, ROLES, Drawing, Paint, Screen, panel
from aligntax.report.page.plots.scale import shortened, unit_for

__all__ = ["front_drawing"]

_NO_GUARDS = "no guards"
"""The name that a record gives to the model alone."""

_STEP = 18.0
_NEAR_PIXELS = 11.0
_KEY_PIXELS = 268.0
_KEY_CELLS = 24
_MARKERS = {"guarded": "o", "raw": "s", "text": "D"}
_KINDS = {"guarded": "on the front", "raw": "dominated", "text": "without guards"}


class _Point(NamedTuple):
    """A configuration on the plot, in units of its axes."""

    name: str
    across: Estimate
    up: Estimate
    role: str
    note: str


class _Axis(NamedTuple):
    """What the axis below shows."""

    objective: str
    label: str
    factor: float


def front_drawing(front: Mapping[str, Any]) -> Drawing | None:
    """Return the drawing of a record's front, or None where there is nothing to set attack success against.

    Args:
        front: of a record of `benefit`, under `more`.
    """
    axis = _axis(front)
    if axis is None:
        return None
    points = [_point(point, axis) for point in front["points"]]
    dominated = [point["name"] for point in front["points"] if point["dominated"]]
    words = f"dominated: {', '.join(dominated)}" if dominated else "none is dominated"
    rows = len(points) * _STEP
    return Drawing(
        "benefit-front",
        "What guards cost and what they buy",
        f"Attack success over {axis.label} of {len(points)} configurations; {words}.",
        _paint(points, axis),
        (max(340.0, rows + 60), 330.0 + rows),
    )


def _axis(front: Mapping[str, Any]) -> _Axis | None:
    if "tax" in front["objectives"]:
        title, unit = front["tax"]["title"], front["tax"]["unit"]
        if unit == "seconds":
            scale = unit_for(max(abs(point["tax"]["value"]) for point in front["points"]))
            return _Axis("tax", f"tax, {title}, {scale.name}", scale.factor)
        if unit in {"share", "share of raw"}:
            return _Axis("tax", f"tax, {title}, %{' of raw' if unit == 'share of raw' else ''}", 100.0)
        return _Axis("tax", f"tax, {title}, {unit}", 1.0)
    if "false_positives" in front["objectives"]:
        return _Axis("false_positives", "false positives, %", 100.0)
    return None


def _point(point: Mapping[str, Any], axis: _Axis) -> _Point:
    role = "text" if point["name"] == _NO_GUARDS else "raw" if point["dominated"] else "guarded"
    alarms = point.get("false_positives")
    return _Point(
        point["name"],
        _scaled(point[axis.objective], axis.factor),
        _scaled(point["attack_success"], 100.0),
        role,
        "" if alarms is None else f"FP {percentage(alarms['value'])}",
    )


def _scaled(data: Mapping[str, float | None], factor: float) -> Estimate:
    found = Estimate.from_dict(data)
    if found.low is None or found.high is None:
        return Estimate(found.value * factor)
    return Estimate(found.value * factor, found.low * factor, found.high * factor)


def _paint(points: Sequence[_Point], axis: _Axis) -> Paint:
    def paint(figure: Figure, screen: Screen) -> None:
        narrow = screen is NARROW
        below = len(points) * _STEP + 12 if narrow else 0
        axes = panel(figure, left=52, right=14 if narrow else _KEY_PIXELS, top=34, bottom=46 + below)
        for role, marker in _MARKERS.items():
            chosen = [point for point in points if point.role == role]
            if chosen:
                _paint_points(axes, chosen, role, marker)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.margins(x=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:,g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))
        axes.set_xlabel(shortened(axis.label, 40 if narrow else 70))
        axes.set_ylabel("attack success, %")
        axes.grid()
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, ncols=len(handles), handlelength=1.2, columnspacing=1.2, handletextpad=0.4)
        _write_numbers(axes, points)
        _write_key(figure, points, screen)

    return paint


def _paint_points(axes: Axes, points: Sequence[_Point], role: str, marker: str) -> None:
    across, up = (_with_errors([getattr(point, side) for point in points]) for side in ("across", "up"))
    axes.errorbar(
        across[0], up[0], xerr=across[1], yerr=up[1], fmt=marker, linestyle="none", color=ROLES[role],
        markerfacecolor="none" if role == "raw" else ROLES[role], elinewidth=1.2, capsize=2.5, markersize=6,
        label=_KINDS[role],
    )  # fmt: skip


def _with_errors(estimates: Sequence[Estimate]) -> tuple[list[float], Any]:
    values = [found.value for found in estimates]
    lows = [found.value if found.low is None else found.low for found in estimates]
    highs = [found.value if found.high is None else found.high for found in estimates]
    return values, np.maximum(0.0, (np.subtract(values, lows), np.subtract(highs, values)))


def _write_numbers(axes: Axes, points: Sequence[_Point]) -> None:
    """Number the points; those that lie on one another share a label."""
    groups: list[tuple[Any, list[int]]] = []
    for number, point in enumerate(points, start=1):
        place = axes.transData.transform((point.across.value, point.up.value))
        near = next((numbers for other, numbers in groups if np.hypot(*(place - other)) < _NEAR_PIXELS), None)
        if near is None:
            groups.append((place, [number]))
        else:
            near.append(number)
    for _, numbers in groups:
        first = points[numbers[0] - 1]
        axes.annotate(
            ", ".join(map(str, numbers)), (first.across.value, first.up.value), xytext=(6, 4),
            textcoords="offset points", weight="bold",
        )  # fmt: skip


def _write_key(figure: Figure, points: Sequence[_Point], screen: Screen) -> None:
    """List what the numbers stand for: at the right, or below on a narrow screen."""
    width, height = screen.width, figure.get_size_inches()[1] * figure.dpi
    left = 10.0 if screen is NARROW else width - _KEY_PIXELS + 18
    top = len(points) * _STEP if screen is NARROW else height - 40
    for row, point in enumerate(points):
        place = (top - row * _STEP) / height
        figure.text(left / width, place, f"{row + 1}", weight="bold", va="center")
        figure.text(
            (left + 20) / width, place, shortened(point.name, _KEY_CELLS), va="center",
            color=ROLES["soft" if point.role == "raw" else "text"],
        )  # fmt: skip
        if point.note:
            figure.text((width - 6) / width, place, point.note, ha="right", va="center", color=ROLES["soft"])
