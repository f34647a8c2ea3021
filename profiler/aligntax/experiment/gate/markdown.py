"""Comparisons and gates as Markdown, for a pull request or a job's summary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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

__all__ = ["compared_markdown", "judged_markdown"]

_MARKS = {Standing.PASSED: "✅", Standing.FAILED: "❌", Standing.CANNOT_TELL: "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~$])")


def judged_markdown(judged: Judged, trend: Sequence[str] = ()) -> str:
    """Return a gate as Markdown; names from the files are escaped.

    Args:
        judged: what `judge` returns.
        trend: lines on the history.
    """
    rows = [judged_cells(judgement, judged) for judgement in judged.judgements]
    lines = [
        f"## {_MARKS[judged.standing]} Alignment tax: {_plain(judged_headline(judged))}",
        "",
        *_forced(judged.differences),
        f"{_plain(str(judged.measured.path))} against {_plain(str(judged.budget.path))}{_pairs(judged)}.",
        "",
        *_table(judged_titles(judged), rows),
    ]
    if judged.compared is not None:
        lines += ["", "### Against the base", "", *_comparison(judged.compared)]
    if trend:
        lines += ["", "### Over time", "", *(f"- {_plain(line)}" for line in trend)]
    return "\n".join(lines) + "\n"


def compared_markdown(compared: Compared) -> str:
    """Return a comparison as Markdown; names from the files are escaped."""
    lines = ["## Alignment tax, compared", "", *_forced(compared.differences), *_comparison(compared)]
    return "\n".join(lines) + "\n"


def _pairs(judged: Judged) -> str:
    return f", {judged.measured.n:,} pairs of requests with and without guards" if judged.measured.n else ""


def _comparison(compared: Compared) -> Iterator[str]:
    yield f"**{_plain(compared_headline(compared))}**"
    yield ""
    yield _plain(files(compared.base, compared.new))
    yield ""
    yield from _table(COMPARED_TITLES, [compared_cells(row) for row in compared.rows])
    yield ""
    yield from (f"{_plain(line)}  " for line in notes(compared))


def _forced(differences: tuple[str, ...]) -> Iterator[str]:
    lines = list(forced_lines(differences))
    if lines:
        yield "> [!WARNING]"
        yield from (f"> {_plain(line)}  " for line in lines)
        yield ""


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    aligned = ["---" if title in (titles[0], "verdict", "why") else "---:" for title in titles]
    yield _line(titles)
    yield f"| {' | '.join(aligned)} |"
    yield from (_line([_plain(cell) for cell in row]) for row in rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Return text that reads in Markdown as it is: no markup, no HTML, no mention, no line of its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@&#8203;")
