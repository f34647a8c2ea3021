"""How to read the page: what each tax is about, what a verdict says, and the words that every table uses."""

from __future__ import annotations

from collections.abc import Iterator

from aligntax.report.page.parts import Paragraph, Section
from aligntax.report.whole.contents import Data, kinds
from aligntax.report.whole.wording import kind_name

__all__ = ["reading"]

_KINDS = {
    "performance": "What a model's scores in benchmarks lose by its alignment: raw minus aligned, in points.",
    "latency": (
        "The time that guards add to a request. A guard's share is its part of that time, and the shares add up to the "
        "whole: the Shapley value, which splits fairly what guards that run at the same time cost together."
    ),
    "capability": (
        "How much less varied the answers are after alignment. Each line is one way to count variety: distinct-n and "
        "EAD count different words, self-BLEU and the compression ratio how much answers repeat each other, and the "
        "Vendi score as how many entirely different answers they count. Over-refusal: safe prompts that are refused."
    ),
    "compute": "The processor time, the energy and the memory that guards add to a request.",
    "cost": (
        "What guards add to the price of a useful request, one that is allowed and answered in time, and to the "
        "processor time and the energy that it takes."
    ),
    "benefit": (
        "What the guards buy: how many fewer attacks succeed, and how many good texts they stop for that, the false "
        "positives. It is a tax or a bonus in the same sense: below 0 there is less of what nobody wants."
    ),
    "scaling": "Whether the relative tax grows or shrinks with the size of the model; log10(size) grows by 1 tenfold.",
    "development": (
        "The hours that went into the guards, as their users keep count of them, and what can be measured of them: "
        "start-up, memory, dependencies, settings."
    ),
    "debt": (
        "What attacks would cost without the guards. SLE: the loss of a single one. ARO: how many succeed a year. ALE, "
        "SLE times ARO: the loss of a year. Interest is the ALE without guards, less that with them, less what the "
        "guards cost; the debt is that over the years, where later money counts less."
    ),
}


def reading(whole: Data) -> Section:
    """Return the section that explains the page, on those parts of it that this report has."""
    return Section(
        "reading",
        "How to read this page",
        "What the words mean. The formulas stand with each figure.",
        tuple(Paragraph(text, term) for term, text in _terms(whole)),
    )


def _terms(whole: Data) -> Iterator[tuple[str, str]]:
    yield (
        "Tax and bonus",
        "What guards and alignment cost, as a difference: above 0 something got worse, a tax; below 0 it got better, a "
        "bonus. Absolute is in the unit of what was measured, relative in per cent of raw, the figure without guards "
        "or before alignment.",
    )
    yield (
        "Interval",
        "In brackets behind a figure: a range that holds the truth in 95 of 100 such measurements. Newcombe, Wilson, "
        "Bonett and Price, Fieller, Student and bootstrap are names of ways to find it. n is how many observations "
        "there were; a figure without n was counted or computed, or its file does not say.",
    )
    if any(row["verdict"] for row in whole["taxes"]):
        yield (
            "Verdict",
            "Tax or bonus: the whole interval is on that side of 0. No tax beyond the margin: all of it is within a "
            "margin that the user chose. Inconclusive: none of these can be said.",
        )
    for kind in kinds(whole):
        if kind in _KINDS:
            yield kind_name(kind), _KINDS[kind]
    if whole["refusals"]:
        yield (
            "Refused",
            "Where a number could only mislead there is none, and the reason instead. It is a code for programs, and "
            "words for people.",
        )
    yield (
        "File and SHA-256",
        "The file that a figure was read from, and a sum that changes with any letter of it.",
    )
