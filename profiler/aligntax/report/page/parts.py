"""What a page is made of: sections with text, tables, figures and lists of facts. Plain data for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup  # tables in a terminal are made of these parts, too, and do without it

__all__ = ["Block", "Fact", "Facts", "Noted", "Paragraph", "Picture", "Section", "Table", "Warnings"]


class Fact(NamedTuple):
    """A figure with its name, and a note below it."""

    name: str
    figure: str
    note: str = ""


class Noted(NamedTuple):
    """A cell of a table with a note below its text."""

    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts side by side.

    Attributes:
        facts: the most important first.
        large: whether they are the page's key figures.
    """

    facts: tuple[Fact, ...]
    large: bool = False
    kind: str = "facts"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `term` is what it explains, where it does."""

    text: str
    term: str = ""
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Warnings:
    """What has to be known before the numbers are believed."""

    texts: tuple[str, ...]
    kind: str = "warnings"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names the lines.

    Attributes:
        caption: what it shows.
        head: of each column.
        rows: as many cells each as there are columns.
        words: the columns that hold words, which stand at the left; numbers stand at the right.
        summary: where given, the table is behind it until somebody opens it.
    """

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str | Noted]]
    words: Sequence[int] = (0,)
    summary: str = ""
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing, its caption, and the numbers that it was drawn from."""

    drawing: Markup
    caption: str
    table: Table | None = None
    kind: str = "picture"


Block = Facts | Paragraph | Picture | Table | Warnings


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes:
        name: unique within the page, for links.
        title: the heading.
        lead: what it says, in a sentence or two.
        blocks: what stands below.
    """

    name: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
