"""The experiment as the text of one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aligntax.report.experiment.contents import checked
from aligntax.report.experiment.sections.comparison import comparison
from aligntax.report.experiment.sections.guards import guards
from aligntax.report.experiment.sections.load import load
from aligntax.report.experiment.sections.method import method
from aligntax.report.experiment.sections.request import request
from aligntax.report.experiment.sections.resources import resources
from aligntax.report.experiment.sections.scaling import scaling
from aligntax.report.experiment.sections.setting import setting
from aligntax.report.experiment.sections.summary import summary
from aligntax.report.experiment.sections.trend import trend
from aligntax.report.experiment.sections.whatif import whatif
from aligntax.report.experiment.wording import headline
from aligntax.report.page.parts import Section
from aligntax.report.page.rendering import render

__all__ = ["render_page"]


def render_page(result: Mapping[str, Any], history: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the page as text; the same result gives the same text. See `write_page` for arguments and errors."""
    checked(result)
    return render(
        subject=result["target"].get("name", ""),
        headline=headline(result),
        sections=_sections(result, history),
        measured=result.get("created", ""),
    )


def _sections(result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[Section]:
    makers: tuple[Callable[[Mapping[str, Any]], Section | None], ...] = (
        *(summary, request, guards, comparison, resources, load, scaling, whatif),
        partial(trend, history=history),
        *(method, setting),
    )
    return [section for make in makers if (section := _made(make, result)) is not None]


def _made(make: Callable[[Mapping[str, Any]], Section | None], result: Mapping[str, Any]) -> Section | None:
    try:
        return make(result)
    except (AttributeError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"a part of the result is not as its schema says ({what:.120}); run `aligntax bench` again"
        ) from error
