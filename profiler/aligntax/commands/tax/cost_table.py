"""How `aligntax tax cost` tells its record: each cost raw, guarded, and the tax that lies between."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aligntax.commands.tax.printing import print_figures, written
from aligntax.figures import amount

if TYPE_CHECKING:
    from aligntax.taxes.record import Figure, TaxRecord

__all__ = ["print_cost"]


def print_cost(out: Any, record: TaxRecord) -> None:
    """Print the costs with and without guards, how they were computed, and what was refused and why."""
    print_figures(out, record, ("cost", "raw", "guarded", "tax", "tax / raw"), _cells, align="right")


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        f"{figure.title}, {figure.unit.partition(' per ')[0]}",
        amount(figure.raw, ""),
        amount(figure.more["guarded"], ""),
        written(figure.absolute, partial(amount, unit="", signed=True)),
    )
