"""Results against budgets: what passes, what fails, and when it cannot be told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiment.results import make_result

from aligntax.experiment.gate import Judged, Measured, compare_measured, judge, read_budget, read_measured
from aligntax.experiment.gate.budget import Limit
from aligntax.experiment.gate.judging import Standing
from aligntax.experiment.gate.measured import Unit
from aligntax.experiment.gate.words import judged_sentence

from .simulated import simulated

Save = Callable[..., Path]
Read = Callable[..., Measured]
PASSED, FAILED, CANNOT_TELL = Standing.PASSED, Standing.FAILED, Standing.CANNOT_TELL


@pytest.fixture
def judged(save: Save) -> Callable[..., Judged]:
    """Holds a result against a budget that is given as text."""

    def judged(text: str, measured: Measured, base: Measured | None = None, **settings: Any) -> Judged:
        compared = None if base is None else compare_measured(base, measured)
        return judge(measured, read_budget(save("budget.toml", text)), compared, **settings)

    return judged


@pytest.mark.parametrize(
    ("low", "high", "standing"),
    [
        (0.001, 0.004, PASSED),
        (0.001, 0.005, PASSED),
        (0.004, 0.006, CANNOT_TELL),
        (0.005, 0.006, CANNOT_TELL),
        (0.0051, 0.006, FAILED),
        (-0.002, -0.001, PASSED),
        (None, None, CANNOT_TELL),
    ],
)
def test_the_whole_interval_decides(
    save: Save, judged: Callable[..., Judged], low: float | None, high: float | None, standing: Standing
) -> None:
    value = 0.0055 if low is None or high is None else (low + high) / 2
    result = simulated(1, 20, tax={"seconds": {"value": value, "low": low, "high": high}})
    found = judged('[tax]\nabsolute = "5 ms"', read_measured(save("r.json", result)))
    assert [each.standing for each in found.judgements] == [standing]
    assert found.standing is standing


LIMITS = [
    ("tax", "absolute", "8 ms", "4 ms"),
    ("tax", "relative", "15%", "2%"),
    ("latency", "guarded", "1 s", "1 ms"),
    ("guards.pii", "absolute", "4 ms", "1 ms"),
    ("guards.pii", "relative", "20%", "1%"),
    ("guards.toxicity", "absolute", "6 ms", "1 ms"),
    ("stages.input", "absolute", "4 ms", "1 ms"),
    ("stages.output", "relative", "20%", "1%"),
    ("cpu", "absolute", "40 ms", "1 ms"),
    ("cpu", "relative", "50%", "1%"),
    ("memory", "absolute", "64 MiB", "1 kB"),
]


@pytest.mark.parametrize(("section", "key", "kept", "broken"), LIMITS)
def test_each_kind_of_limit_can_be_kept_and_broken(
    measured: Read, judged: Callable[..., Judged], section: str, key: str, kept: str, broken: str
) -> None:
    result = measured(1)
    for limit, standing in ((kept, PASSED), (broken, FAILED)):
        found = judged(f'[{section}]\n{key} = "{limit}"', result)
        assert found.standing is standing, found.judgements


def test_a_slowdown_fails_and_equal_runs_pass(measured: Read, judged: Callable[..., Judged]) -> None:
    """5 % with 400 pairs and 3 % noise, against 2 % that are allowed; each in at least 9 of 10 pairs of files."""
    slow, alike = [], []
    for seed in range(10):
        base = measured(3000 + seed)
        for found, slowdown in ((slow, 1.05), (alike, 1.0)):
            new = measured(4000 + seed, slowdown=slowdown)
            found.append(judged('[tax]\nmax_regression = "2%"', new, base).standing)
    assert slow.count(FAILED) >= 8
    assert PASSED not in slow
    assert alike.count(PASSED) >= 9
    assert FAILED not in alike


@pytest.mark.parametrize("n", [1, 3, 5])
def test_too_few_samples_cannot_tell(measured: Read, judged: Callable[..., Judged], n: int) -> None:
    text = '[tax]\nabsolute = "8 ms"\nmax_regression = "2%"'
    found = judged(text, measured(2, n, slowdown=1.05), measured(1, n))
    assert [each.standing for each in found.judgements] == [CANNOT_TELL, CANNOT_TELL]
    assert "n too small for an interval" in found.judgements[0].reason


def test_a_regression_of_a_guard_is_told_from_that_of_another(measured: Read, judged: Callable[..., Judged]) -> None:
    text = "".join(f'[{name}]\nmax_regression = "1%"\n' for name in ("guards.pii", "guards.toxicity", "stages.output"))
    found = judged(text, measured(2, slowdown=1.05), measured(1))
    assert [each.standing for each in found.judgements] == [PASSED, FAILED, FAILED]


def test_a_limit_on_regressions_needs_a_base(measured: Read, judged: Callable[..., Judged]) -> None:
    found = judged('[tax]\nmax_regression = "2%"', measured(1))
    assert (found.standing, found.judgements[0].reason) == (CANNOT_TELL, "no base; pass --base FILE")


def test_what_was_not_measured_cannot_be_told(save: Save, judged: Callable[..., Judged]) -> None:
    raw = np.full(20, 0.1)
    text = '[cpu]\nabsolute = "1 ms"\nmax_regression = "2%"\n[gpu]\nabsolute = "1 ms"\n[stages.stream]\nrelative = 0.1'
    measured = read_measured(save("r.json", make_result(raw, raw + 0.01)))
    found = judged(text, measured, measured)
    assert {(each.standing, each.reason) for each in found.judgements} == {(CANNOT_TELL, "not measured")}


def test_single_values_are_judged_only_where_the_budget_says_so(measured: Read, judged: Callable[..., Judged]) -> None:
    result = measured(1, 20)
    strict = '[cold_start]\nfirst_call = "2 s"\nimport = "0.5 s"'
    found = judged(strict, result)
    assert [each.standing for each in found.judgements] == [CANNOT_TELL, CANNOT_TELL]
    assert "judge_single_values = true" in found.judgements[0].reason
    found = judged(f"judge_single_values = true\n{strict}", result)
    assert [each.standing for each in found.judgements] == [PASSED, FAILED]


@pytest.mark.parametrize(
    ("section", "limit", "mend"),
    [
        ("tax", "5 ms", "measure for longer"),
        ("guards.pii", "2 ms", "measure for longer"),
        ("memory", "2 MB", "its peaks are of a few prompts, however long it measures; move the limit"),
    ],
)
def test_a_limit_within_the_interval_says_what_would_help(
    measured: Read, judged: Callable[..., Judged], section: str, limit: str, mend: str
) -> None:
    (found,) = judged(f'[{section}]\nabsolute = "{limit}"', measured(1)).judgements
    assert (found.standing, found.reason) == (CANNOT_TELL, f"the limit lies within the interval; {mend}")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[latency]\nguarded = "1 s"', r"^latency\.guarded: \d+\.\d ms \(\d+\.\d to \d+\.\d ms\), at most 1\.00 s"),
        ('[cold_start]\nimport = "2 s"', r"^cold_start\.import: 1\.00 s \(n too small\), at most 2\.00 s"),
        ('[cold_start]\nfirst_call = "2 s"', r"^cold_start\.first_call: \+300 ms \(n too small\), at most"),
        ('[tax]\nrelative = "50%"', r"^tax\.relative: \+\d+\.\d+ % \(\+\d"),
    ],
)
def test_only_what_guards_changed_has_a_sign(
    measured: Read, judged: Callable[..., Judged], text: str, found: str
) -> None:
    (judgement,) = judged(text, measured(1)).judgements
    assert re.search(found, judged_sentence(judgement)), judged_sentence(judgement)


def test_the_change_of_a_state_has_a_sign(measured: Read) -> None:
    limit = Limit("latency", "latency.guarded", 0.02, Unit.RATIO, regression=True)
    assert limit.of_metric(measured(1).metrics["latency.guarded"]).told(0.01) == "+1.00 %"


def test_single_values_never_stand_for_few_requests(measured: Read, judged: Callable[..., Judged]) -> None:
    found = judged('judge_single_values = true\n[tax]\nabsolute = "1 s"', measured(1, 4))
    assert found.standing is CANNOT_TELL


@pytest.mark.parametrize(("taken", "standing"), [(PASSED, PASSED), (FAILED, FAILED), (CANNOT_TELL, CANNOT_TELL)])
def test_what_cannot_be_told_is_taken_as_asked(
    measured: Read, judged: Callable[..., Judged], taken: Standing, standing: Standing
) -> None:
    found = judged('[tax]\nabsolute = "8 ms"', measured(1, 4), cannot_tell=taken)
    assert found.standing is standing
    assert found.judgements[0].standing is CANNOT_TELL


def test_a_failure_outweighs_what_cannot_be_told(measured: Read, judged: Callable[..., Judged]) -> None:
    text = '[tax]\nabsolute = "1 ms"\nmax_regression = "2%"'
    assert judged(text, measured(1)).standing is FAILED
    assert judged(text, measured(1), cannot_tell=PASSED).standing is FAILED


def test_a_guard_that_the_result_does_not_have_is_bad_input(measured: Read, judged: Callable[..., Judged]) -> None:
    with pytest.raises(ValueError, match=r"budget\.toml: \[guards\.pi\] limits .*; its guards are pii, toxicity$"):
        judged('[guards.pi]\nabsolute = "1 ms"', measured(1, 20))


def test_names_with_dots_are_names(save: Save, judged: Callable[..., Judged]) -> None:
    raw = np.full(20, 0.1)
    result = make_result(raw, raw + 0.01, shares={"llm.guard v1.5": np.full(20, 0.01)})
    found = judged('[guards."llm.guard v1.5"]\nabsolute = "5 ms"', read_measured(save("r.json", result)))
    assert found.standing is FAILED


def test_the_gate_is_plain_data(measured: Read, judged: Callable[..., Judged]) -> None:
    text = '[tax]\nabsolute = "8 ms"\nmax_regression = "2%"'
    data = json.loads(json.dumps(judged(text, measured(2), measured(1)).to_dict(), allow_nan=False))
    assert (data["schema"], data["standing"], data["forced"]) == ("aligntax.gate/1", "passed", False)
    assert [limit["limit"] for limit in data["limits"]] == ["tax.absolute", "tax.max_regression"]
    assert set(data["limits"][0]["found"]) == {"value", "low", "high"}
    assert data["comparison"]["schema"] == "aligntax.comparison/1"
