"""How sure a debt is: posteriors of what was counted, and ranges of what is only guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.inference.simulations import covered
from tests.taxes.debt.inputs import cost_record, written
from tests.taxes.one_command import figures

from aligntax.inference import Estimate
from aligntax.taxes.debt import debt_tax
from aligntax.taxes.debt.draws import amount_draws, posterior, share_draws
from aligntax.taxes.debt.inputs import Counted
from aligntax.taxes.ranges import Range


def test_counts_bring_their_uncertainty(tmp_path: Path) -> None:
    few = debt_tax(
        written(tmp_path, attacks="{ count = 4, requests = 400_000 }", success_with="{ count = 1, of = 10 }")
    )
    many = debt_tax(
        written(
            tmp_path, attacks="{ count = 4000, requests = 400_000_000 }", success_with="{ count = 1000, of = 10_000 }"
        )
    )
    wide, narrow = (figures(record)["interest.year"].absolute for record in (few, many))
    assert wide.width > 10 * narrow.width
    assert narrow.covers(35_000)
    assert wide.covers(35_000)


def test_incidents_that_were_counted(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        attacks=None,
        success_without=None,
        success_with=None,
        incidents_without="{ count = 12, years = 2 }",
        incidents_with="{ count = 0, years = 1.5 }",
    )
    found = figures(debt_tax(path))
    # The mean of the posterior, Gamma(count + 1/2, years).
    assert found["incidents.without"].absolute.value == pytest.approx(12.5 / 2, rel=0.02)
    assert found["incidents.with"].absolute.value == pytest.approx(0.5 / 1.5, rel=0.05)
    assert found["incidents.with"].absolute.low >= 0
    assert "Gamma" in found["incidents.without"].formula


@pytest.mark.parametrize("rate", [3.0, 8.0, 40.0])
def test_the_posterior_of_a_rate_covers(rate: float) -> None:
    # With few incidents a count has so few values that no interval covers 95 % at every rate.
    def interval(generator: np.random.Generator) -> bool:
        low, high = posterior(Counted(int(generator.poisson(rate * 2.0)), 2.0)).interval(0.95)
        return bool(low <= rate <= high)

    assert 0.92 <= covered(interval, seed=int(rate)) <= 0.98


def test_the_posterior_of_the_interest_covers() -> None:
    # Both arms' incidents are counted in two years; the loss is known, and so the interest has a truth.
    truth = 10.0 * (9.0 - 4.0)

    def interval(generator: np.random.Generator) -> bool:
        from aligntax.taxes.debt.draws import told

        arms = [
            posterior(Counted(int(generator.poisson(rate * 2)), 2.0)).rvs(2000, random_state=generator)
            for rate in (9.0, 4.0)
        ]
        return told(10.0 * (arms[0] - arms[1])).covers(truth)

    assert 0.92 <= covered(interval, seed=1, experiments=800) <= 0.98


@pytest.mark.parametrize("share", [0.045, 0.3])
def test_the_posterior_of_a_share_covers(share: float) -> None:
    def interval(generator: np.random.Generator) -> bool:
        low, high = np.quantile(
            share_draws(Counted(int(generator.binomial(200, share)), 200), generator), [0.025, 0.975]
        )
        return bool(low <= share <= high)

    assert 0.92 <= covered(interval, seed=2, experiments=600) <= 0.98


def test_what_is_told_covers_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it on simulated counts: attacks, successes in both arms, and a measured tax with its error."""
    for module in ("aligntax.taxes.debt", "aligntax.taxes.debt.draws"):
        monkeypatch.setattr(f"{module}.DRAWS", 2_000)
    truth = 10_000 * 1e6 * 4e-5 * (0.6 - 0.1)  # SLE * requests * P(attack) * what guards avert
    interest, worth, cost = truth - 15_000, truth - 15_000, 0.2
    told = np.zeros(3)
    generator = np.random.default_rng(5)
    experiments = 600
    for seed in range(experiments):
        path = written(
            tmp_path,
            attacks=f"{{ count = {generator.binomial(1_000_000, 4e-5)}, requests = 1_000_000 }}",
            success_without=f"{{ count = {generator.binomial(200, 0.6)}, of = 200 }}",
            success_with=f"{{ count = {generator.binomial(200, 0.1)}, of = 200 }}",
        )
        measured, error = generator.normal(cost, 0.02), 0.02 * 1.959964
        tax = cost_record(tmp_path, Estimate(measured, measured - error, measured + error))
        found = figures(debt_tax(path, tax=tax, seed=seed))
        told += [
            found["interest.year"].absolute.covers(interest),
            found["debt.year_3"].absolute.covers(20_000 + interest * (1 / 1.1 + 1 / 1.21 + 1 / 1.331)),
            found["break_even.balance"].absolute.covers(cost * 1e6 - worth),
        ]
    assert np.all((told / experiments >= 0.92) & (told / experiments <= 0.98)), told / experiments


def test_a_range_is_90_percent_sure() -> None:
    draws = amount_draws(Range(20e3, 400e3), np.random.default_rng(1))
    assert np.quantile(draws, [0.05, 0.5, 0.95]) == pytest.approx([20e3, (20e3 * 400e3) ** 0.5, 400e3], rel=0.05)
    assert np.ptp(amount_draws(Range(5.0, 5.0), np.random.default_rng(1))) == 0
    flat = amount_draws(Range(0.0, 10.0), np.random.default_rng(1))
    assert (flat.min() >= 0, flat.max() <= 10, flat.mean()) == (True, True, pytest.approx(5, rel=0.05))
    assert amount_draws(None, np.random.default_rng(1)).sum() == 0


def test_a_share_that_was_counted() -> None:
    draws = share_draws(Counted(9, 200), np.random.default_rng(1))
    assert draws.mean() == pytest.approx(9.5 / 201, rel=0.02)
    assert 0 <= draws.min() <= draws.max() <= 1
