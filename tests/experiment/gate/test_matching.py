"""How samples are put side by side, and that tests on them keep their level."""

from __future__ import annotations

import numpy as np
import pytest

from aligntax.experiment.gate.matching import BY_PROMPT, BY_ROUND, INDEPENDENT, LEAST_PAIRS, matched
from aligntax.experiment.gate.measured import Metric, Unit
from aligntax.inference import equivalence_by_ranks, permutation_p


def metric(samples: list[float] | np.ndarray, prompts: list[int] | np.ndarray | None) -> Metric:
    known = None if prompts is None else np.asarray(prompts)
    return Metric("tax.relative", "tax", Unit.RATIO, None, np.asarray(samples, float), known)


def test_many_prompts_are_paired_by_their_medians() -> None:
    prompts = np.arange(36) % LEAST_PAIRS
    base = prompts.astype(float)
    base[:LEAST_PAIRS] += 100  # the first round was late, and moves nothing
    found = matched(metric(base, prompts), metric(prompts + 1.0, prompts), same_prompts=True)
    assert found is not None
    assert found.sampling == BY_PROMPT
    assert found.base.tolist() == list(range(LEAST_PAIRS))
    assert found.new.tolist() == [value + 1 for value in range(LEAST_PAIRS)]


@pytest.mark.parametrize(("prompts", "rounds"), [(LEAST_PAIRS - 1, 5), (LEAST_PAIRS, 2), (1, 20)])
def test_few_prompts_or_rounds_are_paired_one_by_one(prompts: int, rounds: int) -> None:
    asked = np.arange(prompts * rounds) % prompts
    values = np.arange(prompts * rounds, dtype=float)
    found = matched(metric(values, asked), metric(values + 0.5, asked), same_prompts=True)
    assert found is not None
    assert found.sampling == BY_ROUND
    assert found.new - found.base == pytest.approx(0.5)
    assert len(found.base) == prompts * rounds


def test_pairs_are_of_the_same_prompt_and_what_is_left_over_is_left_out() -> None:
    found = matched(
        metric([10, 20, 11, 30, 12], [1, 2, 1, 3, 1]), metric([110, 111, 120, 140], [1, 1, 2, 4]), same_prompts=True
    )
    assert found is not None
    assert (found.base.tolist(), found.new.tolist()) == ([10, 11, 20], [110, 111, 120])


def test_other_prompts_are_independent_samples() -> None:
    base, new = metric([1, 2], [0, 1]), metric([3, 4, 5], [0, 1, 2])
    found = matched(base, new, same_prompts=False)
    assert found is not None
    assert (found.sampling, len(found.base), len(found.new)) == (INDEPENDENT, 2, 3)
    unknown = matched(metric([1, 2], None), metric([3], None), same_prompts=True)
    assert unknown is not None
    assert not unknown.paired


def test_nothing_in_common_cannot_be_matched() -> None:
    assert matched(metric([1], [0]), metric([1], [1]), same_prompts=True) is None
    assert matched(Metric("k", "t", Unit.RATIO, None), metric([1], [1]), same_prompts=True) is None


@pytest.mark.parametrize(("prompts", "n"), [(20, 100), (4, 40), (1, 30)])
def test_no_difference_is_rarely_called_one_however_samples_are_matched(prompts: int, n: int) -> None:
    """Of 400 pairs of runs at 5 %: at most 7 %, three standard errors above."""
    draw = np.random.default_rng(prompts)
    asked = np.arange(n) % prompts
    lengths = draw.lognormal(0, 1, prompts)[asked]
    alarms = 0
    for _ in range(400):
        base, new = (metric(lengths * draw.lognormal(0, 0.1, n), asked) for _ in range(2))
        found = matched(base, new, same_prompts=True)
        assert found is not None
        alarms += permutation_p(found.base, found.new, found.paired, "ranks", resamples=999) <= 0.05
    assert alarms / 400 <= 0.07


@pytest.mark.parametrize(("paired", "runs", "most"), [(True, 200, 0.08), (False, 60, 0.12)])
def test_a_difference_of_the_margin_is_rarely_called_none(paired: bool, runs: int, most: float) -> None:
    """That is what the equivalence test promises: at most 5 %, two errors of the simulation added; and it finds it."""
    draw = np.random.default_rng(7)
    at_margin = alike = 0
    for _ in range(runs):
        base, new = draw.lognormal(0, 0.1, 40), draw.lognormal(0, 0.1, 40)
        at_margin += equivalence_by_ranks(base, new + 0.1, 0.1, paired=paired) <= 0.05
        alike += equivalence_by_ranks(base, new, 0.1, paired=paired) <= 0.05
    assert at_margin / runs <= most
    assert alike / runs >= 0.9


def test_late_requests_do_not_hide_that_nothing_changed() -> None:
    """One in twenty takes ten times as long: means cannot tell, ranks can."""
    draw = np.random.default_rng(3)
    base, new = (0.1 * draw.lognormal(0, 0.02, 300) * np.where(draw.random(300) < 0.05, 10, 1) for _ in range(2))
    assert equivalence_by_ranks(base, new, 0.002, paired=True) < 0.001


def test_arms_that_are_all_alike_are_equivalent() -> None:
    assert equivalence_by_ranks(np.ones(10), np.ones(10), 0.01, paired=True) < 0.05
    assert equivalence_by_ranks(np.ones(10), np.ones(10) + 0.02, 0.01, paired=True) == 1.0
