"""A load in a terminal: what the guards cost under it, and what became of the requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import QUANTILES, Data
from aligntax.report.experiment.load_words import load_facts, load_lead
from aligntax.report.experiment.sections.load_tables import arm_cells, quantile_cells
from aligntax.report.experiment.wording import arm_name
from aligntax.report.layer_columns import TAX_STYLE
from aligntax.report.tables import empty_table

__all__ = ["load_in_terminal"]

_TIMES = {"scheduled": "time", "first_chunk": "first chunk"}


def load_in_terminal(result: Data) -> Iterator[Text | Table]:
    """Yield what rich prints of the part `load` of a result; nothing where there is none."""
    found = result.get("load")
    if not found:
        return
    yield Text()
    yield Text(f"Under load: {load_lead(found)}")
    for fact in load_facts(found):
        yield Text(f"{fact.name}: {fact.figure}; {fact.note}", style=TAX_STYLE)
    if found.get("arms"):
        yield Text()
        yield _table(found)
    for warning in found.get("warnings", ()):
        yield Text(f"Warning: {warning}", style="yellow")


def _table(found: Data) -> Table:
    table = empty_table()
    for title in ("under load", *map(arm_name, found["arms"])):
        table.add_column(title, overflow="fold")
    for title, cells in arm_cells(found).items():
        table.add_row(title, *map(Text, cells))
    for figure, title in _TIMES.items():
        times = [_times(arm, figure) for arm in found["arms"].values()]
        if any(times):
            for place, name in enumerate(QUANTILES):
                table.add_row(f"{title}, {name}", *(Text(cells[place] if cells else MISSING) for cells in times))
    return table


def _times(arm: Mapping[str, Any], figure: str) -> list[str]:
    times = (arm.get("latency") or {}).get(figure)
    return quantile_cells(times, "program" in arm) if times and times.get("n") else []
