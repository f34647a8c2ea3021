"""Where every figure is from: files, what they were computed from, what the user chose, and the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aligntax.figures import MISSING, amount
from aligntax.report.page.parts import Block, Noted, Section, Table
from aligntax.report.whole.contents import Data
from aligntax.report.whole.wording import kind_name

__all__ = ["MAX_ROWS", "sources"]

MAX_ROWS = 500


def sources(whole: Data) -> Section:
    """Return the section on files and formulas."""
    files = whole["sources"]
    blocks: list[Block] = [
        Table(
            "The files of this report.",
            ("file, and its SHA-256", "tax", "made", "size", "chosen by the user"),
            [
                (
                    Noted(one["file"], one["sha256"]),
                    kind_name(one["kind"]),
                    one["created"][:16].replace("T", " "),
                    amount(one["bytes"], "bytes"),
                    _chosen(one["parameters"]),
                )
                for one in files
            ],
            words=(0, 1, 2, 4),
        )
    ]
    shown = {one["file"] for one in files}
    earlier = [one for release in whole["releases"] for one in release.get("sources", ()) if one["file"] not in shown]
    if earlier:
        blocks.append(
            Table(
                "The files of earlier releases."
                + (f" {len(earlier) - MAX_ROWS:,} more are in the JSON." if len(earlier) > MAX_ROWS else ""),
                ("file, and its SHA-256", "size"),
                [(Noted(one["file"], one["sha256"]), amount(one["bytes"], "bytes")) for one in earlier[:MAX_ROWS]],
                summary=f"The files of earlier releases: {len(earlier):,}",
            )
        )
    inputs = [(one["file"], inner) for one in files for inner in one["inputs"]]
    if inputs:
        blocks.append(
            Table(
                "What these files were computed from.",
                ("input, and its SHA-256", "size", "used by"),
                [
                    (
                        Noted(str(inner.get("name", MISSING)), str(inner.get("sha256", ""))),
                        amount(inner["bytes"], "bytes") if isinstance(inner.get("bytes"), int) else MISSING,
                        file,
                    )
                    for file, inner in inputs
                ],
                words=(0, 2),
                summary=f"The inputs of these files: {len(inputs):,}",
            )
        )
    formulas: dict[str, str] = {}
    for row in whole["taxes"]:
        if row["formula"]:
            formulas.setdefault(row["formula"], f"{kind_name(row['kind'])}: {row['title']}")
    if formulas:
        blocks.append(
            Table(
                "Every formula that was used.",
                ("formula", "first used for"),
                list(formulas.items()),
                words=(0, 1),
                summary=f"The formulas: {len(formulas):,}",
            )
        )
    return Section(
        "sources",
        "Where the numbers are from",
        "Whoever has these files can make this page again: their sums say whether they are the same.",
        tuple(blocks),
    )


def _chosen(parameters: Mapping[str, Any]) -> str:
    known = {name: value for name, value in parameters.items() if value not in (None, "", [], {})}
    return ", ".join(f"{name} {_plain(value)}" for name, value in known.items()) or MISSING


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}={_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,.12g}" if isinstance(value, float) else str(value)
