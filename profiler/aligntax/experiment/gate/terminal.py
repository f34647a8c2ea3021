"""Comparisons and gates in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from aligntax.experiment.gate.comparing import Compared
from aligntax.experiment.gate.judging import Judged, Standing
from aligntax.experiment.gate.words import (
    COMPARED_TITLES,
    compared_cells,
    compared_headline,
    files,
    forced_lines,
    judged_cells,
    judged_headline,
    judged_titles,
    notes,
)
from aligntax.inference import Verdict

__all__ = ["ComparedTable", "JudgedTable"]

_STYLES = {
    Verdict.REGRESSION.value: "bold red",
    Verdict.IMPROVEMENT.value: "bold green",
    Verdict.UNCHANGED.value: "green",
    Verdict.CANNOT_TELL.value: "yellow",
    Standing.PASSED.value: "green",
    Standing.FAILED.value: "bold red",
}
_WHY = "why"
_SPARED_FIRST = ("base", "new", "p (Holm)", "relative", _WHY)
_UNLIMITED = 10_000
_WORDS = ("verdict", _WHY)


class ComparedTable:
    """Renders a comparison with rich; where the console is narrow, with fewer columns.

    Args:
        compared: what `compare_measured` returns.
    """

    def __init__(self, compared: Compared) -> None:
        self._compared = compared

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich prints."""
        compared = self._compared
        yield from _warning(compared.differences)
        yield Text(compared_headline(compared), style=_STYLES[compared.verdict.value])
        yield Text(files(compared.base, compared.new), style="dim")
        yield Text()
        rows = [compared_cells(row) for row in compared.rows]
        yield _that_fits(console, options, COMPARED_TITLES, rows, [row.verdict.value for row in compared.rows])
        yield Text()
        for line in notes(compared):
            yield Text(line, style="dim")


class JudgedTable:
    """Renders a result against a budget with rich; where the console is narrow, with the reasons below the table.

    Args:
        judged: what `judge` returns.
    """

    def __init__(self, judged: Judged) -> None:
        self._judged = judged

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what rich prints."""
        judged = self._judged
        yield from _warning(judged.differences)
        yield Text(judged_headline(judged), style=_STYLES[judged.standing.value])
        yield Text(f"{judged.measured.path} against {judged.budget.path}", style="dim")
        yield Text()
        rows = [judged_cells(judgement, judged) for judgement in judged.judgements]
        told = [each.standing.value for each in judged.judgements]
        table = _that_fits(console, options, judged_titles(judged), rows, told)
        yield table
        if any(column.header == _WHY for column in table.columns):
            return
        reasons = [f"{each.limit.title}: {each.reason}" for each in judged.judgements if each.reason]
        if reasons:
            yield Text()
            yield from (Text(reason, style="dim") for reason in reasons)


def _warning(differences: tuple[str, ...]) -> Iterator[Text]:
    for line in forced_lines(differences):
        yield Text(line, style="bold yellow")


def _that_fits(
    console: Console, options: ConsoleOptions, titles: Sequence[str], rows: Sequence[Sequence[str]], told: Sequence[str]
) -> Table:
    """Return a table with as many of its columns as there is room for."""
    spared = [title for title in _SPARED_FIRST if title in titles]
    unlimited = options.update(max_width=_UNLIMITED)
    for count in range(len(spared) + 1):
        table = _table([title for title in titles if title not in spared[:count]], titles, rows, told)
        if Measurement.get(console, unlimited, table).maximum <= options.max_width:
            return table
    return _table([title for title in titles if title not in spared], titles, rows, told, folded=True)


def _table(
    shown: Sequence[str],
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    told: Sequence[str],
    *,
    folded: bool = False,
) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in shown:
        of_words = title in _WORDS or title == titles[0]
        table.add_column(
            title, justify="left" if of_words else "right", overflow="fold", no_wrap=not (of_words or folded)
        )
    for cells, verdict in zip(rows, told, strict=True):
        texts = {
            title: Text(cell, style=_STYLES[verdict] if title == "verdict" else "")
            for title, cell in zip(titles, cells, strict=True)
        }
        table.add_row(*(texts[title] for title in shown))
    return table
