"""The whole tax as Markdown, for a pull request, a wiki or a release's notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aligntax.figures import MISSING, amount
from aligntax.report.experiment.wording import spoken
from aligntax.report.whole.contents import checked
from aligntax.report.whole.per_million import per_million
from aligntax.report.whole.wording import TITLES, cells, kind_name, of_front, of_trend, written

__all__ = ["whole_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~$])")
_NUMBERS = ("absolute", "relative", "n", "price", "first", "latest", "releases")


def whole_markdown(whole: Mapping[str, Any]) -> str:
    """Return a whole report as Markdown: every figure in one table; names from the files are escaped.

    Args:
        whole: schema `aligntax.whole/1`.

    Raises:
        ValueError: for another schema, or parts that are missing.
    """
    return "\n".join(_lines(per_million(checked(whole)))) + "\n"


def _lines(whole: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Alignment tax of {_plain(whole['title'])}"
    yield ""
    for one in whole.get("notes") or ():
        yield from (f"> {_plain(one['text'])}", "")
    yield f"**{_plain(whole['definition'] or 'No tax has a raw figure that it could be set against.')}**"
    yield ""
    for one in whole["scale"][1:]:
        yield f"- {_plain(one['sentence'])}"
    if whole["scale"][1:]:
        yield ""
    yield from _table(TITLES, [cells(whole, row) for row in whole["taxes"]])
    yield from _trade_off(whole.get("trade_off") or {})
    if whole["trend"]:
        yield from ("", "## Does it decline?", "")
        titles = ("tax", "first", "latest", "verdict", "releases", "formula", "latest file")
        yield from _table(titles, [_trend(whole, figure) for figure in whole["trend"]])
    if whole["refusals"]:
        yield from ("", "## Refused", "")
        yield from (
            f"- {kind_name(one['kind'])}, {_plain(one['what'])} ({_plain(one['reason'])}): {_plain(one['message'])} "
            f"({_plain(one['source'])})"
            for one in whole["refusals"]
        )
    if whole["not_measured"]:
        yield from ("", "## Not measured", "")
        yield from (f"- {kind_name(one['kind'])}: `{one['command']}`" for one in whole["not_measured"])
    if whole["left_out"]:
        yield from ("", "## Left out", "")
        yield from (f"- {_plain(one['file'])}: {_plain(one['reason'])}" for one in whole["left_out"])
    if whole["warnings"]:
        yield from ("", "## To be known before the numbers are believed", "")
        yield from (f"- {_plain(one['source'])}: {_plain(one['text'])}" for one in whole["warnings"])
    yield from ("", "## Files", "")
    yield from _table(("file", "size", "SHA-256"), [_file(one) for one in _files(whole)])


def _files(whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the files of the report, and those of earlier releases."""
    every = [*whole["sources"], *(one for release in whole["releases"] for one in release.get("sources", ()))]
    return list({one["file"]: one for one in every}.values())


def _file(one: Mapping[str, Any]) -> tuple[str, ...]:
    return str(one["file"]), amount(one["bytes"], "bytes"), str(one["sha256"])


def _trade_off(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("prices"):
        yield from ("", "## The price of 100 points less attack success", "")
        yield from _table(("tax", "price", "n", "formula", "files"), [_price(price) for price in found["prices"]])
    front = found.get("front")
    if front:
        objectives = list(front["objectives"])
        yield from ("", "## The configurations", "")
        yield from _table(
            ("configuration", *map(spoken, objectives), "dominated by", "files"),
            [
                (
                    point["name"],
                    *(of_front(front, point, one) for one in objectives),
                    ", ".join(point["dominated_by"]) or MISSING,
                    ", ".join(front.get("sources", ())) or MISSING,
                )
                for point in front["points"]
            ],
        )


def _price(price: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{kind_name(price['kind'])}: {price['title']}",
        price["reason"] or written(price["estimate"], price["unit"], signed=True),
        MISSING if price.get("n") is None else f"{price['n']:,}",
        str(price.get("formula") or MISSING),
        ", ".join(price.get("sources", ())) or MISSING,
    )


def _trend(whole: Mapping[str, Any], figure: Mapping[str, Any]) -> tuple[str, ...]:
    points = figure["points"]
    first, latest = (of_trend(whole, figure, points[end]["estimate"]) for end in (0, -1))
    return (
        f"{kind_name(figure['kind'])}: {figure['title']}",
        first,
        latest,
        figure["verdict"] or figure["reason"] or MISSING,
        f"{len(points):,}",
        str(points[-1].get("formula") or MISSING),
        str(points[-1].get("source") or MISSING),
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    aligned = ["---:" if title in _NUMBERS else "---" for title in titles]
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join(aligned)} |"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows)


def _plain(text: str) -> str:
    """Return text that reads in Markdown as it is: no markup, no HTML, no mention, no line of its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@&#8203;")
