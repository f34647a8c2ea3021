"""The safety debt: what going without guards would cost, how it adds up, and when guards pay for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aligntax.inference import CONFIDENCE
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.debt.draws import DRAWS, Draws, told
from aligntax.taxes.debt.inputs import Counted, Inputs, read_inputs
from aligntax.taxes.ranges import Range
from aligntax.taxes.reading import Measured, measured_figure
from aligntax.taxes.record import Figure, Refusal, TaxRecord, provenance

__all__ = ["debt_over_time", "debt_tax"]

_MILLION = 1e6
_BALANCE = "break_even.balance"
_ARMS = {"without": "without guards", "with": "with guards"}
_MARKS = (f"{DRAWS:,} draws",)
Values = NDArray[np.float64]


def debt_over_time(interest: Values, principal: Values, discount_rate: float, years: int) -> list[Values]:
    """Return debt(t) for t = 0 ... years: the principal, and the interest of each year until then, discounted.

    Args:
        interest: a year, as long as the guards are not there; below 0 where they would cost more than they save.
        principal: what putting them in costs.
        discount_rate: a year, as a share.
        years: how many.
    """
    debts = [principal]
    for year in range(1, years + 1):
        debts.append(debts[-1] + interest / (1 + discount_rate) ** year)
    return debts


def debt_tax(path: Path, *, tax: Path | None = None, figure: str | None = None, seed: int = 0) -> TaxRecord:
    """Return the safety debt as a record. Without a loss figure there are incidents, and no money.

    Formulas: ALE = SLE * ARO, with ARO = requests per year * P(attack) * attack success; interest = ALE without guards
    - ALE with them - what they cost a year; debt(t) = principal + discounted interest of t years.

    Args:
        path: of the inputs; see `aligntax.taxes.debt.inputs`.
        tax: a record with a measured cost, in currency per useful request or per million requests, for the break-even.
        figure: which of its figures; one that is money where None.
        seed: of the draws.

    Raises:
        ValueError: if a file is not what it should be.
    """
    inputs = read_inputs(path)
    measured = None if tax is None else _measured(tax, figure, inputs.currency)
    draws = Draws(inputs, seed)
    curve: list[dict[str, Any]] = []
    parts = [*_incidents(inputs, draws), *_money(inputs, draws, measured, curve)]
    figures = [part for part in parts if isinstance(part, Figure)]
    sources = [path] if tax is None else [path, tax]
    # The headline is the interest, where there is one.
    figures.sort(key=lambda each: each.name != "interest.year")
    names = tuple(each.name for each in sources)
    return TaxRecord(
        "debt",
        "Safety debt of going without guards",
        [replace(each, sources=names if each.name == _BALANCE else names[:1]) for each in figures],
        [part for part in parts if isinstance(part, Refusal)],
        {"seed": seed, "draws": DRAWS, "confidence": CONFIDENCE, **_written(inputs)},
        [provenance(each) for each in sources],
        more={"debt": curve},
    )


def _incidents(inputs: Inputs, draws: Draws) -> Iterator[Figure | Refusal]:
    for arm, said in _ARMS.items():
        found = draws.incidents.get(arm)
        if found is None:
            names = inputs.lacking(arm)
            message = f"{', '.join(names)} missing; give them, or count incidents in [incidents_{arm}]"
            yield Refusal(f"incidents.{arm}", "missing_input", message)
            continue
        counted = getattr(inputs, f"incidents_{arm}") is not None
        formula = "Gamma(count + 1/2, years)" if counted else "requests a year * P(attack) * attack success"
        title = f"Successful attacks a year, {said}"
        yield Figure(f"incidents.{arm}", title, told(found), "a year", formula=formula, marks=_MARKS)


def _money(
    inputs: Inputs, draws: Draws, measured: Measured | None, curve: list[dict[str, Any]]
) -> Iterator[Figure | Refusal]:
    loss = draws.loss
    if loss is None:
        message = (
            "single_loss is missing: what one successful attack costs is known to nobody but you, and no score of a "
            "vulnerability is money; give it as a number or a range"
        )
        for what in ("loss", "interest", "debt", "break_even"):
            yield Refusal(what, "no_single_loss", message)
        return
    currency = inputs.currency
    losses = {arm: found * loss for arm, found in draws.incidents.items()}
    for arm, found in losses.items():
        title = f"Annual loss expectancy, {_ARMS[arm]}"
        yield Figure(f"loss.{arm}", title, told(found), f"{currency} a year", formula="ALE = SLE * ARO", marks=_MARKS)
    if len(losses) < len(_ARMS):
        for what in ("interest", "debt", "break_even"):
            yield Refusal(
                what, "missing_input", "the losses of both arms are needed; see what is missing for incidents"
            )
        return
    saved = losses["without"] - losses["with"]
    if inputs.control_cost_per_year is None:
        message = "control_cost_per_year is missing; give 0 if the guards cost nothing beside the measured tax"
        yield Refusal("interest", "missing_input", message)
        yield Refusal("debt", "missing_input", message)
    else:
        yield from _debt(inputs, draws, saved - draws.control, curve)
    yield from _break_even(inputs, draws, saved, measured)


def _debt(inputs: Inputs, draws: Draws, interest: Values, curve: list[dict[str, Any]]) -> Iterator[Figure | Refusal]:
    currency, formula = inputs.currency, "ALE without - ALE with - cost of guards"
    title = "Interest of going without guards"
    shown = {"probability_above_0": float((interest > 0).mean())}
    yield Figure(
        "interest.year", title, told(interest), f"{currency} a year", formula=formula, marks=_MARKS, more=shown
    )
    if inputs.principal is None:
        yield Refusal("debt", "missing_input", "principal is missing; give what putting the guards in costs, or 0")
        return
    debts = debt_over_time(interest, draws.principal, inputs.discount_rate, inputs.years)
    curve += [{"year": year, "debt": told(debt).to_dict()} for year, debt in enumerate(debts)]
    formula = f"principal + sum of interest / (1 + {inputs.discount_rate:g})^year"
    for year in sorted({1, inputs.years}):
        title = f"Debt after {year} year{'s' if year > 1 else ''}"
        yield Figure(f"debt.year_{year}", title, told(debts[year]), currency, formula=formula, marks=_MARKS)


def _break_even(inputs: Inputs, draws: Draws, saved: Values, measured: Measured | None) -> Iterator[Figure | Refusal]:
    if inputs.requests_per_year is None:
        yield Refusal("break_even", "missing_input", "requests_per_year is missing; give how many there are")
        return
    unit = f"{inputs.currency} per million requests"
    worth = (saved - draws.control) / draws.requests * _MILLION
    formula = "(ALE without - ALE with - cost of guards) / requests a year * 1e6"
    title = "Break-even: what guards may cost at most"
    marks = (*_MARKS, *(() if inputs.control_cost_per_year is not None else ("cost of guards a year not given",)))
    yield Figure("break_even.tax", title, told(worth), unit, formula=formula, marks=marks)
    if measured is None or measured.absolute is None:
        message = "no measured tax to hold against it; give a record of aligntax tax cost with --tax"
        yield Refusal(_BALANCE, "no_measured_tax", message)
        return
    factor = 1.0 if "million" in measured.unit else _MILLION
    cost: float | Values = measured.absolute.value * factor
    error = measured.absolute.standard_error(measured.confidence)
    if error:
        cost = draws.generator.normal(measured.absolute.value, error, DRAWS) * factor  # adds to the other errors
    balance = cost - worth
    found = told(balance)
    yield Figure(
        _BALANCE,
        "Measured tax less break-even: above 0 the guards cost more than they save",
        found,
        unit,
        verdict=verdict_by_interval(found),
        formula=f"{measured.name} - break-even",
        marks=_MARKS,
        more={"measured": measured.absolute.to_dict(), "probability_worth_it": float((balance < 0).mean())},
    )


def _measured(tax: Path, figure: str | None, currency: str) -> Measured:
    """Return a cost in money per request or per million of them.

    Raises:
        ValueError: if the record has none, or it is in another currency.
    """
    name = "currency.request" if figure is None else figure
    found = measured_figure(tax, name)
    money, _, each = found.unit.partition(" per ")
    if each not in ("useful request", "request", "million requests"):
        raise ValueError(f"{tax}: figure {name!r} is in {found.unit!r}; name one in money per request with --figure")
    if money != currency:
        raise ValueError(f"{tax}: figure {name!r} is in {money}, and the inputs are in {currency}; use one currency")
    return found


def _written(inputs: Inputs) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in inputs._asdict().items():
        found[name] = value._asdict() if isinstance(value, Counted | Range) else value
    return found
