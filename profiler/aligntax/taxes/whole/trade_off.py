"""What guards bought beside what they cost: the price of an attack less, and the plot of the one over the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aligntax.inference import Estimate
from aligntax.taxes.benefit.benefit import NO_GUARDS
from aligntax.taxes.benefit.front import Option, points
from aligntax.taxes.benefit.price import price
from aligntax.taxes.record import Figure, Refusal
from aligntax.taxes.whole.documents import Document

__all__ = ["trade_off"]

_CHANGE = "attack_success.change"
_PRICE = "tax / (raw - guarded attack success), Fieller"
_PRICED = ("latency", "performance", "capability", "cost", "compute")


def trade_off(documents: Sequence[Document], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what the records of benefit say against the taxes; None without such a record.

    Args:
        documents: of the deployment.
        rows: all figures, as plain data, with `kind`, `headline`, and the `confidence` of their intervals.

    Returns:
        `prices`, of each kind of tax what 100 points less attack success cost: `kind`, `title`, `unit`, `estimate`,
        and `reason` where there is none; `formula`, `n` (of the attacks) and `sources`, the files with the tax and the
        benefit. `front` as the record of a benefit has it under `more`, of the record with the most configurations, and
        with the relative time of a request as the tax where a single one came without its tax, and with its `sources`;
        None where nothing was set against attack success.
    """
    records = [document for document in documents if document.kind == "benefit"]
    if not records:
        return None
    changes = (
        (figure, record)
        for record in records
        for _, figure in record.figures
        if figure.name == _CHANGE and figure.absolute is not None
    )
    change = next(changes, None)
    widest = max(records, key=_points)
    prices = [] if change is None else list(_prices(*change, rows))
    return {"prices": prices, "front": _front(widest, rows)}


def _points(record: Document) -> int:
    front = record.more.get("front")
    return len(front["points"]) if front else 0


def _prices(bought: Figure, record: Document, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    change = bought.absolute
    assert change is not None  # noqa: S101 (only figures that have one come here)
    ends = (None if end is None else -end for end in (change.high, change.low))
    reduction = Estimate(-change.value, *ends)
    for row in _headlines(rows):
        measure = "absolute" if row["absolute"] else "relative"
        tax = None if row[measure] is None else Estimate.from_dict(row[measure])
        found = price(tax, reduction, row["confidence"], record.confidence)
        yield {
            "kind": row["kind"],
            "title": row["title"],
            "unit": row["unit"] if measure == "absolute" else "share of raw",
            "estimate": None if isinstance(found, Refusal) else found.to_dict(),
            "reason": found.message if isinstance(found, Refusal) else "",
            "formula": _PRICE,
            "n": bought.n,
            "sources": [row["source"], record.file],
        }


def _headlines(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    of_kind = {row["kind"]: row for row in reversed(rows) if row["headline"]}
    return [of_kind[kind] for kind in _PRICED if kind in of_kind]


def _front(record: Document, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    known = record.more.get("front")
    if not known:
        return None
    single = [point for point in known["points"] if point["name"] != NO_GUARDS]
    latency = next((row for row in rows if row["kind"] == "latency" and row["headline"] and row["relative"]), None)
    if "tax" in known["objectives"] or len(single) != 1 or latency is None:
        return {**known, "sources": [record.file]}
    taxes = {NO_GUARDS: Estimate(0.0, 0.0, 0.0), single[0]["name"]: Estimate.from_dict(latency["relative"])}
    # Whoever was dominated without the tax may not be with it.
    options = [
        Option(
            point["name"],
            (*(Estimate.from_dict(point[one]) for one in known["objectives"]), taxes[point["name"]]),
        )
        for point in known["points"]
    ]
    objectives = [*known["objectives"], "tax"]
    unit = {"title": latency["title"], "unit": "share of raw"}
    sources = [record.file, latency["source"]]
    return {**known, "objectives": objectives, "tax": unit, "points": points(objectives, options), "sources": sources}
