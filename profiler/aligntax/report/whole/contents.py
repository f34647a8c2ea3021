"""What a whole report holds, checked before anything of it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["SCHEMA", "Data", "checked", "headlines", "kinds", "of_kind"]

SCHEMA = "aligntax.whole/1"

Data = Mapping[str, Any]

_LISTS = (
    "scale",
    "taxes",
    "refusals",
    "not_measured",
    "trend",
    "releases",
    "details",
    "sources",
    "warnings",
    "left_out",
)


def checked(whole: Data) -> Data:
    """Return the whole report if it can be shown.

    Raises:
        ValueError: for another schema, or a part that is missing; names it.
    """
    if not isinstance(whole, Mapping) or whole.get("schema") != SCHEMA:
        found = whole.get("schema") if isinstance(whole, Mapping) else type(whole).__name__
        raise ValueError(f"schema {found!r} is not {SCHEMA!r}; pass what `aligntax report --json` wrote")
    for name in _LISTS:
        if not isinstance(whole.get(name), Sequence) or isinstance(whole[name], str):
            raise ValueError(f"the report has no list {name!r}, as {SCHEMA} says; run `aligntax report` again")  # noqa: TRY004 (the data is wrong, not an argument's type)
    return whole


def kinds(whole: Data) -> list[str]:
    """Return the kinds of tax that have figures, in the report's order."""
    return list(dict.fromkeys(str(row["kind"]) for row in whole["taxes"]))


def of_kind(whole: Data, kind: str) -> list[Data]:
    """Return the figures of a kind."""
    return [row for row in whole["taxes"] if row["kind"] == kind]


def headlines(whole: Data) -> list[Data]:
    """Return the first figure of each kind in each file."""
    return [row for row in whole["taxes"] if row["headline"]]
