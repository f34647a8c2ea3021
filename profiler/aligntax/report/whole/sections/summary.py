"""What the whole report says first: the definition of the tax with this deployment's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from aligntax.figures import MISSING, of_hundred
from aligntax.report.experiment.contents import estimate
from aligntax.report.page.parts import Block, Fact, Facts, Picture, Section, Warnings
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.rows import Bar, Row, paint_rows, rows_height
from aligntax.report.page.plots.scale import Unit
from aligntax.report.whole.contents import Data, headlines
from aligntax.report.whole.wording import absolute, kind_name, on_scale, relative

__all__ = ["headline", "summary"]

RAW = 100.0
_MAX_WARNINGS = 50
_FAR = 8.0
"""A tax above raw itself that is this many times the median one would leave no room for the others to be seen."""

_ROLES = {"tax": "tax", "bonus": "null"}


def headline(whole: Data) -> str:
    """Return the definition with this deployment's numbers."""
    return str(whole.get("definition") or "No tax of this deployment has a raw figure that it could be set against.")


def summary(whole: Data) -> Section:
    """Return the section with the definition of each tax, and what must be known before the numbers are believed."""
    blocks: list[Block] = []
    if whole["scale"]:
        blocks.append(Facts(tuple(_facts(whole)), large=True))
        blocks.append(_picture(whole))
    else:
        blocks.append(Facts(tuple(_plain_facts(whole)), large=True))
    warnings = [f"{warning['source']}: {warning['text']}" for warning in whole["warnings"]]
    if len(warnings) > _MAX_WARNINGS:
        warnings[_MAX_WARNINGS:] = [f"and {len(warnings) - _MAX_WARNINGS:,} more, which the JSON has"]
    if warnings:
        blocks.append(Warnings(tuple(warnings)))
    return Section(
        "summary",
        "The tax in one line",
        "Raw performance 100, after alignment 95: the tax is 5. These are this deployment's numbers, each set against "
        "its own raw figure. A bonus is a negative tax.",
        tuple(blocks),
    )


def _facts(whole: Data) -> Iterator[Fact]:
    for one in whole["scale"]:
        after, tax = one["after"]["value"], on_scale(one["tax"])
        yield Fact(kind_name(one["kind"]), f"100 → {of_hundred(after)}", f"tax {tax}; {one['title']}")


def _plain_facts(whole: Data) -> Iterator[Fact]:
    for row in headlines(whole)[:6]:
        found = absolute(row)
        yield Fact(kind_name(row["kind"]), relative(row) if found == MISSING else found, row["title"])


def _picture(whole: Data) -> Picture:
    middle = median(abs(one["tax"]["value"]) for one in whole["scale"])
    drawn = [one for one in whole["scale"] if abs(one["tax"]["value"]) <= max(_FAR * middle, RAW)]
    rows = [_row(whole, one) for one in drawn]
    far = ", ".join(kind_name(one["kind"]) for one in whole["scale"] if one not in drawn)
    shown = "; ".join(f"{kind_name(one['kind'])}: {on_scale(one['tax'])}" for one in whole["scale"])
    legend = [("tax", "tax"), ("null", "bonus"), ("raw", "neither of the two")]
    used = {bar.role for row in rows for bar in row.bars}
    drawing = draw(
        Drawing(
            "scale",
            "All taxes on the scale where raw is 100",
            shown,
            paint_rows(rows, Unit(1.0, "where raw is 100"), "tax", [pair for pair in legend if pair[0] in used]),
            rows_height(len(rows)),
        )
    )
    beyond = f" Too far out for this scale: {far}." if far else ""
    return Picture(
        drawing,
        f"The headline of each tax that has a raw figure, with its interval; formula, n and file are below.{beyond}",
    )


def _row(whole: Data, one: Data) -> Row:
    tax = estimate(one["tax"])
    assert tax is not None  # noqa: S101 (what is on the scale has a tax)
    same = (row["verdict"] for row in whole["taxes"] if (row["kind"], row["name"]) == (one["kind"], one["name"]))
    verdict = next(same, None)
    interval = None if tax.low is None or tax.high is None else (tax.low, tax.high)
    if verdict is not None:
        role = _ROLES.get(verdict, "raw")
    elif interval is not None and tax.covers(0):
        role = "raw"
    else:
        role = "tax" if tax.value > 0 else "null"
    return Row(kind_name(one["kind"]), on_scale(one["tax"]), (Bar(0, tax.value, role),), interval)
