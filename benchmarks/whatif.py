"""How well what-if predictions on the demo's pipeline are met when the change is made for real."""

from __future__ import annotations

from collections.abc import Sequence

import result
import whatif_target
from measure import Estimate
from result import Result, Row

from aligntax.experiment.analysis import analyse
from aligntax.experiment.arms import GUARDED, RAW
from aligntax.experiment.loading import load, prompts_for
from aligntax.experiment.paired import Design
from aligntax.experiment.seconds import answering, run_whole, seconds_of
from aligntax.experiment.target import prepare
from aligntax.experiment.whatif import Change, Scenario, Verification, predict, verify
from aligntax.experiment.whatif.variants import changing_of, variant
from aligntax.experiment.whatif.verification import CHANGED
from aligntax.inference import Estimate as Told

PAIRS, QUICK_PAIRS = 400, 20
BUDGET_SECONDS = 60.0
WITHIN_PERCENT = 5.0


def run(quick: bool) -> Result:
    """Measure each case beside the pipeline as it is, and predict it from what that one's traces say."""
    design = Design(width=1e-6, budget_seconds=BUDGET_SECONDS, max_pairs=QUICK_PAIRS if quick else PAIRS)
    rows = []
    for case, (name, changes) in whatif_target.CASES.items():
        rows += _rows(case, _measured(f"{whatif_target.__name__}:{name}", changes, design))
    return Result(rows, True)


def _measured(name: str, changes: Sequence[Change], design: Design) -> Verification:
    """Run both in turns: a machine is faster at one time than at another, by more than predictions are off."""

    def go_on(*_: object) -> bool:
        return True

    pipeline = load(name)
    target = prepare(name, pipeline, prompts_for(name, pipeline, None), progress=go_on)
    try:
        with target.whole_again(), variant(target, Scenario(tuple(changes)), changing_of(pipeline)) as changed:
            arms = {RAW: answering(target, frozenset(target.guards)), GUARDED: answering(target), CHANGED: changed}
            columns = run_whole(arms, target.prompts, design, go_on)
    finally:
        target.caller.close()
    traces = [each.trace for each in columns.measured[GUARDED] if each.trace is not None]
    residual = Told.from_dict(analyse(columns, target.guards)["contention"]["residual_seconds"])
    return verify(predict(traces, changes, residual=residual), name, arms, lambda _: seconds_of(columns))


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
