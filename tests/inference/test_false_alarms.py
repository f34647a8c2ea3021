"""Two arms of one kind: seldom told apart, and with a margin called unchanged; a real change is never called none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from aligntax.inference import Comparison, Statistic, Verdict, compare, decide

from .simulations import WORLDS

EXPERIMENTS = 1000
ALARMS = {Verdict.REGRESSION, Verdict.IMPROVEMENT}


def same_against_same(
    world: str, n: int, *, paired: bool, statistic: Statistic = "ranks", margin: float | None = None, seed: int = 0
) -> Iterator[Comparison]:
    generator = np.random.default_rng(seed)
    for experiment in range(EXPERIMENTS):
        base, new = WORLDS[world].draw(generator, 0, n)
        if not paired:
            _, new = WORLDS[world].draw(generator, 0, n)
        yield compare(base, new, paired=paired, statistic=statistic, margin=margin, resamples=199, seed=experiment)


def shares(comparisons: Iterator[Comparison]) -> Counter[Verdict]:
    found: Counter[Verdict] = Counter()
    for comparison in comparisons:
        found[comparison.verdict] += 1
    return found


def alarms(found: Counter[Verdict]) -> float:
    return sum(found[verdict] for verdict in ALARMS) / EXPERIMENTS


@pytest.mark.parametrize("n", [8, 40])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("world", WORLDS)
def test_ranks(world: str, paired: bool, n: int) -> None:
    found = shares(same_against_same(world, n, paired=paired))
    assert alarms(found) <= 0.07
    assert found[Verdict.UNCHANGED] == 0, "without a margin nothing is shown to be unchanged"


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize("paired", [True, False])
def test_other_statistics(statistic: Statistic, paired: bool) -> None:
    assert alarms(shares(same_against_same("lognormal", 30, paired=paired, statistic=statistic))) <= 0.07


@pytest.mark.parametrize("world", WORLDS)
def test_the_normal_limit_of_ranks(world: str) -> None:
    generator = np.random.default_rng(3)
    found = [
        compare(*WORLDS[world].draw(generator, 0, 1500), paired=True).verdict in ALARMS for _ in range(EXPERIMENTS)
    ]
    assert 0.03 <= np.mean(found) <= 0.07


@pytest.mark.parametrize("world", ["lognormal", "heavy tail"])
def test_with_a_margin_the_same_is_unchanged(world: str) -> None:
    found = shares(same_against_same(world, 200, paired=True, margin=0.03))
    assert alarms(found) <= 0.05
    assert found[Verdict.UNCHANGED] >= 0.9 * EXPERIMENTS


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("worse", [1.1, 0.9])
def test_a_change_as_large_as_the_margin_is_not_called_unchanged(worse: float, paired: bool) -> None:
    # 10 % is the edge of "a difference of the margin or more": the chance of a false "unchanged" is greatest there.
    generator = np.random.default_rng(11)
    wrong = 0
    for _ in range(EXPERIMENTS):
        prompts = generator.lognormal(0, 0.2, 80)
        base, new = prompts * generator.lognormal(0, 0.1, (2, 80))
        if not paired:
            new = generator.lognormal(0, 0.2, 80) * generator.lognormal(0, 0.1, 80)
        found = compare(base, new * worse, paired=paired, margin=0.1, resamples=99)
        wrong += found.verdict is Verdict.UNCHANGED
    assert wrong / EXPERIMENTS <= 0.07


def test_many_metrics_of_one_run() -> None:
    generator = np.random.default_rng(7)
    raw = adjusted = 0
    runs = 250
    for _ in range(runs):
        metrics = [compare(*WORLDS["lognormal"].draw(generator, 0, 30), paired=True, resamples=1999) for _ in range(8)]
        raw += any(metric.verdict in ALARMS for metric in metrics)
        adjusted += any(metric.verdict in ALARMS for metric in decide(metrics))
    assert adjusted / runs <= 0.07 < 0.2 < raw / runs
