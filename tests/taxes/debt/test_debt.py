"""The safety debt: textbook losses, rates whose truth is known, discounting, and no money without a loss figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inference.simulations import covered
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax.experiment.result import write_json
from aligntax.inference import Estimate
from aligntax.taxes.debt import debt_over_time, debt_tax
from aligntax.taxes.debt.draws import amount_draws, posterior, share_draws
from aligntax.taxes.debt.inputs import Counted
from aligntax.taxes.ranges import Range
from aligntax.taxes.record import Figure, TaxRecord, TaxVerdict

# Everything known exactly: 1e6 requests, of which 1e-5 are attacks; 60 % of these succeed, and 10 % with guards.
KNOWN = {
    "requests_per_year": "1_000_000",
    "single_loss": "10_000",
    "control_cost_per_year": "15_000",
    "principal": "20_000",
    "discount_rate": "0.1",
    "years": "3",
    "attacks": "{ share = 1e-5 }",
    "success_without": "{ share = 0.6 }",
    "success_with": "{ share = 0.1 }",
}


def written(folder: Path, **changes: str | None) -> Path:
    keys = {**KNOWN, **changes}
    path = folder / "debt.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None))
    return path


def cost_record(folder: Path, absolute: Estimate, unit: str = "USD per useful request") -> Path:
    path = folder / "cost.json"
    write_json(path, TaxRecord("cost", "", [Figure("currency.request", "Price", absolute, unit)]).to_dict())
    return path


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"single_loss": '"much"'}, "single_loss='much' is no number; write single_loss = 5, or single_loss = [2, 10]"),
        ({"single_loss": "nan"}, "single_loss=nan is no number"),
        ({"single_loss": "inf"}, "single_loss=inf must be 0 or more, and at most 1e+15"),
        ({"single_loss": "1" + "0" * 400}, "must be 0 or more, and at most 1e+15"),
        ({"requests_per_year": "0"}, "requests_per_year=0 must be above 0"),
        ({"single_loss": "[5, 2]"}, "single_loss=[5, 2] has its ends in the wrong order"),
        ({"single_loss": "[1, 1e9]"}, "single_loss=[1.0, 1000000000.0] spans more than a factor of 1e+06"),
        ({"single_loss": "-5"}, "single_loss=-5 must be 0 or more"),
        ({"single_loss": "[1, 2, 3]"}, "single_loss=[1, 2, 3] is no number"),
        ({"loss": "5"}, "the key 'loss' is unknown; use any of attacks, control_cost_per_year, currency"),
        ({"years": "0"}, "years=0 is no count; write a whole number from 1 on"),
        ({"years": "200"}, "years=200 is more than 50"),
        ({"years": "2.5"}, "years=2.5 is no count"),
        ({"discount_rate": "8"}, "discount_rate=8 must be 0 or more, and at most 1"),
        ({"discount_rate": "[0.02, 0.08]"}, "discount_rate=[0.02, 0.08] is a range; choose one number"),
        ({"currency": "5"}, "currency=5 is no short text"),
        ({"currency": '" "'}, "currency=' ' is no short text; write it in quotes, on one line"),
        ({"attacks": "5"}, "[attacks]: is no table"),
        ({"attacks": "{ count = 3 }"}, "[attacks] needs count and requests, or share alone"),
        ({"attacks": "{ count = 3, requests = 9, share = 0.3 }"}, "[attacks] needs count and requests, or share alone"),
        ({"attacks": "{ count = 30, requests = 9 }"}, "[attacks] count=30 is more than requests=9"),
        ({"attacks": "{ share = 1.5 }"}, "share=1.5 must be 0 or more, and at most 1"),
        ({"success_with": "{ count = true, of = 9 }"}, "count=True is no count"),
        ({"incidents_with": "{ count = 3 }"}, "[incidents_with] needs count, and the years that it was counted in"),
        ({"incidents_with": "{ count = 3, years = 0 }"}, "years=0 must be above 0"),
    ],
)
def test_bad_inputs(changes: dict[str, str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, **changes)
    refused(run(capfd, "debt", path), message)
    assert str(path) in run(capfd, "debt", path).err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"single_loss = ", "no TOML"),
        (b"\xff\xfe", "no TOML"),
        (b"#" * (2**20 + 1), "more than 1 MiB"),
    ],
)
def test_bad_files(content: bytes | None, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "debt.toml"
    if content is not None:
        path.write_bytes(content)
    refused(run(capfd, "debt", path), message)


def test_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, out = written(tmp_path, single_loss="[5e3, 2e4]"), tmp_path / "debt.json"
    ended = run(capfd, "debt", path, "--tax", cost_record(tmp_path, Estimate(0.01)), "--json", out)
    assert ended.code == 0, ended.err
    assert "Interest of going without guards" in ended.out
    assert out.exists()
    refused(run(capfd, "debt", path, "--figure", "currency.request"), "names a figure of --tax, which is missing")


def test_what_is_read_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, tax = written(tmp_path), cost_record(tmp_path, Estimate(0.01))
    for each in (path, tax):
        before = each.read_bytes()
        ended = run(capfd, "debt", path, "--tax", tax, "--json", each)
        refused(ended, f"--json {each}: it is read; name another file")
        assert each.read_bytes() == before


def test_the_command_without_a_loss(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ended = run(capfd, "debt", written(tmp_path, single_loss=None))
    assert ended.code == 0
    assert "no_single_loss" in ended.out
    assert "single_loss is missing" in ended.out
    assert "USD" not in ended.out


def test_the_documented_example_is_read(tmp_path: Path) -> None:
    from textwrap import dedent

    from aligntax.taxes.debt import inputs as module

    first, second = (part.split("\n\nInstead")[0] for part in str(module.__doc__).split("::\n\n")[1:])
    for number, text in enumerate((first, second)):
        path = tmp_path / f"{number}.toml"
        path.write_text(dedent(text))
        found: Any = debt_tax(path)
        assert figures(found)["incidents.with"].absolute.value > 0
    assert "interest.year" in figures(debt_tax(tmp_path / "0.toml"))
