"""What the power tables promise is what simulated experiments find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference import Detectable, Verdict, compare, detectable_effect, power_table, rounds_needed

from .simulations import Values

BASE_SECONDS = 0.010


def experiment(
    generator: np.random.Generator, pairs: int, effect: float, variation: float, tails: float = np.inf
) -> tuple[Values, Values]:
    """Return paired arms of 10 ms whose differences vary by `variation` of it, with tails of that many degrees."""
    prompts = BASE_SECONDS * generator.lognormal(0, 0.3, pairs)
    prompts *= BASE_SECONDS / prompts.mean()
    noise = generator.normal(0, 1, pairs) if tails == np.inf else generator.standard_t(tails, pairs)
    noise /= 1 if tails == np.inf else (tails / (tails - 2)) ** 0.5
    return prompts, prompts + BASE_SECONDS * (effect + variation * noise)


def found(runs: int, pairs: int, effect: float, variation: float, tails: float = np.inf) -> float:
    """Return in which share of the runs `compare` calls the slower arm a regression."""
    generator = np.random.default_rng(pairs)
    arms = (experiment(generator, pairs, effect, variation, tails) for _ in range(runs))
    verdicts = [compare(*pair, paired=True, resamples=999).verdict for pair in arms]
    return verdicts.count(Verdict.REGRESSION) / runs


def test_three_per_cent_of_ten_milliseconds() -> None:
    # 0.3 ms of 10 ms, where the difference of a pair has a standard deviation of 1 ms (10 %): with 160 pairs at hand
    # power is 95.6 %, so that four errors of 500 runs still stay above 90 %.
    assert found(500, 160, 0.03, 0.10) >= 0.9
    assert found(500, 160, 0.03, 0.10, tails=4) >= 0.9, "stalls among the noise must not hide it"
    assert rounds_needed(0.03, 0.10) == 125


@pytest.mark.parametrize("pairs", [8, 20, 50, 200, 1200])
def test_the_detectable_effect_is_found_as_often_as_said(pairs: int) -> None:
    effect = detectable_effect(pairs, 0.10)
    assert found(600, pairs, effect, 0.10) == pytest.approx(0.9, abs=0.045)


def test_another_power() -> None:
    assert found(600, 50, detectable_effect(50, 0.10, power=0.5), 0.10) == pytest.approx(0.5, abs=0.07)


def test_the_table() -> None:
    table = power_table(0.10)
    assert [row.pairs for row in table] == [10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
    assert all(row == Detectable(row.pairs, detectable_effect(row.pairs, 0.10)) for row in table)
    assert [round(100 * row.effect, 2) for row in table] == [11.9, 7.84, 4.79, 3.35, 2.36, 1.49, 1.05, 0.74, 0.47]
    assert power_table(0.10, pairs=(40,), power=0.8)[0].effect < power_table(0.10, pairs=(40,))[0].effect


@settings(deadline=None, max_examples=30)
@given(st.floats(0.005, 0.5), st.floats(0.01, 1.0), st.sampled_from([0.5, 0.8, 0.9, 0.99]))
def test_rounds_are_as_many_as_it_takes_and_no_more(effect: float, variation: float, power: float) -> None:
    needed = rounds_needed(effect, variation, power=power)
    assert detectable_effect(needed, variation, power=power) <= effect
    if needed > 8:
        assert detectable_effect(needed - 1, variation, power=power) > effect


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_the_fewest_pairs(alpha: float) -> None:
    fewest = rounds_needed(1e6, 0.1, alpha=alpha)
    assert 2.0 ** (3 - fewest) <= alpha < 2.0 ** (4 - fewest), "two more than give a p of 2 / 2^n that reaches alpha"
    assert detectable_effect(fewest, 0.1, alpha=alpha) > 0


def test_large_numbers_are_the_normal_approximation() -> None:
    errors = stats.norm.isf(0.025) + stats.norm.isf(0.1)
    assert detectable_effect(100_000, 0.1) == pytest.approx(0.1 * errors / (100_000 * 3 / np.pi) ** 0.5, rel=1e-3)
