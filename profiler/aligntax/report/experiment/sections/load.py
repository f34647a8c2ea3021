"""Under load: what guards cost while requests come when they come, and how many fewer can come."""

from __future__ import annotations

from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.load_words import load_facts, load_lead
from aligntax.report.experiment.sections.load_pictures import rates_picture, times_picture
from aligntax.report.experiment.sections.load_tables import arms_table, formulas_table, times_table
from aligntax.report.page.parts import Facts, Picture, Section, Table, Warnings

__all__ = ["load"]


def load(result: Data) -> Section | None:
    """Return the section on the load; None where there was none."""
    found = result.get("load")
    if not found:
        return None
    blocks: list[Facts | Picture | Table | Warnings] = []
    if facts := tuple(load_facts(found)):
        blocks.append(Facts(facts))
    if found.get("warnings"):
        blocks.append(Warnings(tuple(found["warnings"])))
    blocks += [picture for picture in (times_picture(found), rates_picture(found)) if picture is not None]
    blocks += [arms_table(found), times_table(result, found)]
    if formulas := formulas_table(found):
        blocks.append(formulas)
    return Section("load", "Under load", load_lead(found), tuple(blocks))
