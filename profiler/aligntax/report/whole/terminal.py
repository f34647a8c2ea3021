"""The whole tax in a terminal: the definition with its numbers, all figures, and what is not told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from aligntax.report.layer_columns import TAX_STYLE
from aligntax.report.tables import empty_table, fits
from aligntax.report.whole.contents import checked, headlines
from aligntax.report.whole.per_million import per_million
from aligntax.report.whole.wording import TITLES, cells, kind_name

__all__ = ["WholeTable"]

_SPARED_FIRST = ("SHA-256", "formula")
_LEAST_WIDTHS = {"n": 76, "file": 144}
"""Of a console, to have these columns where intervals stand below their figures."""

_MAX_ROWS = 40
_MAX_LINES = 20
_STYLES = {
    "tax": "bold red",
    "bonus": "bold green",
    "no tax beyond the margin": "green",
    "inconclusive": "yellow",
    "declines": "green",
    "grows": "bold red",
}
_WORDS = ("tax", "verdict", "formula", "file", "SHA-256")
_ESTIMATES = ("absolute", "relative")


class WholeTable:
    """Renders a whole report with rich: `Console().print(WholeTable(whole))`; with fewer columns where it is narrow.

    Args:
        whole: schema `aligntax.whole/1`.

    Raises:
        ValueError: for another schema, or parts that are missing.
    """

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._data = per_million(checked(whole))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich prints."""
        data = self._data
        yield Text(f"Alignment tax of {data['title']}", style=TAX_STYLE)
        for one in data.get("notes") or ():
            yield Text(f"Note: {one['text']}", style="bold yellow")
        for one in data["scale"]:
            yield Text(one["sentence"])
        yield Text()
        yield _that_fits(console, options, [cells(data, row) for row in self._shown])
        yield Text(
            "Above 0 is a tax, below 0 a bonus; in brackets 95 % intervals, unless a file says otherwise.", "dim"
        )
        yield Text()
        for line, style in self._notes():
            yield Text(line, style=style)

    @property
    def _shown(self) -> Sequence[Mapping[str, Any]]:
        """All figures, or where these are too many the headlines."""
        every = self._data["taxes"]
        return every if len(every) <= _MAX_ROWS else headlines(self._data)[:_MAX_ROWS]

    def _notes(self) -> Iterator[tuple[str, str]]:
        data = self._data
        more = len(data["taxes"]) - len(self._shown)
        if more:
            yield f"These are the headlines; --json, --markdown and --html have {more:,} more figures.", "dim"
        for figure in data["trend"]:
            if figure["headline"]:
                said = figure["verdict"] or figure["reason"]
                style = _STYLES.get(figure["verdict"] or "", "")
                yield f"Over {len(figure['points'])} releases, {kind_name(figure['kind']).lower()}: {said}.", style
        yield from self._some("refusals", _refusal)
        if data["not_measured"]:
            yield f"Not measured: {', '.join(one['kind'] for one in data['not_measured'])}.", "dim"
        yield from self._some("left_out", lambda one: f"Left out: {one['file']}: {one['reason']}")
        yield from self._some("warnings", lambda one: f"Warning: {one['source']}: {one['text']}")

    def _some(self, part: str, write: Any) -> Iterator[tuple[str, str]]:
        found = self._data[part]
        for one in found[:_MAX_LINES]:
            yield write(one), "dim" if part == "left_out" else "yellow"
        if len(found) > _MAX_LINES:
            yield f"and {len(found) - _MAX_LINES:,} more", "dim"


def _refusal(one: Mapping[str, Any]) -> str:
    return f"Refused: {kind_name(one['kind'])}, {one['what']} [{one['reason']}]: {one['message']}"


def _that_fits(console: Console, options: ConsoleOptions, rows: Sequence[Sequence[str]]) -> Table:
    """Return a table with a line for each figure; where there is no room for that, with as many as its words need."""
    for count in range(len(_SPARED_FIRST) + 1):
        shown = [title for title in TITLES if title not in _SPARED_FIRST[:count]]
        table = _table(shown, rows, folded=False)
        if fits(table, console, options):
            return table
    return _table([title for title in shown if options.max_width >= _LEAST_WIDTHS.get(title, 0)], rows, folded=True)


def _table(shown: Sequence[str], rows: Sequence[Sequence[str]], *, folded: bool) -> Table:
    table = empty_table()
    table.leading = int(folded)
    for title in shown:
        justify: Literal["left", "right"] = "left" if title in _WORDS else "right"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=not folded or title == "n")
    for row in rows:
        texts = {title: _cell(title, cell, folded=folded) for title, cell in zip(TITLES, row, strict=True)}
        table.add_row(*(texts[title] for title in shown))
    return table


def _cell(title: str, cell: str, *, folded: bool) -> Text:
    if folded and title in _ESTIMATES:
        cell = cell.replace(" (", "\n(")
    return Text(cell, style=_STYLES.get(cell, "") if title == "verdict" else "")
