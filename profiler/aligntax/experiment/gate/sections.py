"""What a budget can limit: the sections of its file, and the measures of each.

A section's measures are the metrics of a result (`aligntax.experiment.gate.measured.Metric.key` is where a budget
limits it). The other kinds of tax have a section each, in which every figure of their records can be limited, and
whose own limits are about the first of them, the headline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aligntax.experiment.gate.measured import Unit
from aligntax.trace import GUARD_STAGES

__all__ = ["KINDS", "MAX_REGRESSION", "SECTIONS", "Section"]

MAX_REGRESSION = "max_regression"
KINDS = ("performance", "capability", "benefit", "development", "debt", "scaling", "cost")
"""Of the records of taxes, schema `aligntax.tax/1`."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a budget.

    Attributes:
        measures: unit of each figure that it can limit, by key.
        named: whether it holds a table for each of several things, such as guards.
        names: what these can be; None where that depends on the result.
        regression: which measure `max_regression` is about; None where a base says nothing of it.
        few: whether it is measured so few times that there is seldom an interval.
        own: whether it is a kind of tax: absolute figures are in units of their own, limits may be negative, since a
            bonus is a negative tax, and stand in the section itself or in a table for each figure.
        mend: what makes its intervals narrower, or what to do where nothing does.
    """

    measures: Mapping[str, Unit]
    named: bool = False
    names: tuple[str, ...] | None = None
    regression: str | None = None
    few: bool = False
    own: bool = False
    mend: str = "measure for longer"

    @property
    def keys(self) -> tuple[str, ...]:
        """What may stand in such a table."""
        return (*self.measures, *([MAX_REGRESSION] if self.regression else []))


_NARROWER: Mapping[str, str] = {
    "performance": "score more items",
    "capability": "sample more prompts",
    "benefit": "judge more labelled texts",
    "development": "give narrower ranges of hours in the ledger",
    "debt": "count more attacks, or give narrower ranges of losses and costs",
    "scaling": "measure more sizes",
    "cost": "run aligntax bench for longer",
}
_BOTH = {"absolute": Unit.SECONDS, "relative": Unit.RATIO}

SECTIONS: Mapping[str, Section] = {
    "tax": Section(_BOTH, regression="relative"),
    "latency": Section({"guarded": Unit.SECONDS, "raw": Unit.SECONDS}),
    "guards": Section(_BOTH, named=True, regression="absolute"),
    "stages": Section(_BOTH, named=True, names=GUARD_STAGES, regression="absolute"),
    "cpu": Section(_BOTH, regression="absolute"),
    "gpu": Section({"absolute": Unit.SECONDS}),
    "energy": Section({"absolute": Unit.JOULES}, few=True),
    "memory": Section(
        {"absolute": Unit.BYTES},
        few=True,
        mend="its peaks are of a few prompts, however long it measures; move the limit",
    ),
    "cold_start": Section(
        {"import": Unit.SECONDS, "first_call": Unit.SECONDS},
        few=True,
        mend="it starts a few times, however long it measures; move the limit",
    ),
    **{
        kind: Section(
            {"absolute": Unit.OWN, "relative": Unit.RATIO}, named=True, few=True, own=True, mend=_NARROWER[kind]
        )
        for kind in KINDS
    },
}
