"""The safety debt: textbook losses, rates whose truth is known, discounting, and no money without a loss figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.taxes.debt.inputs import cost_record, written
from tests.taxes.one_command import figures, reasons

from aligntax.inference import Estimate
from aligntax.taxes.debt import debt_over_time, debt_tax
from aligntax.taxes.record import TaxVerdict


def test_the_textbooks_formulas(tmp_path: Path) -> None:
    record = debt_tax(written(tmp_path))
    found = {name: figure.absolute.value for name, figure in figures(record).items()}
    assert record.figures[0].name == "interest.year"
    assert found == pytest.approx(
        {
            "incidents.without": 6,
            "incidents.with": 1,
            "loss.without": 60_000,  # ALE = SLE * ARO
            "loss.with": 10_000,
            "interest.year": 35_000,
            "debt.year_1": 20_000 + 35_000 / 1.1,
            "debt.year_3": 20_000 + 35_000 / 1.1 + 35_000 / 1.21 + 35_000 / 1.331,
            "break_even.tax": 35_000,
        }
    )
    assert [point["debt"]["value"] for point in record.more["debt"]] == pytest.approx(
        [20_000, 51_818.18, 80_743.80, 107_039.82], abs=0.01
    )
    # What is known exactly has no width.
    assert all(figure.absolute.width == pytest.approx(0, abs=1e-6) for figure in record.figures)


def test_no_loss_no_money(tmp_path: Path) -> None:
    record = debt_tax(written(tmp_path, single_loss=None), tax=cost_record(tmp_path, Estimate(0.01)))
    assert set(figures(record)) == {"incidents.without", "incidents.with"}
    assert not any("USD" in figure.unit for figure in record.figures)
    assert reasons(record) == dict.fromkeys(("loss", "interest", "debt", "break_even"), "no_single_loss")
    assert "single_loss is missing" in record.refusals[0].message


@pytest.mark.parametrize(
    ("missing", "refused_figures", "named"),
    [
        ("attacks", {"incidents.without", "incidents.with", "interest", "debt", "break_even"}, "attacks missing"),
        ("success_with", {"incidents.with", "interest", "debt", "break_even"}, "success_with missing"),
        (
            "requests_per_year",
            {"incidents.without", "incidents.with", "interest", "debt", "break_even"},
            "requests_per",
        ),
        ("control_cost_per_year", {"interest", "debt", "break_even.balance"}, "control_cost_per_year is missing"),
        ("principal", {"debt", "break_even.balance"}, "principal is missing"),
    ],
)
def test_what_is_missing_is_named(missing: str, refused_figures: set[str], named: str, tmp_path: Path) -> None:
    record = debt_tax(written(tmp_path, **{missing: None}))
    assert set(reasons(record)) == refused_figures
    assert any(named in refusal.message for refusal in record.refusals)
    assert all(refusal.reason in ("missing_input", "no_measured_tax") for refusal in record.refusals)


def test_a_break_even_without_what_guards_cost_says_so(tmp_path: Path) -> None:
    found = figures(debt_tax(written(tmp_path, control_cost_per_year=None)))["break_even.tax"]
    assert found.absolute.value == pytest.approx(50_000)
    assert "cost of guards a year not given" in found.marks


@pytest.mark.parametrize(
    ("cost", "unit", "balance", "verdict"),
    [
        (Estimate(0.01, 0.01, 0.01), "USD per useful request", -25_000, TaxVerdict.BONUS),
        (Estimate(0.05, 0.04, 0.06), "USD per request", 15_000, TaxVerdict.TAX),
        (Estimate(36_000.0, 30_000.0, 42_000.0), "USD per million requests", 1_000, TaxVerdict.INCONCLUSIVE),
    ],
)
def test_the_measured_tax_against_the_break_even(
    cost: Estimate, unit: str, balance: float, verdict: TaxVerdict, tmp_path: Path
) -> None:
    found = figures(debt_tax(written(tmp_path), tax=cost_record(tmp_path, cost, unit)))["break_even.balance"]
    assert found.absolute.value == pytest.approx(balance, abs=100)
    assert found.verdict is verdict
    assert found.unit == "USD per million requests"


def test_the_error_of_the_measured_tax_is_drawn_by_the_seed(tmp_path: Path) -> None:
    # All else is known exactly, so that nothing but the tax differs from draw to draw.
    path, tax = written(tmp_path), cost_record(tmp_path, Estimate(0.05, 0.04, 0.06))
    first, again, other = (figures(debt_tax(path, tax=tax, seed=seed))["break_even.balance"] for seed in (1, 1, 2))
    assert first.absolute == again.absolute
    assert first.absolute != other.absolute
    assert first.absolute.width == pytest.approx(20_000, rel=0.05)
    assert first.sources == ("debt.toml", "cost.json")


@pytest.mark.parametrize(
    ("unit", "figure", "message"),
    [
        ("CPU-seconds per useful request", None, "is in 'CPU-seconds per useful request'|is in CPU-seconds"),
        ("EUR per useful request", None, "is in EUR, and the inputs are in USD; use one currency"),
        ("USD", None, "is in 'USD'; name one in money per request"),
        ("USD per useful request", "joules.request", "has no figure 'joules.request'; it has currency.request"),
    ],
)
def test_what_is_no_measured_tax(unit: str, figure: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        debt_tax(written(tmp_path), tax=cost_record(tmp_path, Estimate(0.01), unit), figure=figure)


amounts = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(amounts, st.floats(0, 1e6), st.floats(0, 1), st.integers(1, 50), st.floats(0.01, 100))
def test_what_must_hold_of_debt(interest: float, principal: float, rate: float, years: int, scale: float) -> None:
    def ends(factor: float) -> list[float]:
        debts = debt_over_time(np.array([interest * factor]), np.array([principal * factor]), rate, years)
        return [float(each[0]) for each in debts]

    found = ends(1.0)
    assert len(found) == years + 1
    assert found[0] == principal
    assert ends(scale) == pytest.approx([each * scale for each in found], rel=1e-9, abs=1e-6)
    steps = np.diff(found)
    assert np.all(steps * np.sign(interest) >= -1e-6)
    if rate == 0:
        assert found[-1] == pytest.approx(principal + years * interest, abs=1e-3)
    assert ends(-1.0) == pytest.approx([-each for each in found])


def test_guards_that_do_nothing_save_nothing(tmp_path: Path) -> None:
    record = debt_tax(written(tmp_path, success_with="{ share = 0.6 }", control_cost_per_year="0", principal="0"))
    found = figures(record)
    assert found["interest.year"].absolute == (0, 0, 0)
    assert found["debt.year_3"].absolute == (0, 0, 0)
    assert found["break_even.tax"].absolute == (0, 0, 0)


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, single_loss="[1e3, 1e5]")
    first, again, other = (debt_tax(path, seed=seed).figures[0].absolute for seed in (1, 1, 2))
    assert first == again
    assert first != other
