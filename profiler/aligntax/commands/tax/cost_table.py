"""How `aligntax tax cost` tells its record: each cost raw, guarded, and the tax that lies between."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aligntax.commands.tax.printing import print_notes, written
from aligntax.figures import MISSING, amount, percentage

if TYPE_CHECKING:
    from aligntax.taxes.record import TaxRecord

__all__ = ["print_cost"]


def print_cost(out: Any, record: TaxRecord) -> None:
    """Print the costs with and without guards, how they were computed, and what was refused and why."""
    from rich.text import Text

    from aligntax.report.tables import empty_table

    out.print(record.title, style="bold")
    out.print()
    if record.figures:
        table = empty_table()
        for title in ("cost", "raw", "guarded", "tax", "tax / raw", "verdict", "n"):
            words = title in ("cost", "verdict")
            table.add_column(title, justify="left" if words else "right", overflow="fold")
        for figure in record.figures:
            unit = figure.unit.partition(" per ")[0]
            marks = f" ({', '.join(figure.marks)})" if figure.marks else ""
            table.add_row(
                Text(f"{figure.title}, {unit}{marks}"),
                amount(figure.raw, ""),
                amount(figure.more["guarded"], ""),
                written(figure.absolute, partial(amount, unit="", signed=True)),
                written(figure.relative, partial(percentage, signed=True)),
                MISSING if figure.verdict is None else figure.verdict.value,
                MISSING if figure.n is None else f"{figure.n:,}",
            )
        out.print(table)
        out.print()
    print_notes(out, record)
