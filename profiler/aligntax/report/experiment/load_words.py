"""A load in words: how requests came, and what the guards cost meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from aligntax.figures import MISSING
from aligntax.report.experiment.contents import Data
from aligntax.report.experiment.estimates import a_second, interval, plain, signed_duration, signed_percentage, value
from aligntax.report.experiment.wording import counted
from aligntax.report.page.parts import Fact

__all__ = ["load_facts", "load_lead"]

_COMPARED = ("raw", "guarded")


def load_lead(found: Data) -> str:
    """Return what kind of load it was, in a sentence or two."""
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
        sentences.append(f"It was {found['stopped']}: these are the requests until then.")
    return " ".join(sentences)


def load_facts(found: Data) -> Iterator[Fact]:
    """Yield what the guards cost under load: in time, and in requests a second."""
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
        seen = [_seen(searched["arms"].get(arm) or {}) for arm in _COMPARED]
        note = f"not both of the highest rates were found: {seen[0]} without guards, {seen[1]} with them"
        if text != MISSING:
            ends = interval(searched["relative"], signed_percentage)
            note = f"bracket {ends}; {rates[0]} without guards, {rates[1]} with them"
        note += f"; {searched['objective']}"
        yield Fact("Throughput tax", text, note)


def _seen(arm: Data) -> str:
    """Return what is known of the highest rate of an arm, if only one end of it."""
    kept, failed = arm.get("highest_kept"), arm.get("lowest_failed")
    if kept is not None and failed is not None:
        return f"{a_second(kept)} to {a_second(failed)}"
    if kept is not None:
        return f"at least {a_second(kept)}"
    return "unknown" if failed is None else f"less than {a_second(failed)}"


def _how(tax: Data) -> str:
    """Return how a tax was found: another program's requests are not known to be the same in both arms."""
    if tax.get("paired", True):
        return f"median of {counted(tax['n'], 'pair')}"
    return f"difference of medians, n = {tax['n']:,}"
