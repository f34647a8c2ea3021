"""Sections as the text of one page: everything is in it, nothing is loaded, no script runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

import aligntax
from aligntax.figures import TOO_SMALL
from aligntax.report.page.parts import Noted, Section

__all__ = ["noted", "render", "stacked", "tight"]

_NO_BREAK = "\u00a0"
_INTERVAL = re.compile(r"(.+) \(([^()]* to [^()]*|n too small)\)")
_PARTS_OF_NAMES = re.compile(r"([/_.])(?=[A-Za-z])")
_SPACE_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|us|ns|B|KiB|MiB|GiB|J)\b|%)")


def render(
    *, subject: str, headline: str, sections: Sequence[Section], measured: str, notes: Sequence[str] = ()
) -> str:
    """Return a page as text; the same arguments give the same text.

    Args:
        subject: what it is about, for its title.
        headline: what it says, in one sentence.
        sections: what stands on it, from top to bottom.
        measured: when its numbers were measured; may be empty.
        notes: what a reader must know before anything else.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(tight=tight, stacked=stacked, noted=noted)
    return environment.from_string(_own("page.html")).render(
        style=Markup(_own("page.css")),  # noqa: S704 (a file of this package)
        subject=subject,
        measured=measured,
        version=aligntax.__version__,
        headline=headline,
        sections=sections,
        notes=notes,
    )


def tight(text: str) -> str:
    """Return a text in which no line breaks between a number and its unit."""
    return _SPACE_BEFORE_UNIT.sub(_NO_BREAK, text).replace(TOO_SMALL, TOO_SMALL.replace(" ", _NO_BREAK))


def noted(cell: str | Noted) -> Markup:
    """Return a cell as it is, with the note that it may have below it."""
    if isinstance(cell, Noted):
        return Markup("{} <small>{}</small>").format(*map(_cell, cell)) if cell.note else _cell(cell.text)
    return _cell(cell)


def stacked(text: str | Noted) -> Markup:
    """Return a figure for a cell: with its interval, which is the last thing in brackets, below it."""
    if isinstance(text, Noted):
        return noted(text)
    found = _INTERVAL.fullmatch(text)
    if found is None:
        return _cell(text)
    return Markup("{} <small>({})</small>").format(*map(_cell, found.groups()))


def _cell(text: str) -> Markup:
    """Return a text that may break within the names of files and figures, where columns are narrow."""
    escaped = str(escape(tight(text)))  # a Markup would escape what is put in
    return Markup(_PARTS_OF_NAMES.sub(r"\1<wbr>", escaped))  # noqa: S704 (it has been escaped)


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
