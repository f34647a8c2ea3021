"""Axes of times: one unit for all that stands on an axis."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

__all__ = ["Unit", "shortened", "text_width", "unit_for"]

_EM_PER_CELL = 0.62  # of DejaVu Sans, on average over what names are made of


class Unit(NamedTuple):
    """What seconds, or a ratio, are multiplied by to be written on an axis."""

    factor: float
    name: str


_UNITS = (Unit(1.0, "s"), Unit(1e3, "ms"), Unit(1e6, "us"), Unit(1e9, "ns"))


def unit_for(seconds: float) -> Unit:
    """Return the unit in which the greatest number of an axis is at least 1."""
    return next((unit for unit in _UNITS if abs(seconds) * unit.factor >= 1), _UNITS[-1])


def shortened(name: str, cells: int) -> str:
    """Return a name in at most so many terminal cells; of a longer one the middle is missing, since ends tell apart."""
    if cell_len(name) <= cells:
        return name
    tail = (cells - 1) // 3
    start = set_cell_size(name, cells - 1 - tail).rstrip()
    return f"{start}…{set_cell_size(name[::-1], tail)[::-1].lstrip()}"


def text_width(text: str, font: float) -> float:
    """Return how many pixels a text needs at most, about: wide letters count twice, as in a terminal."""
    return cell_len(text) * font * _EM_PER_CELL
