"""What the experiment says, in figures that stand at the top of the page."""

from __future__ import annotations

from collections.abc import Iterator

from aligntax.figures import MISSING, TOO_SMALL, duration
from aligntax.report.experiment.contents import Data, estimate
from aligntax.report.experiment.estimates import interval, quantile, signed_duration, signed_percentage, value
from aligntax.report.experiment.further import further_taxes
from aligntax.report.experiment.wording import band, confidence, counted, verdict
from aligntax.report.page.parts import Fact, Facts, Paragraph, Section, Warnings

__all__ = ["summary"]


def summary(result: Data) -> Section:
    """Return the section with the key figures and the warnings."""
    blocks: list[Facts | Paragraph | Warnings] = [Facts(tuple(_facts(result)), large=True)]
    if result.get("warnings"):
        blocks.append(Warnings(tuple(map(str, result["warnings"]))))
    return Section("summary", "The result", _reading(result), tuple(blocks))


def _facts(result: Data) -> Iterator[Fact]:
    tax, latency = result["tax"], result.get("latency", {})
    sure = confidence(result)
    pairs = tax.get("n") or 0
    yield Fact(
        "Tax of a request",
        value(tax.get("seconds"), signed_duration),
        f"{_ends(interval(tax.get('seconds'), signed_duration), sure)}; median of {counted(pairs, 'pair')}",
    )
    yield Fact(
        "Relative tax",
        value(tax.get("relative"), signed_percentage),
        f"{_ends(interval(tax.get('relative'), signed_percentage), sure)}; on the mean time without guards",
    )
    for name, seconds, note in further_taxes(result):
        yield Fact(name, value(seconds, signed_duration), f"{_ends(interval(seconds, signed_duration), sure)}; {note}")
    for arm, name in (("raw", "Without guards"), ("guarded", "With guards")):
        times = latency.get(arm, {})
        yield Fact(name, quantile(times.get("p50")), f"median; p99 {quantile(times.get('p99'))}")


def _ends(text: str, sure: str) -> str:
    if text == TOO_SMALL:
        return "n too small for an interval"
    return "no interval" if text == MISSING else f"{sure} interval {text}"


def _reading(result: Data) -> str:
    tax, latency = result["tax"], result.get("latency", {})
    if not tax.get("n"):
        return "Nothing can be compared: a request that a guard blocked early is no faster one, but another one."
    sentences = []
    raw, guarded = (estimate(latency.get(arm, {}).get("p50")) for arm in ("raw", "guarded"))
    if raw is not None and guarded is not None and raw.low is not None and guarded.low is not None:
        sentences.append(
            f"A typical request takes {duration(raw.value)} without the guards and {duration(guarded.value)} with them."
        )
    absolute = estimate(tax.get("seconds"))
    if absolute is not None and absolute.low is not None:
        sentences.append(f"The tax {_stands(tax.get('distinguishable'))}.")
    sentences.append(band(result))
    return " ".join(sentences)


def _stands(distinguishable: bool | None) -> str:
    if distinguishable is None:
        return "was not compared with the noise"
    return verdict(distinguishable) if distinguishable else f"is {verdict(distinguishable)}"
