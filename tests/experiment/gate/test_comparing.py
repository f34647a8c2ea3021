"""Two results side by side: verdicts, what decides, what is refused, and how rarely it cries wolf."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiment.results import make_result

from aligntax.experiment.gate import Measured, compare_measured, read_measured
from aligntax.experiment.gate.comparing import Compared, Row
from aligntax.experiment.gate.measured import Unit
from aligntax.experiment.gate.words import notes
from aligntax.inference import Verdict, compare

from .simulated import simulated

Save = Callable[..., Path]
Read = Callable[..., Measured]


def test_a_slower_guard_is_a_regression_and_the_other_one_is_not(measured: Read) -> None:
    found = compare_measured(measured(1), measured(2, slowdown=1.05))
    assert found.verdict is Verdict.REGRESSION
    verdicts = {row.key: row.verdict for row in found.rows}
    assert verdicts["guards.toxicity.absolute"] is Verdict.REGRESSION
    assert verdicts["guards.pii.absolute"] is Verdict.UNCHANGED
    assert verdicts["latency.raw"] is Verdict.UNCHANGED
    deciding = found.row("tax.relative")
    assert deciding is not None
    assert deciding.change is not None
    assert deciding.change.low is not None
    assert deciding.change.high is not None
    assert deciding.change.low < 0.05 < deciding.change.high + 0.01


def test_a_faster_guard_is_an_improvement(measured: Read) -> None:
    assert compare_measured(measured(2, slowdown=1.05), measured(1)).verdict is Verdict.IMPROVEMENT


def test_equal_runs_are_unchanged_within_the_margin(measured: Read) -> None:
    assert compare_measured(measured(1), measured(2)).verdict is Verdict.UNCHANGED


@pytest.mark.parametrize("n", [1, 2, 5])
def test_too_few_samples_cannot_tell(measured: Read, n: int) -> None:
    found = compare_measured(measured(1, n), measured(2, n, slowdown=1.05))
    assert found.verdict is Verdict.CANNOT_TELL


def test_a_machine_that_is_slower_as_a_whole_is_no_regression_of_the_guards(save: Save) -> None:
    """Everything takes 30 % more, raw and guards alike: the absolute figures move, and what decides does not."""
    base, new = simulated(1), simulated(2)
    slow = make_result(
        *(1.3 * np.asarray(new["samples"]["seconds"][arm]) for arm in ("raw", "guarded")),
        shares={name: 1.3 * np.asarray(values) for name, values in new["samples"]["shares_seconds"].items()},
        stages={"toxicity": "output"},
    )
    found = compare_measured(read_measured(save("base.json", base)), read_measured(save("new.json", slow)))
    assert found.verdict is Verdict.UNCHANGED
    verdicts = {row.key: row.verdict for row in found.rows}
    assert verdicts["latency.guarded"] is verdicts["latency.raw"] is Verdict.REGRESSION


def test_a_metric_of_one_file_only_is_shown_and_not_judged(save: Save) -> None:
    raw = np.full(30, 0.1)
    base = make_result(raw, raw + 0.01)
    new = make_result(raw, raw + 0.01, cpu_seconds={"raw": raw, "guarded": raw + 0.01})
    found = compare_measured(read_measured(save("base.json", base)), read_measured(save("new.json", new)))
    row = found.row("cpu.absolute")
    assert row is not None
    assert (row.verdict, row.note) == (Verdict.CANNOT_TELL, "not in the base")
    assert found.verdict is Verdict.UNCHANGED


def test_guards_that_add_nothing_and_a_bonus_can_be_compared(save: Save) -> None:
    """The tax is 0, or negative, and the shares are 0: no ratio of them exists, and none is needed."""
    draw = np.random.default_rng(0)
    raw = 0.1 * draw.lognormal(0, 0.01, 100)
    flat = make_result(raw, raw, shares={"pii": np.zeros(100)})
    bonus = make_result(raw, raw * 0.9, shares={"pii": np.zeros(100)})
    paths = [save(name, result) for name, result in (("flat.json", flat), ("bonus.json", bonus))]
    found = compare_measured(*map(read_measured, paths))
    assert found.verdict is Verdict.IMPROVEMENT
    assert compare_measured(*map(read_measured, reversed(paths))).verdict is Verdict.REGRESSION
    row = found.row("guards.pii.absolute")
    assert row is not None
    assert row.verdict is Verdict.UNCHANGED
    json.dumps(found.to_dict(), allow_nan=False)


def test_results_that_differ_in_what_should_agree_are_refused_unless_forced(save: Save) -> None:
    base = read_measured(save("base.json", simulated(1, 60)))
    other = {"cores": 8, "versions": {"torch": "2.14.0"}}
    new = read_measured(save("new.json", simulated(2, 60, environment=other, design={"prompts": {"sha256": "00"}})))
    with pytest.raises(ValueError, match=r"should not be compared: prompts: .*; cores: 2 in the base, 8 .*; version"):
        compare_measured(base, new)
    found = compare_measured(base, new, force=True)
    assert found.forced
    assert len(found.differences) == 3
    assert {row.sampling for row in found.rows if row.found} == {"independent"}
    data = found.to_dict()
    assert data["forced"] is True
    assert len(data["differences"]) == 3


@pytest.mark.parametrize("guards", [1, 2])
def test_a_stage_that_got_or_lost_a_guard_is_compared_on_its_own(save: Save, guards: int) -> None:
    """Where it has one guard in one file and two in the other, it is more than that guard."""
    raw = 0.1 * np.random.default_rng(1).lognormal(0, 0.01, 60)
    shares = {"pii": np.full(60, 0.01), "late": np.full(60, 0.02)}

    def result(count: int) -> Measured:
        chosen = dict([*shares.items()][:count])
        return read_measured(save(f"{count}.json", make_result(raw, raw + sum(chosen.values()), shares=chosen)))

    found = compare_measured(result(guards), result(3 - guards), force=True)
    stage, guard = found.row("stages.input.absolute"), found.row("guards.pii.absolute")
    assert stage is not None
    assert guard is not None
    assert stage.verdict is (Verdict.REGRESSION if guards == 1 else Verdict.IMPROVEMENT)
    assert guard.verdict is Verdict.UNCHANGED


def test_a_forced_comparison_of_like_results_is_not_marked(measured: Read) -> None:
    assert not compare_measured(measured(1), measured(2), force=True).forced


def test_the_comparison_is_plain_data(measured: Read) -> None:
    data = json.loads(json.dumps(compare_measured(measured(1), measured(2), margin=0.03, alpha=0.1).to_dict()))
    assert data["schema"] == "aligntax.comparison/1"
    assert (data["margin"], data["alpha"], data["deciding"]) == (0.03, 0.1, "tax.relative")
    row = data["metrics"][0]
    assert row["metric"] == "tax.relative"
    assert set(row["effect"]) == set(row["change"]) == {"value", "low", "high"}
    assert 0 < row["p"] <= 1
    assert row["verdict"] == "unchanged within margin"


@pytest.mark.parametrize(("settings", "message"), [({"margin": 0.0}, "margin"), ({"alpha": 2.0}, "alpha")])
def test_settings_out_of_range_are_refused(measured: Read, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_measured(measured(1, 20), measured(2, 20), **settings)


def test_false_alarms_are_rare(save: Save) -> None:
    """Of 200 pairs of files from the same code at most 7 % have any metric called a difference, at 5 % over all."""
    alarms = 0
    for seed in range(200):
        base, new = (
            read_measured(save(f"{arm}.json", simulated(2 * seed + place, 60, prompts=15)))
            for place, arm in enumerate(("base", "new"))
        )
        found = compare_measured(base, new, margin=0.001)  # so small that nothing is called unchanged
        alarms += any(row.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) for row in found.rows)
    assert alarms / 200 <= 0.07


@pytest.mark.parametrize("prompts", [20, 4])
def test_a_slowdown_of_five_per_cent_is_found(measured: Read, prompts: int) -> None:
    """In at least 9 of 10 pairs of files with 400 pairs of requests, 3 % noise in each arm."""
    found = [
        compare_measured(
            measured(1000 + seed, prompts=prompts), measured(2000 + seed, prompts=prompts, slowdown=1.05)
        ).verdict
        for seed in range(10)
    ]
    assert found.count(Verdict.REGRESSION) >= 9


def test_a_verdict_beside_an_interval_that_holds_0_is_explained(measured: Read) -> None:
    """Some requests got slower and none faster: ranks tell that for sure, and the median does not move."""
    base = np.full(100, 0.010)
    file = measured(1, 20)

    def said(new: Any) -> str:
        row = Row("tax.absolute", "tax", Unit.SECONDS, None, None, compare(base, new, paired=True))
        assert row.verdict is Verdict.REGRESSION
        return " ".join(notes(Compared(file, file, 0.02, 0.05, (), (row,))))

    told = "Verdicts go by the test on ranks"
    assert told in said(np.where(np.arange(100) < 40, 0.011, 0.010))
    assert told not in said(base + 0.001)
