"""What a scenario would do to the tax: every recorded request replayed with it, and the two set side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aligntax.attribution import attribute
from aligntax.experiment.whatif.changes import Change, Drop, Parallel, Reorder
from aligntax.experiment.whatif.contrast import (
    Contrast,
    Seconds,
    contrast_of_means,
    contrast_of_quantiles,
    widened,
)
from aligntax.experiment.whatif.pieces import Work, take_apart
from aligntax.experiment.whatif.scenario import Scenario
from aligntax.inference import Estimate, mean, relative_difference
from aligntax.report.experiment.wording import counted
from aligntax.tax import NANO
from aligntax.trace import Outcome, Trace, Verdict

__all__ = ["SCHEMA", "Blocked", "Prediction", "predict"]

SCHEMA = "aligntax.whatif/1"
MAX_TRACES = 100_000
_BLOCKED = (Outcome.BLOCKED_INPUT, Outcome.BLOCKED_OUTPUT)


@dataclass(frozen=True, slots=True)
class Blocked:
    """What a scenario does to the requests that a guard blocked; they have no tax.

    Attributes:
        n: how many are blocked before and after.
        let_through: how many are not blocked any more, because their guard is left out; nobody knows how they go on.
        seconds: mean time to the block, of the n; None where n is 0.
    """

    n: int
    let_through: int
    seconds: Contrast | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        mean_seconds = dict.fromkeys(Contrast._fields) if self.seconds is None else self.seconds.to_dict()
        return {"n": self.n, "let_through": self.let_through, "mean_seconds": mean_seconds}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a scenario would do.

    Attributes:
        scenario: the changes.
        read: how many requests were looked at.
        comparable: how many of them ran to their end; tax and request cover these.
        left_out: how many failed or were given up; no figure covers these.
        tax: the tax of a request by `mean`, `p50` and `p99`, in seconds.
        relative: tax over raw time before and after, from the ratio of the means; None where the raw time is 0.
        raw: mean raw time in seconds, which no change of guards touches.
        residual: contention that the tax includes, in seconds; None where it was not measured.
        request: duration of a request by `mean`, `p50` and `p99`, in seconds.
        blocked: of the blocked requests; None where there are none.
        warnings: what the figures do not tell.
    """

    scenario: Scenario
    read: int
    comparable: int
    left_out: int
    tax: Mapping[str, Contrast]
    relative: tuple[Estimate, Estimate] | None
    raw: Estimate
    residual: Estimate | None
    request: Mapping[str, Contrast]
    blocked: Blocked | None
    warnings: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, schema `aligntax.whatif/1`.

        `schema`, `scenario` (in words), `changes[] {change, guard, factor | order}`; `traces {read, comparable,
        blocked, left_out}`; `tax {mean_seconds, p50_seconds, p99_seconds}`, each `{before, after, difference}` of
        `{value, low, high}`, `relative {before, after}` or null, and `residual_seconds` or null; `request {raw_seconds,
        mean_seconds, p50_seconds, p99_seconds}`; `blocked {n, let_through, mean_seconds}` or null; `verification` (see
        `Verification.to_dict`) or null; `warnings`. Low and high are null where n is too small.
        """
        relative = None
        if self.relative is not None:
            relative = dict(zip(("before", "after"), (each.to_dict() for each in self.relative), strict=True))
        blocked = self.blocked
        return {
            "schema": SCHEMA,
            "scenario": str(self.scenario),
            "changes": [change.to_dict() for change in self.scenario.changes],
            "traces": {
                "read": self.read,
                "comparable": self.comparable,
                "blocked": 0 if blocked is None else blocked.n + blocked.let_through,
                "left_out": self.left_out,
            },
            "tax": {
                **_seconds(self.tax),
                "relative": relative,
                "residual_seconds": None if self.residual is None else self.residual.to_dict(),
            },
            "request": {"raw_seconds": self.raw.to_dict(), **_seconds(self.request)},
            "blocked": None if blocked is None else blocked.to_dict(),
            "verification": None,
            "warnings": list(self.warnings),
        }


def predict(
    traces: Sequence[Trace], changes: Iterable[Change], *, residual: Estimate | None = None, seed: int = 0
) -> Prediction:
    """Predict what changes of guards would do to the tax of recorded requests.

    Each request is replayed with the changes; the model and the application take the time that they took. By how much
    the guards slow the rest down, where that was measured, is taken to stay as it is while there is one of them; that
    they do so by more once they run beside it is not foreseen, so guards in parallel are best verified.

    Args:
        traces: recorded requests of one application, 1 to 100,000.
        changes: made together.
        residual: contention residual of the experiment that recorded them, in seconds: the model would have been so
            much faster without guards. The ends of its interval are added to those of the tax.
        seed: of the bootstrap.

    Raises:
        ValueError: for no or too many traces, none that ran to its end, a guard that is not in them, changes that
            contradict each other, and guards that cannot be moved.
    """
    scenario = Scenario(tuple(changes))
    if not 1 <= len(traces) <= MAX_TRACES:
        raise ValueError(f"{len(traces):,} traces; pass 1 to {MAX_TRACES:,} recorded requests")
    works = [take_apart(trace) for trace in traces]
    scenario.check(works)
    observed = scenario.observe(works)
    rows = []  # raw, before, after
    blocks = []  # before, after
    let_through = 0
    guarded = False  # whether any guard is left
    for work in works:
        outcome = work.trace.outcome
        if not (outcome.comparable or outcome in _BLOCKED):
            continue
        new = scenario.apply(work, observed)
        if new is None:
            let_through += 1
            continue
        before_ns, after_ns = work.trace.duration_ns, new.end_ns - work.trace.start_ns
        if outcome.comparable:
            guarded = guarded or bool(new.guards)
            rows.append((attribute(work.trace).raw_ns, before_ns, after_ns))
        else:
            blocks.append((before_ns, after_ns))
    if not rows:
        raise ValueError(
            f"none of {len(traces):,} requests ran to its end, so none has a tax; record requests that the guards allow"
        )
    raw, before, after = np.array(rows, dtype=np.float64).T / NANO
    if residual is not None:
        raw = raw - residual.value
    stays, goes = (residual, None) if guarded else (None, residual)
    if not guarded:
        after = raw  # without guards there is none that could slow anything down
    tax_before, tax_after = before - raw, after - raw
    relative = None
    if raw.mean() > 0:
        relative = (_relative(raw, before, residual), _relative(raw, after, stays))
    blocked = None
    if blocks or let_through:
        seconds = contrast_of_means(*(np.array(blocks, dtype=np.float64).T / NANO)) if blocks else None
        blocked = Blocked(len(blocks), let_through, seconds)
    return Prediction(
        scenario,
        len(traces),
        len(rows),
        len(traces) - len(rows) - len(blocks) - let_through,
        {
            name: Contrast(
                widened(contrast.before, residual),
                widened(contrast.after, stays),
                widened(contrast.difference, goes, -1.0),
            )
            for name, contrast in (
                ("mean", contrast_of_means(tax_before, tax_after)),
                ("p50", contrast_of_quantiles(tax_before, tax_after, 0.50, seed)),
                ("p99", contrast_of_quantiles(tax_before, tax_after, 0.99, seed)),
            )
        },
        relative,
        widened(mean(raw), residual, -1.0),
        residual,
        {
            name: Contrast(
                contrast.before,
                widened(contrast.after, goes, -1.0),
                widened(contrast.difference, goes, -1.0),
            )
            for name, contrast in (
                ("mean", contrast_of_means(before, after)),
                ("p50", contrast_of_quantiles(before, after, 0.50, seed)),
                ("p99", contrast_of_quantiles(before, after, 0.99, seed)),
            )
        },
        blocked,
        list(_warnings(scenario, works)),
    )


def _relative(raw: Seconds, guarded: Seconds, residual: Estimate | None) -> Estimate:
    relative = relative_difference(raw, guarded, paired=True)
    return widened(relative, residual, float(guarded.mean() / raw.mean() ** 2))  # raw is in both, to first order


def _seconds(figures: Mapping[str, Contrast]) -> dict[str, Any]:
    return {f"{name}_seconds": contrast.to_dict() for name, contrast in figures.items()}


def _warnings(scenario: Scenario, works: Sequence[Work]) -> Iterator[str]:
    """Yield what a change does beyond its time."""

    def saying(guard: str, verdict: Verdict) -> int:
        return sum(work.says(guard, verdict) for work in works)

    requests = f"of {counted(len(works), 'request')}"
    for change in scenario.changes:
        if isinstance(change, (Drop, Parallel)):
            modified, blocked = (saying(change.guard, verdict) for verdict in (Verdict.MODIFY, Verdict.BLOCK))
            if isinstance(change, Drop):
                if modified or blocked:
                    yield (
                        f"without {change.guard}, {counted(blocked, 'request')} that it blocked and {modified:,} that "
                        f"it modified pass as they are ({requests})"
                    )
                continue
            if modified:
                yield f"{change.guard} modified {modified:,} {requests}; what runs beside it would not see its changes"
            if blocked:
                yield f"{change.guard} blocked {blocked:,} {requests}; what runs beside it would be started in vain"
            yield f"{change.guard} beside other work is taken to slow nothing down; verify it where it is to run"
        elif isinstance(change, Reorder):
            for guard in change.order:
                modified = saying(guard, Verdict.MODIFY)
                if modified:
                    yield f"{guard} modified {modified:,} {requests}; guards that move across it would see other texts"
            if any(work.trace.outcome in _BLOCKED for work in works):
                yield (
                    "where a block had kept a guard from running that now comes first, it is taken to let the request "
                    "pass, in its mean time"
                )
