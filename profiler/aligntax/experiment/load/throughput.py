"""The throughput tax: how much less often a second guarded requests can come, until an objective is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.load.arrivals import Arrivals
from aligntax.experiment.load.bounds import Bounds
from aligntax.experiment.load.capacity import Search, throughput_tax
from aligntax.experiment.load.driver import Counts
from aligntax.experiment.load.objective import Objective
from aligntax.experiment.load.plan import Plan, Progress, SearchPlan
from aligntax.experiment.load.records import Call
from aligntax.experiment.load.turns import Turns
from aligntax.inference import Estimate

__all__ = ["search_rates"]

WARM_UP = 0.1
"""Share of a trial's requests that is sent before those that count."""
HOPELESS = 8.0
"""How many times the odds of a miss that an objective allows end a trial early: 7.5 % of misses for a p99, 47 % for a
p90. It cannot be kept any more; and a line that only grows is one long burst, whose interval says little."""
MIN_MISSES = 30
MAX_TRIALS = 40
"""Of one arm. Doubling over six octaves and bisecting to 0.1 % takes fewer."""


class _Trial(NamedTuple):
    rate: float
    n: int
    quantile: Estimate | None
    late_seconds: float | None
    kept: bool | None
    ended: str

    def to_dict(self) -> dict[str, Any]:
        finite = self.quantile is not None and all(end is None or abs(end) < float("inf") for end in self.quantile)
        quantile = self.quantile.to_dict() if self.quantile is not None and finite else None
        return {
            "rate": self.rate,
            "n": self.n,
            "seconds": quantile,
            "dispatch_delay": self.late_seconds,
            "kept": self.kept,
            "ended": self.ended,
        }


async def search_rates(
    turns: Turns,
    names: Sequence[str],
    plan: Plan,
    search: SearchPlan,
    sent: Mapping[str, int],
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Search the highest rate of each arm that keeps an objective, one trial of each arm in turns.

    Args:
        turns: that put arms under load.
        names: of the arms; where there are `raw` and `guarded`, the tax is theirs.
        plan: of the load.
        search: what to search.
        sent: how many requests each arm was sent before.
        on_progress: told how far it has come.

    Returns:
        The part `throughput_tax` of a result, and warnings.
    """
    least, most = plan.rates
    searches = {name: Search(plan.arrivals.rate, least=least, most=most, tolerance=search.tolerance) for name in names}
    trials: dict[str, list[_Trial]] = {name: [] for name in names}
    bounds = Bounds(plan, search, sent, turns.clock)
    warnings: list[str] = []
    stopped = "done"
    turn = 0
    while stopped == "done":
        wanted = [(name, rate) for name in names if (rate := searches[name].next_rate()) is not None]
        due = [(name, rate) for name, rate in wanted if len(trials[name]) < MAX_TRIALS]
        if not due:
            if wanted:
                stopped = "trials"
                warnings.append(
                    f"load: the search for the highest rate ended early: it had {MAX_TRIALS} trials of an arm"
                )
            break
        for name, rate in due if turn % 2 == 0 else reversed(due):
            bound = bounds.beyond(name, rate, sum(_sizes(search, rate)))
            if bound is not None:
                stopped = bound
                warnings.append(bounds.told(bound))
                break

            def report(counts: Counts, name: str = name, rate: float = rate) -> None:
                if on_progress is not None:
                    on_progress(Progress("search", name, rate, counts, bounds.elapsed_seconds, search.budget_seconds))

            arrivals = Arrivals(plan.arrivals.kind, rate, plan.arrivals.seed)
            trial = await _try(turns, name, arrivals, search, bounds, report)
            if trial.ended == "stopped":
                stopped = "interrupted"
                break
            trials[name].append(trial)
            searches[name].tell(rate, trial.kept)
        turn += 1
    found = {name: each.bracket for name, each in searches.items()}
    tax = throughput_tax(found[RAW], found[GUARDED]) if {RAW, GUARDED} <= found.keys() else {}
    warnings += [warning for name in names for warning in _bounded_here(name, trials[name], search)]
    part = {
        "objective": str(search.objective),
        "requests": search.least_requests,
        "tolerance": search.tolerance,
        "budget_seconds": search.budget_seconds,
        "stopped": stopped,
        **tax,
        "arms": {
            name: {
                "rate": bracket.to_dict(),
                "highest_kept": bracket.kept,
                "lowest_failed": bracket.failed,
                "trials": [trial.to_dict() for trial in trials[name]],
            }
            for name, bracket in found.items()
        },
    }
    return part, warnings


def _sizes(search: SearchPlan, rate: float) -> tuple[int, int]:
    """Return how many requests of a window count, and how many are sent before these."""
    counted = search.requests_at(rate)
    return counted, round(counted * WARM_UP)


async def _try(
    turns: Turns,
    name: str,
    arrivals: Arrivals,
    search: SearchPlan,
    bounds: Bounds,
    report: Callable[[Counts], None],
) -> _Trial:
    """Find out whether an arm keeps the objective at a rate.

    A trial that cannot tell goes on only if it could, should as many more requests as it may have be like those that it
    had: one that lies on the objective tells nothing however long it takes, and time is better spent beside it. In
    150 searches each of simulated queues M/M/1 and M/D/1 by p99 that took a fifth to a quarter of the time away, and as
    many ended above the capacity, with brackets as wide.
    """
    objective = search.objective
    counted, warm_up = _sizes(search, arrivals.rate)
    calls: list[Call] = []
    quantile: Estimate | None = None
    kept: bool | None = None
    ended = "done"
    for number in range(1 + search.extensions):
        if number and bounds.beyond(name, arrivals.rate, counted + warm_up):
            break
        window = await turns.window(
            name,
            arrivals,
            number=number,
            first=number * (counted + warm_up),
            count=counted + warm_up,
            give_up=_Hopeless(objective, counted, warm_up),
            on_progress=report,
        )
        bounds.add(name, len(window.calls))
        calls += [call for call in window.calls if call.number >= warm_up]
        quantile, kept = objective.reached(calls)
        ended = window.ended
        if ended == "given up":
            kept = False
        if ended != "done" or kept is not None:
            break
        if objective.reached(calls, times=(1 + search.extensions) / (1 + number))[1] is None:
            break
    delays = [call.dispatch_ns / 1e9 for call in calls if call.dispatch_ns is not None]
    late = float(np.quantile(delays, objective.q)) if delays else None
    return _Trial(arrivals.rate, len(calls), quantile, late, kept, ended)


def _bounded_here(name: str, trials: Sequence[_Trial], search: SearchPlan) -> Iterator[str]:
    """Warn where a rate was missed because requests went out late."""
    failed = [trial for trial in trials if trial.kept is False]
    lowest = min(failed, key=lambda trial: trial.rate, default=None)
    if lowest is not None and (lowest.late_seconds or 0.0) > search.objective.limit_seconds / 2:
        yield (
            f"load, {name}: at {lowest.rate:.4g} requests a second they went out {lowest.late_seconds:.3g} s late: "
            "what sends them may be what bounds the rate, and not what answers; or the target has too few threads, or "
            "holds up its event loop"
        )


class _Hopeless:
    """Tells when so many requests have missed an objective that the rest of a trial cannot mend it."""

    def __init__(self, objective: Objective, counted: int, warm_up: int) -> None:
        self._objective = objective
        self._warm_up = warm_up
        odds = HOPELESS * (1 - objective.q) / objective.q
        self._most = max(MIN_MISSES, odds / (1 + odds) * counted)
        self._misses = 0

    def __call__(self, call: Call) -> bool:
        self._misses += call.number >= self._warm_up and self._objective.is_missed(call)
        return self._misses > self._most
