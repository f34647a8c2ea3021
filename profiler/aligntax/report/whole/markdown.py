"""The whole tax as Markdown, for a pull request, a wiki or a release's notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aligntax.figures import MISSING
from aligntax.report.whole.contents import checked
from aligntax.report.whole.wording import TITLES, cells, kind_name, of_trend

__all__ = ["whole_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~$])")
_NUMBERS = ("absolute", "relative", "n")


def whole_markdown(whole: Mapping[str, Any]) -> str:
    """Return a whole report as Markdown: every figure in one table; names from the files are escaped.

    Args:
        whole: schema `aligntax.whole/1`.

    Raises:
        ValueError: for another schema, or parts that are missing.
    """
    checked(whole)
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Alignment tax of {_plain(whole['title'])}"
    yield ""
    yield f"**{_plain(whole['definition'] or 'No tax has a raw figure that it could be set against.')}**"
    yield ""
    yield from _table(TITLES, [cells(whole, row) for row in whole["taxes"]])
    if whole["trend"]:
        yield from ("", "## Does it decline?", "")
        yield from _table(("tax", "first", "latest", "verdict"), [_trend(figure) for figure in whole["trend"]])
    if whole["refusals"]:
        yield from ("", "## Refused", "")
        yield from (
            f"- {kind_name(one['kind'])}, {_plain(one['what'])} ({_plain(one['reason'])}): {_plain(one['message'])}"
            for one in whole["refusals"]
        )
    if whole["not_measured"]:
        yield from ("", "## Not measured", "")
        yield from (f"- {kind_name(one['kind'])}: `{one['command']}`" for one in whole["not_measured"])
    if whole["warnings"]:
        yield from ("", "## To be known before the numbers are believed", "")
        yield from (f"- {_plain(one['source'])}: {_plain(one['text'])}" for one in whole["warnings"])


def _trend(figure: Mapping[str, Any]) -> tuple[str, ...]:
    first, latest = (of_trend(figure, figure["points"][end]["estimate"]) for end in (0, -1))
    title = f"{kind_name(figure['kind'])}: {figure['title']}"
    return title, first, latest, figure["verdict"] or figure["reason"] or MISSING


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    aligned = ["---:" if title in _NUMBERS else "---" for title in titles]
    yield f"| {' | '.join(titles)} |"
    yield f"| {' | '.join(aligned)} |"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows)


def _plain(text: str) -> str:
    """Return text that reads in Markdown as it is: no markup, no HTML, no mention, no line of its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat).replace("@", "@&#8203;")
