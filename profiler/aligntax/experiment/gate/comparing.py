"""Two files side by side: what differs, how sure that is, and what may be said of it.

What no test on two files can see is what was different for one of them as a whole: a warmer processor, another
neighbour on the machine. That is why the deciding metric is the tax relative to raw. Raw was measured between the same
guarded requests, and most of what befalls a run as a whole cancels in the ratio. The absolute figures stand beside it.

Margins are shares of one yardstick, a guarded request, for the tax and for all its parts: "unchanged within 2 %" says
of a guard, too, that it did not make requests 2 % slower. Other figures are their own yardstick.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aligntax.experiment.gate.matching import matched
from aligntax.experiment.gate.measured import Measured, Metric, Unit, differences
from aligntax.experiment.gate.tax_record import RECORD, WHOLE
from aligntax.inference import Comparison, Estimate, Verdict, compare, decide, equivalence_by_ranks

__all__ = ["MARGIN", "SCHEMA", "Compared", "Row", "compare_measured"]

SCHEMA = "aligntax.comparison/1"
MARGIN = 0.02
_SHOWN_DIFFERENCES = 20
_WORST_FIRST = (Verdict.REGRESSION, Verdict.CANNOT_TELL, Verdict.IMPROVEMENT, Verdict.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric in both files.

    Attributes:
        key, title, unit: of the metric.
        base, new: its figure in each file; None where a file lacks it.
        found: the test; None where there was nothing to test.
        change: its effect as a share of what margins are a share of; None where there is no such thing.
        sampling: how the samples were put side by side.
        note: why there is no test.
    """

    key: str
    title: str
    unit: Unit | str
    base: Estimate | None
    new: Estimate | None
    found: Comparison | None = None
    change: Estimate | None = None
    sampling: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """What may be said of this metric."""
        return Verdict.CANNOT_TELL if self.found is None else self.found.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for `json`; what was not tested has no p."""
        tested: dict[str, Any] = {}
        if self.found is not None:
            tested = {
                "effect": self.found.effect.to_dict(),
                "relative": _plain(self.found.relative),
                "change": _plain(self.change),
                "p": self.found.p,
                "p_equivalent": self.found.p_equivalent,
                "n_base": self.found.n_base,
                "n_new": self.found.n_new,
                "sampling": self.sampling,
            }
        return {
            "metric": self.key,
            "title": self.title,
            "unit": str(self.unit),
            "base": _plain(self.base),
            "new": _plain(self.new),
            **tested,
            "verdict": self.verdict.value,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """Two files, metric by metric.

    Attributes:
        base, new: the files.
        margin: as a share; what changes less is unchanged.
        alpha: the chance of any false alarm, over all metrics together.
        differences: in what the files differ that should agree; empty unless the comparison was forced.
        rows: the metrics.
    """

    base: Measured
    new: Measured
    margin: float
    alpha: float
    differences: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def forced(self) -> bool:
        """Whether it was made although the files should not be compared."""
        return bool(self.differences)

    @property
    def verdict(self) -> Verdict:
        """The deciding metric's; where all decide, the worst one of theirs."""
        found = [row.verdict for row in self.rows if self.new.deciding in (None, row.key)]
        return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.CANNOT_TELL)

    def row(self, key: str) -> Row | None:
        """Return what was found of one metric, or of the one that says the same; None if neither file has it."""
        metric = self.new.metrics.get(key)
        rows = {row.key: row for row in self.rows}
        return rows.get(key) or (None if metric is None or metric.same_as is None else rows.get(metric.same_as))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for `json`, schema `aligntax.comparison/1`.

        Of each metric: `base` and `new` as in the files; `effect`, new minus base in its unit; `relative`, the ratio
        of the means less one; `change`, the effect as a share of what the margin is a share of; `p`, adjusted; all
        estimates are value, low and high.
        """
        files = (("base", self.base), ("new", self.new))
        return {
            "schema": SCHEMA,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "forced": self.forced,
            "differences": list(self.differences),
            **{
                arm: {"file": str(each.path), "schema": each.schema, "created": each.created, "n": each.n}
                for arm, each in files
            },
            "margin": self.margin,
            "alpha": self.alpha,
            "deciding": self.new.deciding,
            "verdict": self.verdict.value,
            "metrics": [row.to_dict() for row in self.rows],
        }


def compare_measured(
    base: Measured, new: Measured, *, margin: float = MARGIN, alpha: float = 0.05, force: bool = False
) -> Compared:
    """Compare two files, with Holm's adjustment over their metrics.

    Args:
        base: the file to compare with.
        new: the one that is judged.
        margin: as a share, above 0: of a guarded request for the tax and its parts, of the figure itself for others.
        alpha: the chance of any false alarm that is put up with, between 0 and 1.
        force: compare files that differ in what should agree, too.

    Raises:
        ValueError: if they differ in what should agree (lists it all), are of two kinds, or have no metric in common,
            or a setting is out of range.
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"margin={margin} must be above 0, e.g. 0.02 for 2 %")
    for each in (base, new):
        if each.schema in (RECORD, WHOLE):
            raise ValueError(f"{each.path}: {each.schema} has no samples to compare; hold its figures against a budget")
    if base.schema != new.schema:
        raise ValueError(f"{base.path} is of {base.schema} and {new.path} of {new.schema}; compare two of one kind")
    found = differences(base, new)
    if found and not force:
        shown = [*found[:_SHOWN_DIFFERENCES], *(["and more"] if len(found) > _SHOWN_DIFFERENCES else [])]
        raise ValueError(
            f"{base.path} and {new.path} should not be compared: {'; '.join(shown)}; "
            "measure both alike, or pass --force"
        )
    if not base.metrics.keys() & new.metrics.keys():
        raise ValueError(f"{base.path} and {new.path} have no metric in common; compare results of the same things")
    alike = base.prompts_sha256 is not None and base.prompts_sha256 == new.prompts_sha256
    rows = []
    for key in dict.fromkeys((*new.metrics, *base.metrics)):
        pair = base.metrics.get(key), new.metrics.get(key)
        if any(metric is not None and metric.same_as is None for metric in pair):  # else another row says it
            rows.append(_row(*pair, margin, alpha, same_prompts=alike))
    return Compared(base, new, margin, alpha, found, tuple(_adjusted(rows, alpha)))


def _row(base: Metric | None, new: Metric | None, margin: float, alpha: float, *, same_prompts: bool) -> Row:
    known = new or base
    assert known is not None  # noqa: S101 (a key is of one of them)
    row = Row(
        known.key,
        known.title,
        known.unit,
        None if base is None else base.estimate,
        None if new is None else new.estimate,
    )
    if base is None or new is None:
        return replace(row, note=f"not in the {'base' if base is None else 'new result'}")
    sides = matched(base, new, same_prompts=same_prompts)
    if sides is None:
        return replace(row, note="no samples to test")
    # By ranks where `compare` would go by means; `decide` settles the verdict on both.
    found = compare(sides.base, sides.new, paired=sides.paired, alpha=alpha)
    if not base.reference:
        return replace(row, found=found, sampling=sides.sampling)
    p_equivalent = equivalence_by_ranks(sides.base, sides.new, margin * base.reference, paired=sides.paired)
    return replace(
        row,
        found=found._replace(p_equivalent=p_equivalent),
        change=_scaled(found.effect, 1 / base.reference),
        sampling=sides.sampling,
    )


def _adjusted(rows: Sequence[Row], alpha: float) -> list[Row]:
    """Return the rows with verdicts that hold for all of them together."""
    decided = iter(decide([row.found for row in rows if row.found is not None], alpha))
    return [row if row.found is None else replace(row, found=next(decided)) for row in rows]


def _scaled(found: Estimate, factor: float) -> Estimate:
    return Estimate(*(None if end is None else end * factor for end in found))  # type: ignore[arg-type]


def _plain(found: Estimate | None) -> dict[str, float | None] | None:
    return None if found is None else found.to_dict()
