"""The ledger of hours that a user keeps, and what they cost for each request.

A TOML file. Every amount is a number, or two that it lies between; nothing is inferred from code::

    currency = "USD"
    rate_per_hour = [80, 120]            # for all entries without a rate of their own
    window_months = 24                   # over which it is paid off
    requests_per_month = [1e6, 3e6]      # in that time

    [[hours]]
    what = "blocklist: first version, tests, roll-out"
    once = [30, 50]                      # hours, once
    [[hours]]
    what = "blocklist: reviewing false positives"
    per_month = [2, 6]                   # hours, every month
    rate_per_hour = 95
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aligntax.inference import Estimate
from aligntax.taxes.ranges import Range, Table, read_toml

__all__ = ["Entry", "Hours", "read_hours"]

MAX_ENTRIES = 10_000
_KEYS = ("currency", "rate_per_hour", "window_months", "requests_per_month", "hours")
_ENTRY_KEYS = ("what", "once", "per_month", "rate_per_hour")


class Entry(NamedTuple):
    """One line of the ledger.

    Attributes:
        what: was done.
        once: hours, once.
        per_month: hours, every month.
        rate_per_hour: in the ledger's currency; None where nobody said.
    """

    what: str
    once: Range
    per_month: Range
    rate_per_hour: Range | None

    def hours(self, months: Range) -> Range:
        """Return the hours of the whole window."""
        return Range(
            self.once.low + self.per_month.low * months.low, self.once.high + self.per_month.high * months.high
        )


class Hours(NamedTuple):
    """A ledger.

    Attributes:
        currency: of all rates.
        entries: its lines.
        window_months: over which it is paid off; None where nobody said.
        requests_per_month: in that time; None where nobody said.
    """

    currency: str
    entries: tuple[Entry, ...]
    window_months: Range | None
    requests_per_month: Range | None

    @property
    def missing(self) -> list[str]:
        """What a cost per request needs, and nobody said."""
        found = [name for name in ("window_months", "requests_per_month") if getattr(self, name) is None]
        return [*found, *(["rate_per_hour"] if any(entry.rate_per_hour is None for entry in self.entries) else [])]

    def total_hours(self) -> Estimate | None:
        """Return the hours of the whole window, at the middles of the ranges and at their ends."""
        if self.window_months is None:
            return None
        found = [entry.hours(self.window_months) for entry in self.entries]
        middle = sum(each.once.middle + each.per_month.middle * self.window_months.middle for each in self.entries)
        return Estimate(middle, sum(each.low for each in found), sum(each.high for each in found))

    def total_cost(self) -> Estimate | None:
        """Return what they cost; None where something is missing."""
        if self.window_months is None:
            return None
        middle = low = high = 0.0
        for entry in self.entries:
            rate = entry.rate_per_hour
            if rate is None:
                return None
            hours = entry.hours(self.window_months)
            middle += (entry.once.middle + entry.per_month.middle * self.window_months.middle) * rate.middle
            low, high = low + hours.low * rate.low, high + hours.high * rate.high
        return Estimate(middle, low, high)

    def cost_per_request(self) -> Estimate | None:
        """Return what they cost for each request of the window; None where something is missing."""
        window, requests = self.window_months, self.requests_per_month
        if window is None or requests is None:
            return None
        middle = low = high = 0.0
        for entry in self.entries:
            rate = entry.rate_per_hour
            if rate is None:
                return None
            # For each month of the window: what is done once is the dearer the shorter that is.
            middle += (entry.once.middle / window.middle + entry.per_month.middle) * rate.middle
            low += (entry.once.low / window.high + entry.per_month.low) * rate.low
            high += (entry.once.high / window.low + entry.per_month.high) * rate.high
        return Estimate(middle / requests.middle, low / requests.high, high / requests.low)


def read_hours(path: Path) -> Hours:
    """Return the ledger in a TOML file; see this module for its keys.

    Raises:
        ValueError: if it cannot be read, has no entries, or holds what does not belong there; names the file, the key,
            its value and the mend.
    """
    table = read_toml(path, _KEYS)
    rate = table.range("rate_per_hour")
    listed = table.tables("hours")
    if not 0 < len(listed) <= MAX_ENTRIES:
        raise ValueError(f"{path}: {len(listed)} entries of hours; write [[hours]] before each of 1 to {MAX_ENTRIES:,}")
    return Hours(
        table.text("currency", "USD"),
        tuple(_entry(where, data, rate) for where, data in listed),
        table.range("window_months", positive=True),
        table.range("requests_per_month", positive=True),
    )


def _entry(where: str, data: object, rate: Range | None) -> Entry:
    table = Table(where, data, _ENTRY_KEYS)
    once, per_month = table.range("once"), table.range("per_month")
    if once is None and per_month is None:
        raise ValueError(f"{where}: has no hours; write once = ..., per_month = ..., or both")
    own = table.range("rate_per_hour")
    nothing = Range(0.0, 0.0)
    return Entry(table.text("what", ""), once or nothing, per_month or nothing, rate if own is None else own)
