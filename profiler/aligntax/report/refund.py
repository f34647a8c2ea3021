"""The refund in a terminal: what each guard cost a request before and after it was replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from aligntax.figures import MISSING, TOO_SMALL, duration
from aligntax.report.layer_columns import TAX_STYLE, figure
from aligntax.report.tables import empty_table

__all__ = ["refund_line", "refund_table"]

_TITLES = ("before", "after", "factor", "95 % interval", "saved", "95 % interval")
_FACTOR_INTERVAL = _TITLES.index("95 % interval")
_WIDE = 96


def refund_line(refund: Mapping[str, Any]) -> Text:
    """Return the refund in one line."""
    if not refund["pairs"]:
        return Text("Refund: unknown, no request has run to its end yet", style=TAX_STYLE)
    whole = refund["all_guards"]
    before, after = (duration(whole[f"{arm}_seconds"]["median"], signed=True) for arm in ("before", "after"))
    factor = "" if whole["factor"] is None else f", {_factor(whole['factor'])}"
    arms = f"{before} a request behind {refund['before']}, {after} behind {refund['after']}"
    return Text(f"Refund: {arms}{factor} (medians of {refund['pairs']:,} pairs)", style=TAX_STYLE)


def refund_table(refund: Mapping[str, Any], width: int) -> Table:
    """Return the tax per request before and after, guard by guard, with what was saved; all of them are medians.

    Args:
        refund: the report's "refund".
        width: of the console; where it is narrow, the interval of the factor is left out.
    """
    shown = [index for index in range(len(_TITLES)) if width >= _WIDE or index != _FACTOR_INTERVAL]
    totals = _cells(refund["all_guards"])
    table = empty_table()
    table.show_footer, table.footer_style = True, TAX_STYLE
    table.add_column("refund", "all guards", no_wrap=True, overflow="fold")
    for index in shown:
        table.add_column(_TITLES[index], totals[index], justify="right", no_wrap=True, overflow="fold")
    for guard in refund["guards"]:
        cells = _cells(guard)
        table.add_row(Text(guard["layer"]), *(figure(cells[index]) for index in shown))
    return table


def _cells(compared: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        duration(compared["before_seconds"]["median"], signed=True),
        duration(compared["after_seconds"]["median"], signed=True),
        _factor(compared["factor"]),
        _interval(compared["factor_interval"], _factor),
        duration(compared["saved_seconds"], signed=True),
        _interval(compared["saved_interval"], duration),
    )


def _factor(factor: float | None) -> str:
    """Return how many times less a guard costs than before, e.g. `"9.1x"`."""
    if factor is None:
        return MISSING
    return f"{factor:,.1f}x" if factor < 100 else f"{factor:,.0f}x"


def _interval(bounds: Any, write: Callable[[float], str]) -> str:
    if bounds is None:
        return MISSING
    if bounds == TOO_SMALL:
        return TOO_SMALL
    return f"{write(bounds[0])} to {write(bounds[1])}"
