"""How tables look in a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

__all__ = ["empty_table"]


def empty_table() -> Table:
    """Return a table without anything in it, in the style of all of them."""
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
