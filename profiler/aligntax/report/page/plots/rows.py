"""Horizontal bars in rows: a name, bars on a common axis, and what they say in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aligntax.report.page.plots.canvas import NARROW, ROLES, Paint, Screen, panel
from aligntax.report.page.plots.scale import Unit, shortened, text_width

__all__ = ["MAX_ROWS", "Bar", "Row", "paint_rows", "rows_height"]

MAX_ROWS = 30
"""More would be no picture any more; the table has them all."""

_WIDE_STEP, _NARROW_STEP = 30.0, 46.0
_TOP, _BOTTOM = 30.0, 44.0
_NAME_CELLS = 30
_LEAST_PIXELS = 1.5


class Bar(NamedTuple):
    """A stretch of the axis.

    Attributes:
        start, length: in what the axis's unit is a part of, most often seconds; a negative length goes to the left.
        role: of the colour.
        thick: height as a part of the row's.
        faint: whether it stays in the background.
    """

    start: float
    length: float
    role: str
    thick: float = 0.56
    faint: bool = False


class Row(NamedTuple):
    """One line of the chart.

    Attributes:
        name: of what it is about.
        text: what its bars say, in numbers.
        bars: the ones behind first.
        interval: between which two places the bar's end lies; None where that is not known.
        strong: whether the name is in bold.
    """

    name: str
    text: str
    bars: Sequence[Bar]
    interval: tuple[float, float] | None = None
    strong: bool = False


def rows_height(rows: int) -> tuple[float, float]:
    """Return the height in pixels for so many rows, on a wide and on a narrow screen."""
    return rows * _WIDE_STEP + _TOP + _BOTTOM, rows * _NARROW_STEP + _TOP + _BOTTOM


def paint_rows(rows: Sequence[Row], unit: Unit, label: str, legend: Sequence[tuple[str, str]]) -> Paint:
    """Return what draws the rows from top to bottom.

    Args:
        rows: at most `MAX_ROWS`.
        unit: of the axis.
        label: what the axis shows; the unit is added.
        legend: of each kind of bar its role and what it means; a role that ends in `~` is a faint one.
    """

    def paint(figure: Figure, screen: Screen) -> None:
        narrow = screen is NARROW
        names = [shortened(row.name, _cells_for_name(row, screen) if narrow else _NAME_CELLS) for row in rows]
        left, right = 8.0, 12.0
        if not narrow:
            left = max(text_width(name, screen.font) for name in names) + 14
            right = max(text_width(row.text, screen.font) for row in rows) + 14
        axes = panel(figure, left=left, right=right, top=_TOP, bottom=_BOTTOM)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel(f"{label}, {unit.name}")
        edges = [edge for row in rows for edge in _edges(row)]
        low, high = min(0.0, *edges) * unit.factor, max(0.0, *edges) * unit.factor
        margin = (high - low or 1.0) * 0.02
        axes.set_xlim(low - margin * (low < 0), high + margin)
        axes.axvline(0, color=ROLES["line"], linewidth=1.0)
        pixels = (high - low or 1.0) / (screen.width - left - right)
        for position, (row, name) in enumerate(zip(rows, names, strict=True)):
            _paint_row(axes, position, row, unit, pixels * _LEAST_PIXELS, narrow)
            _write(axes, position, name, row, narrow)
        handles = [
            Patch(color=ROLES[role.removesuffix("~")], alpha=0.35 if role.endswith("~") else 1.0, label=text)
            for role, text in legend
        ]
        figure.legend(handles=handles, ncols=len(handles), handlelength=1.1, columnspacing=1.2, handletextpad=0.5)

    return paint


def _cells_for_name(row: Row, screen: Screen) -> int:
    """Return how long a name may be that shares a line with the row's text."""
    room = screen.width - 28 - text_width(row.text, screen.font)
    return max(8, int(room / text_width("n", screen.font)))


def _edges(row: Row) -> list[float]:
    ends = [edge for bar in row.bars for edge in (bar.start, bar.start + bar.length)]
    return [*ends, *(row.interval or ())]


def _paint_row(axes: Axes, position: int, row: Row, unit: Unit, least: float, narrow: bool) -> None:
    centre = position + (0.2 if narrow else 0.0)
    scale = 0.75 if narrow else 1.0
    for bar in row.bars:
        length = bar.length * unit.factor
        if 0 < length < least:
            length = least  # a call that took next to no time is still to be seen
        axes.broken_barh(
            [(bar.start * unit.factor, length)],
            (centre - bar.thick * scale / 2, bar.thick * scale),
            color=ROLES[bar.role],
            alpha=0.35 if bar.faint else None,
        )
    if row.interval is not None:
        low, high = (edge * unit.factor for edge in row.interval)
        axes.plot([low, high], [centre, centre], color=ROLES["text"], linewidth=1.3, marker="|", markersize=7)


def _write(axes: Axes, position: int, name: str, row: Row, narrow: bool) -> None:
    weight = "bold" if row.strong else "normal"
    across = axes.get_yaxis_transform()  # x from 0 to 1 over the axes, y in rows
    if narrow:
        axes.text(0, position - 0.27, name, transform=across, ha="left", va="center", weight=weight)
        axes.text(1, position - 0.27, row.text, transform=across, ha="right", va="center", color=ROLES["soft"])
    else:
        axes.annotate(
            name,
            (0, position),
            xycoords=across,
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            weight=weight,
        )
        axes.annotate(
            row.text,
            (1, position),
            xycoords=across,
            xytext=(8, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            color=ROLES["soft"],
        )
