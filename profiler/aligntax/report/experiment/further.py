"""What is told beside the tax of a request: that on its first chunk, the way through a proxy, and the warm-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aligntax.figures import duration
from aligntax.report.experiment.contents import ARM_NAMES, Data, estimate
from aligntax.report.experiment.wording import arm_name, in_order

__all__ = ["FurtherTax", "further_taxes", "warm_up_words", "warmed_up"]


class FurtherTax(NamedTuple):
    """A part of the tax, or the tax on a part of the request.

    Attributes:
        name: for people.
        seconds: the estimate, as plain data.
        note: what it is.
    """

    name: str
    seconds: Any
    note: str


_TOLD = {
    "first_chunk_seconds": ("Tax on the first chunk", "until the answer begins; median of pairs"),
    "hop_seconds": ("Way through the proxy", "with no guard in it; a part of the tax, median of pairs"),
}


def further_taxes(result: Data) -> Iterator[FurtherTax]:
    """Yield those that were measured."""
    for key, (name, note) in _TOLD.items():
        found = result["tax"].get(key)
        if estimate(found) is not None:
            yield FurtherTax(name, found, note)


def warmed_up(result: Data) -> dict[str, Mapping[str, Any]]:
    """Return how long the first requests of each arm took, none of which counts; empty without a warm-up."""
    found = result.get("warm_up") or {}
    return {arm: found[arm] for arm in in_order(found) if found[arm].get("n")}


def warm_up_words(result: Data) -> str:
    """Return in words how long the warm-up of those arms took that every experiment has; empty without one."""
    told = [
        f"{duration(times['mean'])} {arm_name(arm)} (n = {times['n']:,})"
        for arm, times in warmed_up(result).items()
        if arm in ARM_NAMES
    ]
    return ", ".join(told)
