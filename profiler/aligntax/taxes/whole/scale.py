"""Raw performance 100, after alignment 95: the tax is 5. Every tax with a relative figure, on that scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aligntax.figures import of_hundred
from aligntax.inference import Estimate

__all__ = ["on_scale"]

RAW = 100.0


class _Words(NamedTuple):
    """How a kind of tax is told: what raw is 100 of, and whether less of it is better."""

    what: str
    after: str
    less_is_better: bool


_KINDS = {
    "performance": _Words("performance", "after alignment", less_is_better=False),
    "latency": _Words("time of a request", "with the guards", less_is_better=True),
    "capability": _Words("diversity", "after alignment", less_is_better=False),
    "cost": _Words("cost", "with the guards", less_is_better=True),
    "compute": _Words("CPU time", "with the guards", less_is_better=True),
}
"""The kinds that have a raw figure, the one that the definition is about first."""
_OVER_REFUSAL = "over_refusal.rate"
_REFUSALS = _Words("refusals of safe prompts", "after alignment", less_is_better=True)
"""What a capability tax is about where nothing but that was measured."""


def on_scale(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each kind of tax that can be put on the scale, its headline there.

    Args:
        rows: of a whole report: figures as plain data, with their `kind` and whether they are its `headline`.

    Returns:
        Of each: `kind`, `name`, `title`, `source`, `formula` and `n` of the figure; `raw`, which is 100; `after` and
        `tax`, estimates; and the definition with these numbers as `sentence`. What people name first is first.
    """
    found = []
    for kind, words in _KINDS.items():
        row = next((row for row in rows if row["kind"] == kind and row["headline"] and row["relative"]), None)
        if row is None:
            continue
        if row["name"].rpartition(":")[2] == _OVER_REFUSAL:
            words = _REFUSALS
        relative = Estimate.from_dict(row["relative"])
        ends = [None if end is None else end * RAW for end in relative[1:]]
        tax = Estimate(relative.value * RAW, *ends)
        sign = 1 if words.less_is_better else -1
        low, high = (None if end is None else RAW + sign * end for end in (ends if sign > 0 else reversed(ends)))
        after = Estimate(RAW + sign * tax.value, low, high)
        found.append(
            {
                **{key: row[key] for key in ("kind", "name", "title", "source", "formula", "n")},
                "raw": RAW,
                "after": after.to_dict(),
                "tax": tax.to_dict(),
                "sentence": _sentence(words, after, tax, row["verdict"]),
            }
        )
    return found


def _sentence(words: _Words, after: Estimate, tax: Estimate, verdict: str | None) -> str:
    start = f"Raw {words.what} 100, {words.after} {of_hundred(after.value)}"
    if verdict == "inconclusive" or (tax.low is not None and tax.covers(0) and verdict is None):
        return f"{start}: a tax of {of_hundred(tax.value)} that cannot be told from zero{_range(tax)}."
    name = "the tax is" if tax.value >= 0 else "a bonus, the tax is"
    return f"{start}: {name} {of_hundred(tax.value)}{_range(tax)}."


def _range(tax: Estimate) -> str:
    if tax.low is None or tax.high is None:
        return ""
    return f" ({of_hundred(tax.low)} to {of_hundred(tax.high)})"
