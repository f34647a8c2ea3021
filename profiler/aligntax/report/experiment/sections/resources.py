"""What else the guards take: processors, memory, energy, contention, and the time of a cold start."""

from __future__ import annotations

from aligntax.report.experiment.compute import cold_start_rows, compute_rows, contention_words
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.wording import confidence
from aligntax.report.page.parts import Paragraph, Section, Table

__all__ = ["resources"]


def resources(result: Data) -> Section | None:
    """Return the section on compute, contention and cold start; None where none of it was measured."""
    blocks: list[Paragraph | Table] = []
    if rows := compute_rows(result):
        blocks.append(
            Table(
                f"A request, mean, with {confidence(result)} intervals. What was not measured is not listed.",
                ("", "without guards", "with guards", "tax"),
                tuple(rows),
            )
        )
    if words := contention_words(result):
        blocks.append(Paragraph(words, "Contention"))
    if cold := cold_start_rows(result):
        head = ("", "without guards", "with guards")
        blocks.append(Table("A cold start, in a process of its own.", head, tuple(cold)))
    if not blocks:
        return None
    return Section("resources", "What else it takes", "Time is not the only thing that guards cost.", tuple(blocks))
