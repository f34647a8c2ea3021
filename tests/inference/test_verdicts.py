"""From two samples to one word."""

from __future__ import annotations

import numpy as np
import pytest

from aligntax.inference import (
    Comparison,
    Verdict,
    compare,
    decide,
    difference_of_medians,
    equivalence_p,
    median_of_differences,
    permutation_p,
    ratio_of_means,
)

from .simulations import WORLDS, Values


def arms(slower: float, *, n: int = 60, noise: float = 0.02, seed: int = 0) -> tuple[Values, Values]:
    generator = np.random.default_rng(seed)
    prompts = generator.lognormal(-4, 0.5, n)
    base, new = prompts * generator.lognormal(0, noise, (2, n))
    return base, new * slower


@pytest.mark.parametrize(
    ("slower", "margin", "verdict"),
    [
        (1.05, None, Verdict.REGRESSION),
        (1.05, 0.02, Verdict.REGRESSION),
        (0.95, None, Verdict.IMPROVEMENT),
        (0.95, 0.02, Verdict.IMPROVEMENT),
        (1.0, 0.02, Verdict.UNCHANGED),
        (1.0, None, Verdict.CANNOT_TELL),
        (1.02, 0.1, Verdict.UNCHANGED),  # a difference that is certain, and certainly below the margin
        (1.02, None, Verdict.REGRESSION),
    ],
)
def test_the_four_verdicts(slower: float, margin: float | None, verdict: Verdict) -> None:
    assert compare(*arms(slower), paired=True, margin=margin).verdict is verdict


@pytest.mark.parametrize("paired", [True, False])
def test_too_few_values_cannot_tell(paired: bool) -> None:
    found = compare([1.0, 1.1, 1.05], [2.0, 2.1, 2.05], paired=paired, margin=0.02)
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.effect == (pytest.approx(1.0), None, None)
    found = compare([1.0], [1.0], paired=paired, margin=0.5)
    assert (found.verdict, found.p, found.p_equivalent) == (Verdict.CANNOT_TELL, 1.0, 1.0)


@pytest.mark.parametrize("paired", [True, False])
def test_every_field_is_what_its_function_says(paired: bool) -> None:
    base, new = arms(1.03)
    if not paired:
        new = new[:-9]
    ratio = ratio_of_means(base, new, paired)
    found = compare(base, new, paired=paired, margin=0.02, seed=5)
    assert found.effect == (median_of_differences if paired else difference_of_medians)(base, new)
    assert found.relative == pytest.approx([figure - 1 for figure in ratio if figure is not None])
    assert found.p == permutation_p(base, new, paired, "ranks", seed=5)
    assert found.p_equivalent == equivalence_p(base, new, 0.02, paired)
    assert (found.n_base, found.n_new, found.paired, found.worse) == (60, len(new), paired, True)


def test_lower_may_be_the_worse() -> None:
    worse = compare(*arms(0.9), paired=True, higher_is_worse=False)
    assert (worse.verdict, worse.worse) == (Verdict.REGRESSION, True)
    assert compare(*arms(1.1), paired=True, higher_is_worse=False).verdict is Verdict.IMPROVEMENT


def test_taxes_around_zero_have_no_relative_figure() -> None:
    base, new = np.random.default_rng(1).normal([[0.0], [0.004]], 0.001, (2, 40))
    base = base - base.mean() - 1e-5
    found = compare(base, new, paired=True, margin=0.02)
    assert (found.relative, found.p_equivalent, found.verdict) == (None, None, Verdict.REGRESSION)
    assert compare(base, new, paired=True, margin=0.005, absolute=True).verdict is Verdict.UNCHANGED


def test_a_bonus_that_goes_through_zero() -> None:
    base, new = np.random.default_rng(1).normal([[0.01], [-0.01]], 0.001, (2, 40))
    found = compare(base, new, paired=True, margin=0.02)
    assert found.relative is None
    assert found.p_equivalent is not None
    assert found.verdict is Verdict.IMPROVEMENT


def test_most_a_little_faster_and_some_much_slower_is_neither() -> None:
    # The median of the differences falls, the sum rises: either word would be false for somebody.
    base = np.linspace(0.010, 0.012, 100)
    new = base + np.where(np.arange(100) % 5 < 2, 0.005, -0.0001)
    found = compare(base, new, paired=True)
    assert found.effect.value < 0
    assert found.relative is not None
    assert found.relative.value > 0.1
    assert found.p < 0.05
    assert (found.worse, found.verdict) == (None, Verdict.CANNOT_TELL)


def test_ties_that_hold_the_median_still_move_the_ranks() -> None:
    base = np.full(100, 0.010)
    new = np.where(np.arange(100) < 40, 0.011, 0.010)
    found = compare(base, new, paired=True)
    assert found.effect.value == 0
    assert found.verdict is Verdict.REGRESSION


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("n", [1, 2, 30, 1200])
def test_identical_arms(n: int, paired: bool) -> None:
    base, _ = arms(1.0, n=n)
    found = compare(base, base, paired=paired, resamples=99)
    assert (found.effect.value, found.p, found.verdict) == (0, 1, Verdict.CANNOT_TELL)
    assert found.relative is not None
    assert found.relative.value == 0


def test_two_runs_are_compared_unpaired() -> None:
    base, _ = WORLDS["lognormal"].draw(np.random.default_rng(1), 0, 400)
    new, _ = WORLDS["lognormal"].draw(np.random.default_rng(2), 0, 500)
    assert compare(base, new * 1.3, paired=False).verdict is Verdict.REGRESSION
    assert compare(base, new, paired=False, margin=0.3).verdict is Verdict.UNCHANGED


def test_holm_takes_back_what_only_one_of_many_tests_shows() -> None:
    lucky = compare(*arms(1.006, seed=34), paired=True)
    sure = compare(*arms(1.05), paired=True)
    nothing = [compare(*arms(1.0, seed=seed), paired=True, margin=0.02) for seed in range(1, 7)]
    assert 0.01 < lucky.p < 0.05
    assert lucky.verdict is Verdict.REGRESSION
    decided = decide([lucky, sure, *nothing])
    assert decided[0].verdict is Verdict.CANNOT_TELL
    assert decided[0].p > 0.05
    assert decided[1].verdict is Verdict.REGRESSION
    assert decided[1].p == pytest.approx(8 * sure.p)
    assert {found.verdict for found in decided[2:]} == {Verdict.UNCHANGED}, "a conjunction needs no adjustment"
    kept = [(found.effect, found.relative, found.p_equivalent, found.worse) for found in decided]
    assert kept == [
        (found.effect, found.relative, found.p_equivalent, found.worse) for found in [lucky, sure, *nothing]
    ]


def test_decide_settles_by_its_own_alpha() -> None:
    slower = compare(*arms(1.006, seed=34), paired=True, alpha=0.0001)
    assert slower.verdict is Verdict.CANNOT_TELL
    assert decide([slower], alpha=0.05)[0].verdict is Verdict.REGRESSION
    assert decide([]) == []


def test_verdicts_are_their_words() -> None:
    assert list(Verdict) == ["regression", "improvement", "unchanged within margin", "cannot tell"]
    assert Comparison._fields[:8] == (
        "verdict",
        "effect",
        "relative",
        "p",
        "p_equivalent",
        "n_base",
        "n_new",
        "paired",
    )
