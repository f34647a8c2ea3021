"""How `aligntax tax capability` tells its record: a block of rows for each way to look at the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aligntax.commands.tax.printing import print_notes, written
from aligntax.figures import MISSING, percentage

if TYPE_CHECKING:
    from rich.table import Table

    from aligntax.taxes.record import Figure, TaxRecord

__all__ = ["print_capability"]

_HEADINGS = {
    "per_prompt": "Within prompts: the samples of each",
    "per_prompt_answers": "Within prompts, without refusals (as many answers of a prompt in both arms)",
    "across_prompts": "Across prompts: the first sample of each",
    "across_prompts_answers": "Across prompts, without refusals",
    "over_refusal": "Safe prompts that are refused (the first sample of each)",
}
_SHARES = "share of "
_SAME = "the same as with refusals"


def print_capability(out: Any, record: TaxRecord) -> None:
    """Print the figures in their groups, the formulas once each, and what was refused and why."""
    out.print(record.title, style="bold")
    for group, heading in _HEADINGS.items():
        figures = [figure for figure in record.figures if figure.name.partition(".")[0] == group]
        if not figures:
            continue
        out.print()
        out.print(heading, style="bold")
        if all(any(_SAME in mark for mark in figure.marks) for figure in figures):
            out.print("No sample is a refusal: the same as with refusals.", style="dim")
            continue
        out.print(_table(figures))
    out.print()
    for line in _refused(record):
        out.print(line, style="dim", soft_wrap=True)
    out.print("Above 0 is a tax: less varied, or refused more often. Below 0 is a bonus.", style="dim", soft_wrap=True)
    print_notes(out, record)


def _table(figures: Sequence[Figure]) -> Table:
    from rich.text import Text

    from aligntax.report.tables import empty_table

    table = empty_table()
    for title in ("measure", "raw", "aligned", "tax", "tax / raw", "verdict", "n"):
        numbers = title not in ("measure", "verdict")
        table.add_column(title, justify="right" if numbers else "left", overflow="fold")
    for figure in figures:
        shares = figure.unit.startswith(_SHARES)
        level = _share if shares else _number
        raw, aligned = figure.raw, figure.more["aligned"]
        unit = f"points of {figure.unit.removeprefix(_SHARES)}" if shares else figure.unit
        table.add_row(
            Text(f"{_short(figure)}, {unit}"),
            MISSING if raw is None else level(raw) + _interval(figure, "raw"),
            level(aligned) + _interval(figure, "aligned"),
            written(figure.absolute, _points if shares else _signed),
            written(figure.relative, partial(percentage, signed=True)),
            MISSING if figure.verdict is None else figure.verdict.value,
            MISSING if figure.n is None else f"{figure.n:,}",
        )
    return table


def _refused(record: TaxRecord) -> Iterator[str]:
    """Yield how many samples are refusals, and what told so."""
    counts = record.more.get("samples")
    if counts is not None:
        told = " and ".join(f"{each['refused']:,} of {each['samples']:,} of {arm}" for arm, each in counts.items())
        yield f"Refusals: {told} samples; told by labels in the files, or else by {record.parameters['detector']}."
    if "over_refusal" in record.more:
        told = " and ".join(
            f"{each['refused']:,} of {each['n']:,} of {arm}" for arm, each in record.more["over_refusal"].items()
        )
        yield f"Refused safe prompts: {told}; in brackets Wilson's intervals."


def _interval(figure: Figure, arm: str) -> str:
    """Return the interval of an arm's own share, in brackets; empty where it has none."""
    found = figure.more.get("shares", {}).get(arm)
    return "" if found is None else f" ({_share(found['low'])} to {_share(found['high'])})"


def _short(figure: Figure) -> str:
    """Return what is measured, without how: that is said above the table."""
    title = figure.title.partition(" of a ")[0].partition(" across ")[0].partition(":")[0]
    if figure.name.endswith(".compression"):
        bytes_of = (f"{figure.more[f'{arm}_plain_bytes']:,}" for arm in ("raw", "aligned"))
        return f"{title} of {' and '.join(bytes_of)} bytes"
    return title


def _share(value: float) -> str:
    """Return a share with as many digits as its tax in points has, so that the one can be taken from the other."""
    return f"{value * 100:.2f} %"


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _signed(value: float) -> str:
    return f"{value:+,.3g}" if abs(value) < 1e3 else f"{value:+,.0f}"


def _points(value: float) -> str:
    return f"{value * 100:+.2f}"
