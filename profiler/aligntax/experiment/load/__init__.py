"""Load: requests that come when they come, whatever becomes of the others, and what guards cost then.

The part `load` of a result, times in seconds, rates in requests a second. E stands for {"value", "low", "high"}, the
ends null where n is too small; D for {"n", "mean", "p50": E, "p90": E, "p95": E, "p99": E}, or {"n": 0}::

    {"engine": "aligntax",                       # or the program whose results were read
     "arrivals": {"kind": "poisson" | "constant", "rate", "seed"},
     "windows", "window_seconds", "warm_up_seconds", "limits": {"in_flight", "timeout_seconds", "requests"},
     "slo": {"seconds", "first_chunk_seconds"},  # if one was given
     "stopped": "done" | "interrupted" | "stuck",
     "arms": {arm: {
         "rate", "offered_rate", "throughput",   # asked for; due; answered within the windows
         "seconds", "n", "warm_up", "dropped", "outcomes": {name: int}, "errors": {kind: int},
         "latency": {"scheduled": D, "service": D, "dispatch_delay": D,          # always
                     "first_chunk": D, "first_chunk_service": D, "inter_chunk": D, "longest_gap": D,     # streams
                     "time_per_output_token": D},                                # where the server counts tokens
         "blocked_latency": {...},               # the same, of blocked requests, if there were any
         "within_slo": E, "goodput": E}},        # with a service level
     "tax": {measure: {"seconds": E, "mean_seconds": E, "relative": E, "n"}},    # of scheduled, service, first_chunk
     "differences_of_quantiles": {measure: {"p50", "p90", "p95", "p99"}},
     "throughput_tax": {                         # if one was searched
         "objective": "p99<=500ms", "requests", "tolerance", "budget_seconds",
         "stopped": "done" | "budget" | "requests" | "trials" | "interrupted",
         "absolute": E | null, "relative": E | null,      # null where a bracket is open
         "arms": {arm: {"rate": E | null, "highest_kept", "lowest_failed",
                        "trials": [{"rate", "n", "seconds": E | null, "dispatch_delay", "kept": true | false | null,
                                    "ended": "done" | "given up"}]}}},      # kept null: cannot tell
     "samples": {"window": [], "intended_seconds": [], "scheduled_seconds": {arm: []}, "service_seconds": {arm: []},
                 "outcomes": {arm: []}},         # index for index the same request in every arm; null: not sent
     "formulas": {figure: text}, "warnings": [text]}

Intervals of quantiles allow for answers that were slow together; see `quantiles`. The interval of a throughput tax is
that of the brackets. Arms that another program measured have what that program says, and `program`; see `foreign`.
"""

from __future__ import annotations

from aligntax.experiment.load.arrivals import Arrivals, constant, poisson
from aligntax.experiment.load.driver import Limits, Window, drive
from aligntax.experiment.load.in_process import InProcess
from aligntax.experiment.load.objective import Objective, Slo
from aligntax.experiment.load.plan import Plan, Progress, SearchPlan
from aligntax.experiment.load.records import Arm, Call, Reply, Target, Timing
from aligntax.experiment.load.run import load, run_load

__all__ = [
    "Arm",
    "Arrivals",
    "Call",
    "InProcess",
    "Limits",
    "Objective",
    "Plan",
    "Progress",
    "Reply",
    "SearchPlan",
    "Slo",
    "Target",
    "Timing",
    "Window",
    "constant",
    "drive",
    "load",
    "poisson",
    "run_load",
]
