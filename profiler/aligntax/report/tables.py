"""How tables look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table

from aligntax.report.layer_columns import TAX_STYLE, Column

__all__ = ["empty_table", "fits", "table_of"]

_LEAST_WIDTH = 10
_UNLIMITED = 10_000


def empty_table() -> Table:
    """Return a table without anything in it, in the style of all of them."""
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def table_of(columns: Sequence[Column], *, totals: bool, greatest_width: int | None = None) -> Table:
    """Return a table of columns.

    Args:
        columns: of equal length.
        totals: whether their totals stand below them.
        greatest_width: in cells, of a column that shrinks; None is without a limit.
    """
    table = empty_table()
    table.show_footer, table.footer_style = totals, TAX_STYLE
    for column in columns:
        table.add_column(
            column.title,
            column.total if totals else "",
            justify=column.align,
            no_wrap=not column.shrinks,
            min_width=_LEAST_WIDTH if column.shrinks else None,
            max_width=greatest_width if column.shrinks else None,
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def fits(table: Table, console: Console, options: ConsoleOptions) -> bool:
    """Return whether a console is wide enough for a table as it is."""
    return Measurement.get(console, options.update(max_width=_UNLIMITED), table).maximum <= options.max_width
