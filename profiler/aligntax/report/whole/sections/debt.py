"""The debt: what going without guards would cost, how it adds up, and when the guards pay for themselves."""

from __future__ import annotations

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import estimate
from aligntax.report.page.parts import Block, Paragraph, Picture, Section, Table
from aligntax.report.page.plots.canvas import Drawing, draw
from aligntax.report.page.plots.curves import Series, paint_curve
from aligntax.report.whole.contents import Data, of_kind
from aligntax.report.whole.wording import absolute, origin, written

__all__ = ["debt"]

_HEIGHTS = (280.0, 280.0)


def debt(whole: Data) -> Section | None:
    """Return the section on debt; None where nobody asked for it."""
    rows = of_kind(whole, "debt")
    refused = [one for one in whole["refusals"] if one["kind"] == "debt"]
    if not rows and not refused:
        return None
    blocks: list[Block] = [
        _picture(number, detail, whole)
        for number, detail in enumerate(whole["details"])
        if detail["kind"] == "debt" and detail["more"].get("debt")
    ]
    if rows:
        blocks.append(
            Table(
                "The debt and its parts. Their intervals come from the ranges and counts that the user gave.",
                ("figure", "amount", "verdict", "formula, and its file"),
                [(row["title"], absolute(row), row["verdict"] or MISSING, origin(row)) for row in rows],
                words=(0, 2, 3),
            )
        )
    if refused:
        blocks += [Paragraph(one["message"], one["what"]) for one in _by_message(refused)]
    return Section(
        "debt",
        "The debt of going without",
        "What attacks would cost a year without the guards, less what they cost with them: interest on a debt that "
        "grows until the guards are there.",
        tuple(blocks),
    )


def _by_message(refused: list[Data]) -> list[dict[str, str]]:
    """Return refusals with those of one message together."""
    found: dict[str, list[str]] = {}
    for one in refused:
        found.setdefault(one["message"], []).append(one["what"])
    return [{"what": f"Not told: {', '.join(what)}", "message": message} for message, what in found.items()]


def _picture(number: int, detail: Data, whole: Data) -> Picture:
    points = detail["more"]["debt"]
    own = (row for row in of_kind(whole, "debt") if row["source"] == detail["source"])
    unit = next((row["unit"] for row in own if row["name"].endswith("debt.year_1")), "")
    found = [one for point in points if (one := estimate(point["debt"])) is not None]
    greatest = max(abs(one.value) for one in found)
    factor, prefix = (1e-6, "million ") if greatest >= 1e6 else (1e-3, "thousand ") if greatest >= 1e4 else (1.0, "")
    last = written(points[-1]["debt"], unit, signed=False)
    drawing = draw(
        Drawing(
            f"debt-{number}",
            "The debt over the years",
            f"After {points[-1]['year']} years without guards: {last}.",
            paint_curve(
                [Series("tax", "debt, discounted", [float(point["year"]) for point in points], found)],
                across="years without guards",
                up=f"debt, {prefix}{unit}",
                factor=factor,
            ),
            _HEIGHTS,
        )
    )
    rows = [(f"{point['year']}", written(point["debt"], unit, signed=False)) for point in points]
    table = Table("The debt, year by year.", ("year", "debt"), rows, words=(0,), summary="The debt as a table")
    return Picture(
        drawing, f"After {points[-1]['year']} years without guards the debt is {last}; from {detail['source']}.", table
    )
