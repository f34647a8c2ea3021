"""What is not in the report: figures that were refused, taxes that nobody measured, files that were left out."""

from __future__ import annotations

from collections.abc import Sequence

from aligntax.report.experiment.wording import counted
from aligntax.report.page.parts import Block, Paragraph, Section, Table
from aligntax.report.whole.contents import Data
from aligntax.report.whole.wording import kind_name

__all__ = ["MAX_ROWS", "missing"]

MAX_ROWS = 500


def missing(whole: Data) -> Section:
    """Return the section on what is not there, and why."""
    refusals, unmeasured, left_out = whole["refusals"], whole["not_measured"], whole["left_out"]
    blocks: list[Block] = []
    if refusals:
        blocks.append(
            Table(
                f"What was refused, since a number would have been wrong.{_more(refusals)}",
                ("figure", "reason", "in words", "file"),
                [
                    (f"{kind_name(one['kind'])}: {one['what']}", one["reason"], one["message"], one["source"])
                    for one in refusals[:MAX_ROWS]
                ],
                words=(0, 1, 2, 3),
            )
        )
    if unmeasured:
        blocks.append(
            Table(
                "What nobody measured: it is absent, and not zero.",
                ("tax", "how to measure it"),
                [(kind_name(one["kind"]), one["command"]) for one in unmeasured],
                words=(0, 1),
            )
        )
    if left_out:
        blocks.append(
            Table(
                f"Files of the folders that are not in the report.{_more(left_out)}",
                ("file", "why"),
                [(one["file"], one["reason"]) for one in left_out[:MAX_ROWS]],
                words=(0, 1),
            )
        )
    if not blocks:
        blocks.append(Paragraph("Nothing: no figure was refused, and every kind of tax was measured."))
    lead = (
        f"{counted(len(refusals), 'figure')} refused, {counted(len(unmeasured), 'kind')} of tax not measured, "
        f"{counted(len(left_out), 'file')} left out."
    )
    return Section("missing", "What is not told", lead, tuple(blocks))


def _more(every: Sequence[Data]) -> str:
    return f" {len(every) - MAX_ROWS:,} more are in the JSON." if len(every) > MAX_ROWS else ""
