"""What a user knows of attacks and losses: a TOML file of amounts, counts and ranges.

Every amount is a number, or two that it lies between. A range is read as 90 % sure: lognormal between its 5 % and 95 %
quantiles where both ends are above 0, uniform where one is 0 or for a share. A count with what it was counted in is a
rate or a share that was measured, and is as sure as the count makes it::

    currency = "USD"
    requests_per_year = [10e6, 14e6]
    single_loss = [20e3, 400e3]             # SLE: what one successful attack costs; nobody can know it but you
    control_cost_per_year = [30e3, 50e3]    # of the guards: licences, reviews; not the measured tax
    principal = [40e3, 60e3]                # what putting the guards in would cost, or has cost
    discount_rate = 0.08                    # a year
    years = 5

    [attacks]                               # P(attack): counted, or share = [1e-6, 1e-5]
    count = 40
    requests = 1_000_000
    [success_without]                       # share of attacks that succeed without guards: counted, or share = 0.6
    count = 120
    of = 200
    [success_with]
    count = 9
    of = 200

Instead of requests, attacks and successes, incidents may be counted::

    [incidents_without]
    count = 7
    years = 2
    [incidents_with]
    count = 1
    years = 1.5
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aligntax.taxes.ranges import Range, Table, read_toml

__all__ = ["MAX_YEARS", "Counted", "Inputs", "read_inputs"]

MAX_YEARS = 50
_LARGEST_RATIO = 1e6
_AMOUNTS = ("requests_per_year", "single_loss", "control_cost_per_year", "principal")
_SHARES = ("success_without", "success_with")
_INCIDENTS = ("incidents_without", "incidents_with")
_KEYS = ("currency", *_AMOUNTS, "discount_rate", "years", "attacks", *_SHARES, *_INCIDENTS)


class Counted(NamedTuple):
    """How many there were, in what: years, requests or attacks."""

    number: int
    exposure: float


class Inputs(NamedTuple):
    """What is known; None for what is not.

    Attributes:
        currency: of all amounts.
        requests_per_year: that are answered.
        single_loss: what one successful attack costs, the single-loss expectancy.
        control_cost_per_year: of the guards.
        principal: what putting them in costs, once.
        discount_rate: a year, as a share.
        years: that the debt is followed for.
        attacks: share of requests that are attacks, counted or given.
        success_without: share of attacks that succeed without guards, counted or given.
        success_with: the same with guards.
        incidents_without: successful attacks in years without guards.
        incidents_with: the same with guards.
    """

    currency: str
    requests_per_year: Range | None
    single_loss: Range | None
    control_cost_per_year: Range | None
    principal: Range | None
    discount_rate: float
    years: int
    attacks: Counted | Range | None
    success_without: Counted | Range | None
    success_with: Counted | Range | None
    incidents_without: Counted | None
    incidents_with: Counted | None

    def lacking(self, arm: str) -> list[str]:
        """Return what is missing for the yearly rate of incidents of an arm, `without` or `with` guards."""
        if getattr(self, f"incidents_{arm}") is not None:
            return []
        return [name for name in ("requests_per_year", "attacks", f"success_{arm}") if getattr(self, name) is None]


def read_inputs(path: Path) -> Inputs:
    """Return what a TOML file says; see this module for its keys.

    Raises:
        ValueError: if it cannot be read, or holds what does not belong there; names the file, the key, its value and
            the mend.
    """
    table = read_toml(path, _KEYS)
    amounts = {name: table.range(name, positive=name == "requests_per_year") for name in _AMOUNTS}
    for name, amount in amounts.items():
        if amount is not None and amount.low > 0 and amount.high / amount.low > _LARGEST_RATIO:
            raise ValueError(
                f"{path}: {name}={amount.written} spans more than a factor of {_LARGEST_RATIO:g}; narrow it down"
            )
    rate = table.range("discount_rate", most=1.0) or Range(0.0, 0.0)
    if rate.low != rate.high:
        raise ValueError(f"{path}: discount_rate={rate.written} is a range; choose one number, e.g. 0.08")
    years = table.count("years", least=1)
    if years is not None and years > MAX_YEARS:
        raise ValueError(f"{path}: years={years} is more than {MAX_YEARS}; nobody knows what attacks are like by then")
    return Inputs(
        table.text("currency", "USD"),
        **amounts,
        discount_rate=rate.low,
        years=5 if years is None else years,
        attacks=_share(path, table, "attacks", "requests"),
        success_without=_share(path, table, "success_without", "of"),
        success_with=_share(path, table, "success_with", "of"),
        incidents_without=_incidents(path, table, "incidents_without"),
        incidents_with=_incidents(path, table, "incidents_with"),
    )


def _share(path: Path, table: Table, name: str, whole: str) -> Counted | Range | None:
    inner = table.table(name, ("count", whole, "share"))
    if inner is None:
        return None
    share, count, exposure = inner.range("share", most=1.0), inner.count("count"), inner.count(whole, least=1)
    if (share is None) == (count is None) or (count is None) != (exposure is None):
        raise ValueError(f"{path}: [{name}] needs count and {whole}, or share alone")
    if share is not None:
        return share
    assert count is not None  # noqa: S101 (as the line above has it)
    assert exposure is not None  # noqa: S101 (as above)
    if count > exposure:
        raise ValueError(f"{path}: [{name}] count={count} is more than {whole}={exposure}; count a part of the whole")
    return Counted(count, exposure)


def _incidents(path: Path, table: Table, name: str) -> Counted | None:
    inner = table.table(name, ("count", "years"))
    if inner is None:
        return None
    count, years = inner.count("count"), inner.range("years", positive=True)
    if count is None or years is None or years.low != years.high:
        raise ValueError(f"{path}: [{name}] needs count, and the years that it was counted in as one number")
    return Counted(count, years.low)
