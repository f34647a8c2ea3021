"""How commands tell a tax record: a table of its figures, what was refused, and the file that it is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from aligntax.commands.measuring import INTERRUPTED, Shown, shown
from aligntax.commands.refusal import BAD_INPUT, complain, refusing_missing_extra, require_outputs
from aligntax.figures import MISSING, percentage

if TYPE_CHECKING:
    from aligntax.taxes.record import Figure, TaxRecord

__all__ = ["finish", "finish_comparison", "print_figures", "print_notes", "print_record", "shown_on_stderr", "written"]

Print = Callable[[Any, "TaxRecord"], None]


@contextmanager
def shown_on_stderr() -> Iterator[Shown]:
    """Show progress, and end the command on Ctrl-C, or where a module is missing that can be installed."""
    from rich.console import Console

    err = Console(stderr=True, highlight=False, markup=False, emoji=False)
    try:
        with refusing_missing_extra(), shown(err) as progress:
            yield progress
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    if progress.stopped:  # too late for anybody to have asked
        raise typer.Exit(INTERRUPTED)


def finish(record: TaxRecord, json: Path | None, inputs: Iterable[Path] = (), tell: Print | None = None) -> None:
    """Write a record if that is wanted, and print it.

    Args:
        record: what was measured.
        json: where to.
        inputs: what was read.
        tell: prints it; `print_record` unless a kind has tables of its own.

    Raises:
        ValueError: if the file would replace an input, or cannot be written.
    """
    from rich.console import Console

    from aligntax.experiment.result import write_json

    require_outputs({"--json": json}, inputs)
    if json is not None:
        write_json(json, record.to_dict())
    out = Console(highlight=False, markup=False, emoji=False)
    (tell or print_record)(out, record)
    if json is not None:
        out.print(f"Record: {json}", soft_wrap=True)


def finish_comparison(record: TaxRecord, json: Path | None, inputs: Iterable[Path], tell: Print) -> None:
    """Finish as `finish` does, and end with an error where nothing could be compared.

    The refusals are written then, too, for programs to read, but never over a file that is there: it may hold figures.
    """
    kept = json is not None and not record.figures and json.exists()
    finish(record, None if kept else json, inputs, tell)
    if not record.figures:
        left = f"; {json} stays as it was: delete it, or name another file, to have them as JSON" if kept else ""
        complain(f"nothing could be compared; the refusals above say why{left}")
        raise typer.Exit(BAD_INPUT)


def print_record(out: Any, record: TaxRecord) -> None:
    """Print the figures of a record with their intervals, and what was refused and why."""
    from aligntax.report.whole.wording import absolute

    def cells(figure: Figure) -> tuple[str, ...]:
        return figure.title, absolute({"kind": record.kind, **figure.to_dict()})

    print_figures(out, record, ("figure", "absolute", "relative"), cells)


def print_figures(
    out: Any,
    record: TaxRecord,
    titles: Sequence[str],
    cells: Callable[[Figure], tuple[str, ...]],
    *,
    align: Literal["left", "right"] = "left",
) -> None:
    """Print a record with columns of one's own.

    Args:
        out: the console.
        record: what to print.
        titles: of these columns, and of the relative figure's behind them.
        cells: what to say of a figure in each but the last; in the first, its marks are added.
        align: numbers to this side.
    """
    from rich.text import Text

    from aligntax.report.tables import empty_table

    out.print(record.title, style="bold")
    out.print()
    if record.figures:
        table = empty_table()
        for title in (*titles, "verdict", "n"):
            words = title in (titles[0], "verdict")
            table.add_column(title, justify="left" if words else align, overflow="fold")
        for figure in record.figures:
            name, *told = cells(figure)
            marks = f" ({', '.join(figure.marks)})" if figure.marks else ""
            table.add_row(
                Text(f"{name}{marks}"),
                *told,
                written(figure.relative, partial(percentage, signed=True)),
                MISSING if figure.verdict is None else figure.verdict.value,
                MISSING if figure.n is None else f"{figure.n:,}",
            )
        out.print(table)
        out.print()
    print_notes(out, record)


def print_notes(out: Any, record: TaxRecord) -> None:
    """Print the formulas, what was refused and why, each once, and the warnings."""
    for formula in dict.fromkeys(figure.formula for figure in record.figures if figure.formula):
        out.print(f"Formula: {formula}", style="dim", soft_wrap=True)
    refused: dict[tuple[str, str], list[str]] = {}
    for refusal in record.refusals:
        refused.setdefault((refusal.reason, refusal.message), []).append(refusal.what)
    for (reason, message), names in refused.items():
        out.print(f"Not told: {'; '.join(names)} [{reason}]: {message}.", style="yellow", soft_wrap=True)
    for warning in record.warnings:
        out.print(f"Warning: {warning}.", style="yellow", soft_wrap=True)


def written(found: Sequence[float | None] | None, write: Callable[[float], str]) -> str:
    """Return an estimate with its interval in brackets; without one where it has none; `"-"` for None."""
    if found is None or found[0] is None:
        return MISSING
    value, low, high = found
    assert value is not None  # noqa: S101 (looked at above)
    if low is None or high is None:
        return write(value)
    return f"{write(value)} ({write(low)} to {write(high)})"
