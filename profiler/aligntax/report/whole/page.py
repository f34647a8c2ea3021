"""The whole tax as the text of one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aligntax.report.page.parts import Section
from aligntax.report.page.rendering import render
from aligntax.report.whole.contents import checked
from aligntax.report.whole.per_million import per_million
from aligntax.report.whole.sections.benefit import benefit
from aligntax.report.whole.sections.debt import debt
from aligntax.report.whole.sections.missing import missing
from aligntax.report.whole.sections.reading import reading
from aligntax.report.whole.sections.scaling import scaling
from aligntax.report.whole.sections.sources import sources
from aligntax.report.whole.sections.summary import headline, summary
from aligntax.report.whole.sections.taxes import taxes
from aligntax.report.whole.sections.trend import trend

__all__ = ["render_whole"]

_MAKERS: tuple[Callable[[Mapping[str, Any]], Section | None], ...] = (
    *(summary, taxes, benefit, trend, scaling, debt, missing, reading, sources),
)


def render_whole(whole: Mapping[str, Any]) -> str:
    """Return the page as text; the same report gives the same text.

    Raises:
        ValueError: if it is none, or a part is not as its schema says.
    """
    checked(whole)
    try:
        whole = per_million(whole)
        sections = [section for make in _MAKERS if (section := make(whole)) is not None]
        measured = whole["measured"]
        days = list(dict.fromkeys(str(measured[end])[:10] for end in ("first", "last")))
        return render(
            subject=str(whole["title"]),
            headline=headline(whole),
            sections=sections,
            measured=" to ".join(days),
            notes=[str(one["text"]) for one in whole.get("notes") or ()],
        )
    except (AttributeError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"a part of the report is not as its schema says ({what:.120}); run `aligntax report` again"
        ) from error
