"""How well what-if predictions on the demo's pipeline are met when the change is made for real."""

from __future__ import annotations

import tempfile
from pathlib import Path

import result
import whatif_target
from measure import Estimate
from result import Result, Row

from aligntax.experiment.bench import bench
from aligntax.experiment.paired import Design
from aligntax.experiment.whatif import Recorded, Verification, predict, read_traces, verify_target

PAIRS, QUICK_PAIRS = 200, 20
BUDGET_SECONDS = 60.0
WITHIN_PERCENT = 5.0


def run(quick: bool) -> Result:
    """Record, predict each case from the record, and measure it."""
    design = Design(width=1e-6, budget_seconds=BUDGET_SECONDS, max_pairs=QUICK_PAIRS if quick else PAIRS)
    rows = []
    for case, (name, changes) in whatif_target.CASES.items():
        target = f"{whatif_target.__name__}:{name}"
        recorded = _recorded(target, design)  # just before, because a machine is faster at one time than at another
        prediction = predict(recorded.traces, changes, residual=recorded.residual)
        rows += _rows(case, verify_target(prediction, target, None, design, lambda *_: True))
    return Result(rows, True)


def _recorded(target: str, design: Design) -> Recorded:
    with tempfile.TemporaryDirectory(prefix="aligntax-whatif-") as folder:
        path = Path(folder) / "result.json"
        bench(target, design=design, cold=False, progress=lambda *_: True).save(path)
        return read_traces(path)


def _rows(case: str, found: Verification) -> list[Row]:
    """Return by how much the predicted median of a request, and of the tax, was off."""
    said = {"request": found.request["p50"], "tax": found.tax["p50"]}
    rows = []
    for what, beside in said.items():
        predicted, measured = beside
        ends = [predicted.value / end - 1 for end in (measured.low, measured.high) if end]
        off = predicted.value / measured.value - 1
        straddles = len(ends) == 2 and min(ends) < 0 < max(ends)
        interval = (0.0 if straddles else min(map(abs, ends)), max(map(abs, ends))) if len(ends) == 2 else None
        rows.append(
            result.limited(
                f"{case}: {what}, p50",
                Estimate(abs(off) * 100, None if interval is None else (interval[0] * 100, interval[1] * 100)),
                WITHIN_PERCENT,
                "%",
                0.1,
                predicted_ms=predicted.value * 1e3,
                measured_ms=measured.value * 1e3,
                pairs=found.n,
            )
        )
    return rows
