"""How much latency varies: against NumPy, and by how often the intervals are right."""

from __future__ import annotations

import numpy as np
import pytest

from aligntax.inference import Estimate
from aligntax.taxes.benefit.predictability import variation, variation_of_repeats

EXPERIMENTS = 1_000


def test_it_is_the_standard_deviation_over_the_mean() -> None:
    times = np.array([0.1, 0.2, 0.4])
    assert variation(times) == Estimate(pytest.approx(times.std(ddof=1) / times.mean()))


def test_it_does_not_depend_on_the_unit() -> None:
    times = np.random.default_rng(1).gamma(4, 0.01, 100)
    assert variation(times) == pytest.approx(variation(times * 1000))


def test_a_steady_guard_does_not_vary() -> None:
    assert variation(np.full(50, 0.25)) == Estimate(0.0, 0.0, 0.0)
    assert variation_of_repeats(np.zeros(5)) == Estimate(0.0, 0.0, 0.0)


def test_values_that_are_nearly_alike_have_a_narrow_interval() -> None:
    found = variation(np.repeat([1.0, np.nextafter(1.0, 2.0)], [60, 1]))
    assert found is not None
    assert found.low is not None
    assert 0 < found.low <= found.value < 1e-15


@pytest.mark.parametrize("times", [[], [0.1], [0.0, 0.0]])
def test_nothing_to_say(times: list[float]) -> None:
    assert variation(np.array(times)) is None


def test_one_text_has_no_interval() -> None:
    assert variation_of_repeats(np.array([0.04])) == Estimate(0.2)
    assert variation_of_repeats(np.empty(0)) is None


@pytest.mark.parametrize("shape", [4.0, 25.0])
def test_the_interval_over_texts_covers_the_truth(shape: float) -> None:
    generator = np.random.default_rng(3)
    found = [variation(generator.gamma(shape, 0.01, 300)) for _ in range(EXPERIMENTS)]
    covered = sum(each is not None and each.covers(shape**-0.5) for each in found)
    assert 0.92 <= covered / EXPERIMENTS <= 0.98


def test_the_interval_over_repeats_covers_the_truth() -> None:
    generator = np.random.default_rng(4)
    covered = 0
    for _ in range(EXPERIMENTS):
        lengths = generator.lognormal(0, 1, (200, 1))  # what a text takes does not matter, how it varies does
        times = lengths * generator.normal(1, 0.05, (200, 4))
        found = variation_of_repeats(times.var(axis=1, ddof=1) / times.mean(axis=1) ** 2)
        assert found is not None
        covered += found.covers(0.05)
    assert 0.92 <= covered / EXPERIMENTS <= 0.98
