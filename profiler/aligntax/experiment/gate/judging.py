"""Whether a result stays within a budget, as far as its intervals can tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from aligntax.experiment.gate.budget import Budget, Limit
from aligntax.experiment.gate.comparing import Compared
from aligntax.experiment.gate.measured import Measured
from aligntax.experiment.gate.pytest_benchmark import SCHEMA as FOREIGN_SCHEMA
from aligntax.experiment.gate.sections import SECTIONS
from aligntax.inference import CONFIDENCE, Estimate

__all__ = ["SCHEMA", "Judged", "Judgement", "Standing", "by_interval", "judge", "worst"]

SCHEMA = "aligntax.gate/1"


class Standing(StrEnum):
    """How a figure stands to its limit."""

    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot tell"


def by_interval(found: Estimate, maximum: float) -> Standing:
    """Return how a figure stands to its limit by the whole of its interval; without one it cannot be told."""
    if found.low is None or found.high is None:
        return Standing.CANNOT_TELL
    if found.low > maximum:
        return Standing.FAILED
    return Standing.PASSED if found.high <= maximum else Standing.CANNOT_TELL


def worst(standings: Iterable[Standing]) -> Standing:
    """Return the worst of several."""
    taken = set(standings)
    return next((each for each in (Standing.FAILED, Standing.CANNOT_TELL) if each in taken), Standing.PASSED)


class Judgement(NamedTuple):
    """One limit, what it was held against, how that stands, and why where that is not plain."""

    limit: Limit
    found: Estimate | None
    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A result against a budget.

    Attributes:
        measured: the file.
        budget: what it may cost.
        judgements: one for each limit, in the file's order.
        compared: with the base; None without one.
        cannot_tell: what limits that cannot be told are taken for.
    """

    measured: Measured
    budget: Budget
    judgements: tuple[Judgement, ...]
    compared: Compared | None = None
    cannot_tell: Standing = Standing.CANNOT_TELL

    @property
    def standing(self) -> Standing:
        """The worst one of all limits, those that cannot be told taken for what was asked."""
        return worst(map(self.taken_for, self.judgements))

    def taken_for(self, judgement: Judgement) -> Standing:
        """Return what a judgement counts as."""
        return self.cannot_tell if judgement.standing is Standing.CANNOT_TELL else judgement.standing

    def confidence_of(self, limit: Limit) -> float:
        """Return how sure the interval is that a limit is held against."""
        metric = None if limit.regression else self.measured.metrics.get(limit.metric)
        return CONFIDENCE if metric is None else metric.confidence

    @property
    def differences(self) -> tuple[str, ...]:
        """In what result and base differ that should agree; empty unless the comparison was forced."""
        return () if self.compared is None else self.compared.differences

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for `json`, schema `aligntax.gate/1`; `comparison` is as `aligntax compare` writes it."""
        return {
            "schema": SCHEMA,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "result": str(self.measured.path),
            "budget": str(self.budget.path),
            "standing": self.standing.value,
            "cannot_tell": self.cannot_tell.value,
            "forced": bool(self.differences),
            "differences": list(self.differences),
            "limits": [
                {
                    "limit": limit.title,
                    "metric": limit.metric,
                    "unit": str(limit.unit),
                    "maximum": limit.maximum,
                    "found": None if found is None else found.to_dict(),
                    "confidence": self.confidence_of(limit),
                    "standing": standing.value,
                    "reason": reason,
                }
                for limit, found, standing, reason in self.judgements
            ],
            "comparison": None if self.compared is None else self.compared.to_dict(),
        }


def judge(
    measured: Measured,
    budget: Budget,
    compared: Compared | None = None,
    *,
    cannot_tell: Standing = Standing.CANNOT_TELL,
) -> Judged:
    """Hold a result against a budget.

    Args:
        measured: a result of `aligntax bench`, the record of a tax, or the whole report.
        budget: what it may cost.
        compared: the result with a base, for limits on regressions.
        cannot_tell: what limits that cannot be told are taken for.

    Raises:
        ValueError: if the file is of another program, the budget names a guard or a figure that it does not have, or
            limits a figure in another unit than its own.
    """
    if measured.schema == FOREIGN_SCHEMA:
        raise ValueError(
            f"{measured.path}: a budget is for results of aligntax bench and records of taxes, and this is "
            f"{measured.schema}"
        )
    for limit in budget.limits:
        _require_known(limit, measured, budget)
    limits = [_in_its_unit(limit, measured, budget) for limit in budget.limits]
    judgements = tuple(_judgement(limit, measured, budget, compared) for limit in limits)
    return Judged(measured, budget, judgements, compared, cannot_tell)


def _require_known(limit: Limit, measured: Measured, budget: Budget) -> None:
    """Raise if a limit names something that the result should have, and has not; it may be misspelt."""
    section, _, name = limit.where.partition(".")
    if not name or SECTIONS[section].names is not None:
        return
    known = _names((*measured.metrics, *measured.refused), section)
    if SECTIONS[section].own and not known:
        return  # this kind of tax is in another file
    if name not in known:
        have = ", ".join(known) or "none at all"
        raise ValueError(
            f"{budget.path}: [{limit.where}] limits what {measured.path} does not have; its {section} are {have}"
        )


def _names(keys: Iterable[str], section: str) -> list[str]:
    parts = (key.partition(".")[2].rpartition(".")[0] for key in keys if key.startswith(f"{section}."))
    return list(dict.fromkeys(part for part in parts if part))


def _in_its_unit(limit: Limit, measured: Measured, budget: Budget) -> Limit:
    """Return the limit as one of what it limits, which says in what unit that is, and whether it is a state."""
    metric = measured.metrics.get(limit.metric)
    try:
        return limit if metric is None else limit.of_metric(metric)
    except ValueError as error:
        raise ValueError(f"{budget.path}: {error}") from error


def _judgement(limit: Limit, measured: Measured, budget: Budget, compared: Compared | None) -> Judgement:
    if limit.regression:
        found, reason = _change(limit, compared)
    else:
        metric = measured.metrics.get(limit.metric)
        found = None if metric is None else metric.estimate
        reason = _why_missing(limit.metric, measured) if found is None else ""
    if found is None:
        return Judgement(limit, None, Standing.CANNOT_TELL, reason)
    if found.low is None or found.high is None:
        if limit.few and budget.judge_single_values:
            standing = Standing.FAILED if found.value > limit.maximum else Standing.PASSED
            return Judgement(limit, found, standing, "judged by its value, without an interval")
        mend = "judge_single_values = true goes by the value" if limit.few else limit.section.mend
        lacking = "it has no interval" if limit.section.own else "n too small for an interval"  # a count never has one
        return Judgement(limit, found, Standing.CANNOT_TELL, f"{lacking}; {mend}")
    standing = by_interval(found, limit.maximum)
    if standing is Standing.CANNOT_TELL:
        reason = f"the limit lies within the interval; {limit.section.mend}"
    return Judgement(limit, found, standing, reason)


def _why_missing(key: str, measured: Measured) -> str:
    """Return why there is no such figure; a headline was refused under the figure's own name."""
    metric = measured.metrics.get(key)
    own = None if metric is None else metric.same_as
    return measured.refused.get(key) or measured.refused.get(own or key, "not measured")


def _change(limit: Limit, compared: Compared | None) -> tuple[Estimate | None, str]:
    if compared is None:
        return None, "no base; pass --base FILE"
    row = compared.row(limit.metric)
    if row is None:
        return None, "not measured"
    return row.change, row.note or ("" if row.change else "no share of a request can be had")
