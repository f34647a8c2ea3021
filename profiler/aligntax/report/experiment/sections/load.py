"""Under load: what guards cost while requests come when they come, and how many fewer can come."""

from __future__ import annotations

from collections.abc import Iterator

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.estimates import a_second, interval, plain, signed_duration, signed_percentage, value
from aligntax.report.experiment.sections.load_pictures import rates_picture, times_picture
from aligntax.report.experiment.sections.load_tables import arms_table, formulas_table, times_table
from aligntax.report.experiment.wording import counted
from aligntax.report.page.parts import Fact, Facts, Picture, Section, Table, Warnings

__all__ = ["load"]

_COMPARED = ("raw", "guarded")


def load(result: Data) -> Section | None:
    """Return the section on the load; None where there was none."""
    found = result.get("load")
    if not found:
        return None
    blocks: list[Facts | Picture | Table | Warnings] = []
    if facts := tuple(_facts(found)):
        blocks.append(Facts(facts))
    if found.get("warnings"):
        blocks.append(Warnings(tuple(found["warnings"])))
    blocks += [picture for picture in (times_picture(found), rates_picture(found)) if picture is not None]
    blocks += [arms_table(found), times_table(result, found)]
    if formulas := formulas_table(found):
        blocks.append(formulas)
    return Section("load", "Under load", _lead(found), tuple(blocks))


def _lead(found: Data) -> str:
    arrivals = found.get("arrivals") or {}
    sentences = []
    if arrivals.get("rate"):
        how = "at random" if arrivals.get("kind") == "poisson" else "at equal distances"
        sentences.append(
            f"{plain(arrivals['rate'])} requests a second arrive {how}, whether or not others are answered."
        )
    sentences.append("A request's time counts from when it was due, so waiting in line is a part of it.")
    if found.get("engine", "aligntax") != "aligntax":
        sentences.append(f"Measured by {found['engine']}.")
    if found.get("stopped", "done") != "done":
        sentences.append(f"It is {found['stopped']}: these are the requests until then.")
    return " ".join(sentences)


def _how(tax: Data) -> str:
    """Return how a tax was found: another program's requests are not known to be the same in both arms."""
    if tax.get("paired", True):
        return f"median of {counted(tax['n'], 'pair')}"
    return f"difference of medians, n = {tax['n']:,}"


def _facts(found: Data) -> Iterator[Fact]:
    for measure, name in (("scheduled", "Tax under load"), ("first_chunk", "Tax on the first chunk")):
        tax = (found.get("tax") or {}).get(measure)
        if tax:
            ends = interval(tax["seconds"], signed_duration)
            relative = value(tax["relative"], signed_percentage)
            note = f"interval {ends}; {relative} of the mean; {_how(tax)}"
            yield Fact(name, value(tax["seconds"], signed_duration), note)
    searched = found.get("throughput_tax")
    if searched:
        rates = [value(((searched["arms"].get(arm) or {}).get("rate")), a_second) for arm in _COMPARED]
        text = value(searched.get("relative"), signed_percentage)
        note = "not both of the highest rates were found"
        if text != MISSING:
            ends = interval(searched["relative"], signed_percentage)
            note = f"bracket {ends}; {rates[0]} without guards, {rates[1]} with them"
        note += f"; {searched['objective']}"
        yield Fact("Throughput tax", text, note)
