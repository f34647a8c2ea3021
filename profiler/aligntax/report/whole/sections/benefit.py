"""What the guards bought, beside what they cost."""

from __future__ import annotations

from aligntax.figures import MISSING
from aligntax.report.page.parts import Block, Noted, Paragraph, Picture, Section, Table
from aligntax.report.page.plots.canvas import draw
from aligntax.report.page.plots.front import front_drawing
from aligntax.report.whole.contents import Data, of_kind
from aligntax.report.whole.wording import absolute, kind_name, of_front, origin, relative, written

__all__ = ["benefit"]

_CHANGES = ("attack_success.change", "false_positives.change")


def benefit(whole: Data) -> Section | None:
    """Return the section on benefit and price; None where no benefit was measured."""
    rows = of_kind(whole, "benefit")
    if not rows:
        return None
    blocks: list[Block] = []
    found = whole.get("trade_off") or {}
    front = found.get("front")
    drawing = None if front is None else front_drawing(front)
    if front is not None:
        table = _points(front)
        if drawing is None:
            blocks.append(table)
        else:
            blocks.append(
                Picture(
                    draw(drawing),
                    "Down and to the left is better. A dominated configuration has another one that is at least as "
                    "good in everything, and better in something; the others are on the front. FP: false positives, "
                    "the good texts that are stopped.",
                    table,
                )
            )
    if found.get("prices"):
        blocks.append(_prices(found["prices"]))
    changes = [row for row in rows if any(change in row["name"] for change in _CHANGES)] or rows[:2]
    blocks.append(
        Table(
            "What the guards changed. Below 0 is a bonus: fewer attacks succeed, or fewer good texts are stopped.",
            ("rate, and its formula", "change", "relative", "verdict"),
            [
                (Noted(row["title"], origin(row)), absolute(row), relative(row), row["verdict"] or MISSING)
                for row in changes
            ],
            words=(0, 3),
        )
    )
    if front is None:
        blocks.append(Paragraph("No configuration was set against its tax, so there is no plot of the trade-off."))
    return Section("benefit", "What it buys", _reading(changes), tuple(blocks))


def _reading(changes: list[Data]) -> str:
    own = [row for row in changes if row["name"].endswith(_CHANGES)] or changes[:2]
    return "; ".join(f"{row['title'].partition(' (')[0]}: {absolute(row)}" for row in own[:2]) + "."


def _points(front: Data) -> Table:
    objectives = list(front["objectives"])
    titles = {"attack_success": "attack success", "false_positives": "false positives", "tax": "tax"}
    rows = [
        (
            point["name"],
            *(of_front(front, point, one) for one in objectives),
            f"by {', '.join(point['dominated_by'])}" if point["dominated"] else "no",
        )
        for point in front["points"]
    ]
    return Table(
        f"The configurations, with their intervals; from {', '.join(front.get('sources', ())) or 'the benefit'}.",
        ("configuration", *(titles.get(one, one) for one in objectives), "dominated"),
        rows,
        words=(0, len(objectives) + 1),
        summary="The configurations as a table",
    )


def _prices(prices: list[Data]) -> Table:
    refused = any(price["reason"] for price in prices)
    rows = [
        (
            Noted(f"{kind_name(price['kind'])}: {price['title']}", _origin(price)),
            written(price["estimate"], price["unit"], signed=True),
            *((price["reason"],) if refused else ()),
        )
        for price in prices
    ]
    return Table(
        "The price of safety: the tax over the fall in attack success, by Fieller's theorem. It is what a fall from "
        "100 % to none would cost at this rate.",
        ("tax", "price", *(("why there is none",) if refused else ())),
        rows,
        words=(0, 2),
    )


def _origin(price: Data) -> str:
    known = [] if price.get("n") is None else [f"n = {price['n']:,} attacks"]
    return "; ".join((*known, *price.get("sources", ())))
