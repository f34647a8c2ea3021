"""The experiment as the text of one page: everything is in it, nothing is loaded, no script runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

import aligntax
from aligntax.figures import TOO_SMALL
from aligntax.report.experiment.contents import checked
from aligntax.report.experiment.parts import Section
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

__all__ = ["render_page"]

_NO_BREAK = "\u00a0"
_INTERVAL = re.compile(r"(.+) \(([^()]* to [^()]*|n too small)\)")
_SPACE_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|us|ns|%|B|KiB|MiB|GiB|J)\b|%)")


def render_page(result: Mapping[str, Any], history: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the page as text; the same result gives the same text. See `write_page` for arguments and errors."""
    checked(result)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(tight=tight, stacked=stacked)
    template = environment.from_string(_own("page.html"))
    return template.render(
        style=Markup(_own("page.css")),  # noqa: S704 (a file of this package)
        target=result["target"].get("name", ""),
        created=result.get("created", ""),
        version=aligntax.__version__,
        headline=headline(result),
        sections=_sections(result, history),
    )


def tight(text: str) -> str:
    """Return a text in which no line breaks between a number and its unit."""
    return _SPACE_BEFORE_UNIT.sub(_NO_BREAK, text).replace(TOO_SMALL, TOO_SMALL.replace(" ", _NO_BREAK))


def stacked(text: str) -> Markup:
    """Return a figure for a cell: with its interval, which is the last thing in brackets, below it."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        return escape(tight(text))
    return Markup("{} <small>({})</small>").format(*map(tight, found.groups()))


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


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
