"""All taxes in tables: the headlines, and below them every figure of each kind."""

from __future__ import annotations

from aligntax.figures import MISSING
from aligntax.report.experiment.wording import counted
from aligntax.report.page.parts import Block, Noted, Section, Table
from aligntax.report.whole.contents import Data, headlines, kinds, of_kind
from aligntax.report.whole.wording import cells, kind_name

__all__ = ["MAX_ROWS", "taxes"]

MAX_ROWS = 500
"""Of more figures of a kind, the first ones are on the page; the JSON has them all."""

_TITLES = ("tax, and its formula", "absolute", "relative", "verdict", "n", "file, and its SHA-256")
_WORDS = (0, 3, 5)


def taxes(whole: Data) -> Section:
    """Return the section with all taxes."""
    heads = headlines(whole)
    blocks: list[Block] = [
        Table(
            "The headline of each tax, in brackets its 95 % interval unless the line says otherwise. Above 0 is a tax, "
            "below 0 a bonus; shares differ by points, of which a hundred are the whole.",
            _TITLES,
            [_cells(whole, row) for row in heads],
            words=_WORDS,
        )
    ]
    for kind in kinds(whole):
        rows = of_kind(whole, kind)
        if len(rows) < 2:
            continue
        shown = [_cells(whole, row) for row in rows[:MAX_ROWS]]
        left = f"; {len(rows) - MAX_ROWS:,} more are in the JSON" if len(rows) > MAX_ROWS else ""
        blocks.append(
            Table(
                f"Every figure of {kind_name(kind).lower()}{left}.",
                _TITLES,
                shown,
                words=_WORDS,
                summary=f"{kind_name(kind)}: all {len(rows):,} figures",
            )
        )
    figures, files = counted(len(whole["taxes"]), "figure"), counted(len(whole["sources"]), "file")
    return Section(
        "taxes",
        "All taxes",
        f"{figures} from {files}, each with its interval, verdict, formula and the file that it is from.",
        tuple(blocks),
    )


def _cells(whole: Data, row: Data) -> tuple[str | Noted, ...]:
    tax, absolute, relative, verdict, count, formula, file, sha = cells(whole, row)
    return (Noted(tax, "" if formula == MISSING else formula), absolute, relative, verdict, count, Noted(file, sha))
