"""How a gap between the arms becomes a figure with a verdict, or a refusal with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aligntax.inference import Estimate
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.capability.estimating import Gap
from aligntax.taxes.capability.metrics import Metric
from aligntax.taxes.record import Figure, Refusal, TaxVerdict

__all__ = ["NO_DIRECTION", "Told", "verdict"]

NO_DIRECTION = "neither shorter nor longer is a tax by itself"


@dataclass(slots=True)
class Told:
    """A record as it comes into being.

    Attributes:
        margin: a change of less is none: a share of raw.
        sources: names of the files.
        parameters: of the record.
        figures: so far.
        refusals: so far.
        warnings: so far.
        more: of the record.
    """

    margin: float
    sources: tuple[str, ...]
    parameters: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def refuse(self, what: str, reason: str, message: str) -> None:
        """Note what was not computed."""
        self.refusals.append(Refusal(what, reason, message))

    def add(
        self,
        group: str,
        metric: Metric,
        gap: Gap,
        *,
        title: str,
        formula: str,
        marks: tuple[str, ...] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a figure; where it has no relative one, a refusal that says why."""
        name = f"{group}.{metric.name}"
        if gap.relative is None:
            reason = "zero_raw" if gap.raw == 0 else "raw_not_apart_from_zero"
            because = "is 0" if gap.raw == 0 else f"is {gap.raw:.3g}, with an interval that includes 0"
            self.refuse(
                f"{name}, relative",
                reason,
                f"raw {because}, so that nothing can be told relative to it; read the absolute figure, "
                "or measure more prompts",
            )
        self.figures.append(
            Figure(
                name=name,
                title=title,
                absolute=gap.tax,
                unit=metric.unit,
                relative=gap.relative,
                raw=gap.raw,
                verdict=verdict(gap.tax, self.margin * abs(gap.raw)) if metric.judged else None,
                n=gap.n,
                formula=formula,
                marks=marks if metric.judged else (*marks, NO_DIRECTION),
                sources=self.sources,
                more={"aligned": gap.aligned, **(more or {})},
            )
        )


def verdict(tax: Estimate, margin: float) -> TaxVerdict:
    """Return what the interval of a tax says.

    No tax beyond the margin: the whole interval lies within it, which is a little stricter than two one-sided tests at
    the same level. That goes first, since a tax that is certain and certainly smaller than the margin is none.

    Args:
        tax: with its interval.
        margin: in the unit of the tax, 0 or more.
    """
    if tax.low is not None and tax.high is not None and -margin <= tax.low and tax.high <= margin:
        return TaxVerdict.NONE
    return verdict_by_interval(tax) or TaxVerdict.INCONCLUSIVE
