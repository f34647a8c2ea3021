"""How commands tell a tax record: a table of its figures, what was refused, and the file that it is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntax.commands.refusal import require_writable
from aligntax.figures import MISSING, duration, percentage

if TYPE_CHECKING:
    from aligntax.taxes.record import Figure, TaxRecord

__all__ = ["finish", "print_record", "written"]


def finish(record: TaxRecord, json: Path | None, inputs: Iterable[Path] = ()) -> None:
    """Print a record, and write it if that is wanted.

    Raises:
        ValueError: if the file would replace an input, or cannot be written.
    """
    from rich.console import Console

    from aligntax.experiment.result import write_json

    out = Console(highlight=False, markup=False, emoji=False)
    if json is not None:
        if any(path.resolve() == json.resolve() for path in inputs):
            raise ValueError(f"--json {json}: is an input, too; name another file")
        require_writable("--json", json)
        write_json(json, record.to_dict())
    print_record(out, record)
    if json is not None:
        out.print(f"Record: {json}", soft_wrap=True)


def print_record(out: Any, record: TaxRecord) -> None:
    """Print the figures of a record with their intervals, and what was refused and why."""
    from rich.text import Text

    from aligntax.report.tables import empty_table

    out.print(record.title, style="bold")
    out.print()
    if record.figures:
        table = empty_table()
        for title in ("figure", "absolute", "relative", "verdict", "n"):
            table.add_column(title, overflow="fold")
        for figure in record.figures:
            marks = f" ({', '.join(figure.marks)})" if figure.marks else ""
            table.add_row(
                Text(f"{figure.title}{marks}"),
                _absolute(figure),
                written(figure.relative, partial(percentage, signed=True)),
                MISSING if figure.verdict is None else figure.verdict.value,
                MISSING if figure.n is None else f"{figure.n:,}",
            )
        out.print(table)
        out.print()
    for formula in dict.fromkeys(figure.formula for figure in record.figures if figure.formula):
        out.print(f"Formula: {formula}", style="dim", soft_wrap=True)
    refused: dict[tuple[str, str], list[str]] = {}
    for refusal in record.refusals:
        refused.setdefault((refusal.reason, refusal.message), []).append(refusal.what)
    for (reason, message), names in refused.items():
        out.print(f"Not told: {', '.join(names)} [{reason}]: {message}.", style="yellow", soft_wrap=True)
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


def _absolute(figure: Figure) -> str:
    from aligntax.report.experiment.estimates import size

    writers: Mapping[str, Callable[[float], str]] = {
        "bytes": size,
        "distributions": "{:,.0f}".format,
        "keys": "{:,.0f}".format,
        "seconds": partial(duration, signed=True),
        "share": partial(percentage, signed=True),
    }
    write = writers.get(figure.unit)
    if write is not None:
        return written(figure.absolute, write)
    if figure.unit.startswith("share "):  # a difference of shares is told in points
        found = written(figure.absolute, lambda value: f"{value * 100:+.2f}")
        return found if found == MISSING else f"{found} points{figure.unit.removeprefix('share')}"
    found = written(figure.absolute, _amount)
    return found if found == MISSING else f"{found} {figure.unit}"


def _amount(value: float) -> str:
    """Return a number with its sign and four digits that count, e.g. `"+36,420,000"`."""
    rounded = float(f"{value:.3e}")
    return f"{rounded:+,.0f}" if abs(rounded) >= 1e3 else f"{rounded:+.4g}"
