"""Whether `aligntax gate` fails a build on a slowdown of 5 %, and passes one without, on a real clock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import result
from measure import Estimate
from result import Result, Row

from aligntax import Profiler
from aligntax.experiment.bench import measure
from aligntax.experiment.gate import compare_measured, judge, read_budget, read_measured
from aligntax.experiment.gate.comparing import MARGIN
from aligntax.experiment.gate.judging import Standing
from aligntax.experiment.paired import Design
from aligntax.inference import wilson
from aligntax.testing import spinning

MODEL_SECONDS, GUARD_SECONDS = 0.010, 0.001
SLOWDOWN = 0.05
"""Of a guarded request, all of it in the guard."""
BUILDS, QUICK_BUILDS = 75, 2
PAIRS = 100
BUDGET = '[tax]\nmax_regression = "2%"\n'
PROMPTS = [f"prompt {number}" for number in range(8)]


def run(quick: bool) -> Result:
    """Build after build: a base, the same again, and one whose guard is slower."""
    builds = QUICK_BUILDS if quick else BUILDS
    slower = GUARD_SECONDS + SLOWDOWN * (MODEL_SECONDS + GUARD_SECONDS)
    said: dict[str, list[Standing]] = {"unchanged": [], "slower": []}
    with tempfile.TemporaryDirectory(prefix="aligntax-gating-") as folder:
        path = Path(folder)
        (path / "budget.toml").write_text(BUDGET)
        for build in range(builds):
            base = _result(path / "base.json", GUARD_SECONDS, 3 * build)
            for number, (name, seconds) in enumerate((("unchanged", GUARD_SECONDS), ("slower", slower)), 1):
                said[name].append(_gated(path, base, _result(path / f"{name}.json", seconds, 3 * build + number)))
    rows = [
        _row("a slowdown of 5 % is not failed", said["slower"], lambda standing: standing is not Standing.FAILED, 10),
        _row("an unchanged build is failed", said["unchanged"], lambda standing: standing is Standing.FAILED, 5),
        _row(
            "an unchanged build is not passed", said["unchanged"], lambda standing: standing is not Standing.PASSED, 10
        ),
    ]
    counts = {name: {each.value: standings.count(each) for each in Standing} for name, standings in said.items()}
    return Result(rows, True, {"builds": builds, "pairs": PAIRS, "standings": counts})


def _result(path: Path, guard_seconds: float, seed: int) -> Path:
    with Profiler(drain_seconds=0) as profiler:
        guard = profiler.guard(spinning(guard_seconds), name="guard")
        model = profiler.model(spinning(MODEL_SECONDS), name="model")

        def pipeline(prompt: str) -> object:
            with profiler.request():
                return model(guard(prompt))

        pipeline.profiler = profiler  # type: ignore[attr-defined]
        design = Design(width=1e-6, max_pairs=PAIRS, budget_seconds=120, seed=seed)
        measure("spinning", pipeline, PROMPTS, design=design, progress=lambda *_: True).save(path)
    return path


def _gated(folder: Path, base: Path, new: Path) -> Standing:
    measured, budget = read_measured(new), read_budget(folder / "budget.toml")
    compared = compare_measured(read_measured(base), measured, margin=budget.margin or MARGIN)
    return judge(measured, budget, compared).standing


def _row(case: str, standings: list[Standing], wrong: Callable[[Standing], bool], limit_percent: float) -> Row:
    share, low, high = wilson(sum(map(wrong, standings)), len(standings))
    assert low is not None
    assert high is not None
    found = Estimate(100 * share, (100 * low, 100 * high))
    return result.limited(f"{case}, of {len(standings)} builds", found, limit_percent, "%", 1.0)
