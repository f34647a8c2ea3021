"""How `aligntax tax performance` tells its record: averages first, then every score."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aligntax.commands.tax.printing import print_notes, written
from aligntax.figures import MISSING, percentage

if TYPE_CHECKING:
    from rich.table import Table

    from aligntax.taxes.record import Figure, TaxRecord

__all__ = ["print_performance"]

_POINTS = "points"


def print_performance(out: Any, record: TaxRecord) -> None:
    """Print the figures, how they were computed, and what was refused and why."""
    out.print(record.title, style="bold")
    out.print()
    if record.figures:
        out.print(_table(record))
        out.print()
        out.print("Above 0 is a tax: aligned scores worse than raw. Below 0 is a bonus.", style="dim", soft_wrap=True)
        adjusted = record.parameters["tests_adjusted_together"]
        means = sum(figure.p is not None for figure in record.figures if "members" in figure.more)
        out.print(
            f"Verdicts at {1 - record.parameters['confidence']:.3g}, p adjusted by Holm over {_tests(adjusted)} of "
            f"scores{f', and over {_tests(means)} of averages' if means else ''}.",
            style="dim",
            soft_wrap=True,
        )
    for mark in dict.fromkeys(
        mark for figure in record.figures for mark in figure.marks if mark.startswith("unpaired")
    ):
        names = [figure.title for figure in record.figures if mark in figure.marks]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
        out.print(f"{mark.capitalize()}: {shown}.", style="dim", soft_wrap=True)
    print_notes(out, record)


def _table(record: TaxRecord) -> Table:
    from rich.text import Text

    from aligntax.report.tables import empty_table

    table = empty_table()
    for title in ("score", "raw", "aligned", "tax", "tax / raw", "verdict", "p (Holm)", "n"):
        words = title in ("score", "verdict")
        table.add_column(title, justify="left" if words else "right", overflow="fold")
    for figure in record.figures:
        table.add_row(
            Text(_titled(figure)),
            MISSING if figure.raw is None else _level(figure.raw),
            _level(figure.more["aligned"] - figure.more.get("chance", 0.0)),
            written(figure.absolute, _signed),
            written(figure.relative, partial(percentage, signed=True)),
            MISSING if figure.verdict is None else figure.verdict.value,
            MISSING if figure.p is None else f"{figure.p:.3g}",
            MISSING if figure.n is None else f"{figure.n:,}",
        )
    return table


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number:,} tests"


def _titled(figure: Figure) -> str:
    unit = f", {_POINTS}" if figure.unit == _POINTS else ""
    unpaired = " (unpaired)" if any(mark.startswith("unpaired") for mark in figure.marks) else ""
    return f"{figure.title}{unit}{unpaired}"


def _level(value: float) -> str:
    return f"{value:,.2f}" if 0.1 <= abs(value) < 1e6 or value == 0 else f"{value:,.4g}"


def _signed(value: float) -> str:
    rounded = f"{value:+,.2f}" if 0.1 <= abs(value) < 1e6 or value == 0 else f"{value:+,.3g}"
    return "0.00" if value == 0 else rounded
