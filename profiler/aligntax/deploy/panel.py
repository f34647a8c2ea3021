"""The records of the dashboard: a row of panels, each with its queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Query:
    """One query: PromQL with the dashboard's variables, and the name of its series in Grafana's template syntax."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title, description: what it shows, and how to read it.
        unit: Grafana's identifier of the unit.
        queries: what it draws.
        kind: `now` is one figure, `trend` a graph, `stack` a graph whose series add up.
        empty: what stands there instead of "No data", where there may well be none.
        steps: values from which on a figure is yellow, orange and red.
        total: name of a series that is not stacked on the others, since it is their sum.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["now", "trend", "stack"] = "trend"
    empty: str | None = None
    steps: tuple[float, ...] = ()
    total: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]
