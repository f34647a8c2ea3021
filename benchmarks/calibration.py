"""Measured tax and shares against the truth, for guards of known length in every position.

The truth is what the layers themselves noted while they ran (see `scenarios`), not how long they were told to take: a
sleep that overshoots is no error of the instrument. The profiler runs as in production, its drain thread included.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import measure
import numpy as np
from result import Result, Row
from scenarios import SCENARIOS, Amounts, Scenario, measured
from stage import RealTime, Stage

from aligntax import Profiler

UNIT_NS = 20_000
REQUESTS, QUICK_REQUESTS = 100, 10
WARM_UP = 3
RELATIVE, ABSOLUTE_NS = 0.01, 20_000
RESOLUTION_US = 0.001  # the clock's: a smaller error cannot be told from none


def run(quick: bool) -> Result:
    """Play every scenario again and again, in random order, and compare each request with its own truth."""
    seen: dict[str, list[tuple[Amounts, Amounts]]] = defaultdict(list)
    order = random.Random(0)
    outcomes_agree = True
    with RealTime() as passing:
        profilers = [Profiler() for _ in SCENARIOS]
        stages = [Stage(passing, UNIT_NS) for _ in SCENARIOS]
        plays = [
            scenario.prepare(stage, profiler)
            for scenario, stage, profiler in zip(SCENARIOS, stages, profilers, strict=True)
        ]
        rounds = WARM_UP + (QUICK_REQUESTS if quick else REQUESTS)
        for round_number in range(rounds):
            for index in order.sample(range(len(SCENARIOS)), len(SCENARIOS)):
                scenario, stage = SCENARIOS[index], stages[index]
                stage.clear()
                request = plays[index]()
                said, truth = measured(request), scenario.truth(stage)
                outcomes_agree &= request.outcome is scenario.outcome and said.keys() == truth.keys()
                if round_number >= WARM_UP:
                    seen[scenario.name].append((said, truth))
        for profiler in profilers:
            profiler.close()
    return Result(
        [_row(scenario, seen[scenario.name]) for scenario in SCENARIOS],
        outcomes_agree,
        {"unit_seconds": UNIT_NS / 1e9, "requests_per_scenario": rounds - WARM_UP},
    )


def allowed_ns(true_ns: float) -> float:
    """Return by how much a measured amount may differ from a true one."""
    return max(RELATIVE * true_ns, ABSOLUTE_NS)


def _row(scenario: Scenario, seen: Sequence[tuple[Amounts, Amounts]]) -> Row:
    errors_us = np.array([_worst_ns(said, truth) for said, truth in seen]) / 1e3
    taxes_us = np.array([truth["tax"] for _, truth in seen]) / 1e3
    p95 = measure.quantile(errors_us, 0.95)
    true_tax_us = float(np.median(taxes_us))
    limit_us = allowed_ns(true_tax_us * 1e3) / 1e3
    within = np.mean(
        [all(abs(said[name] - truth[name]) <= allowed_ns(truth[name]) for name in truth) for said, truth in seen]
    )
    return Row(
        scenario.name,
        p95.median,
        "1 % or 20 us, the larger",
        limit_us,
        "us",
        limit_us / max(p95.median, RESOLUTION_US),
        ours_interval=p95.interval,
        wanted=1.0,
        more={
            "requests": len(seen),
            "true_tax": true_tax_us,
            "median_error": float(np.median(errors_us)),
            "median_signed_tax_error": float(np.median([said["tax"] - truth["tax"] for said, truth in seen])) / 1e3,
            "median_percent": 100 * float(np.median(errors_us)) / true_tax_us if true_tax_us else None,
            "p95_percent": 100 * p95.median / true_tax_us if true_tax_us else None,
            "largest_error": float(errors_us.max()),
            "within_percent": 100 * float(within),
        },
    )


def _worst_ns(said: Mapping[str, float], truth: Mapping[str, float]) -> float:
    """Return the largest error in any amount of one request: its tax, a guard's share, discarded model time."""
    return max(abs(said[name] - truth[name]) for name in truth)
