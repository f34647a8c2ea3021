"""What one attack less costs: a tax over the change in attack success that the guards brought."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scipy import stats

from aligntax.experiment.result import read_json
from aligntax.inference import CONFIDENCE, Estimate, fieller
from aligntax.taxes.reading import measured_figure
from aligntax.taxes.record import Refusal

__all__ = ["Tax", "price", "read_tax"]


class Tax(NamedTuple):
    """A tax that was measured elsewhere.

    Attributes:
        name: of the figure, e.g. `latency.request`.
        title: for people.
        unit: of the absolute figure.
        absolute: above 0 is a tax; None where only the relative one is known.
        relative: as a share of raw; None where it was refused.
        confidence: of their intervals.
        path: of its file.
    """

    name: str
    title: str
    unit: str
    absolute: Estimate | None
    relative: Estimate | None
    confidence: float
    path: Path


def read_tax(path: Path) -> Tax:
    """Read a tax: of a result of `aligntax bench` the one on latency, of a tax record the first with a relative figure.

    Args:
        path: a JSON file; `record.json#name` chooses another figure.

    Raises:
        ValueError: if it cannot be read, is neither of the two, or has no such figure; names the mend.
    """
    name = None
    if not path.exists() and "#" in path.name:
        bare, _, name = path.name.rpartition("#")
        path = path.with_name(bare)
    found = measured_figure(path, name)
    data = read_json(path)
    if data.get("kind") == "benefit":
        raise ValueError(f"{path}: says what guards bought, and not what they cost; pass the record of another tax")
    if found.absolute is None and found.relative is None:
        raise ValueError(f"{path}: its figure {found.name!r} was refused; pass {path.name}#NAME for another one")
    return Tax(found.name, found.title, found.unit, found.absolute, found.relative, _confidence(path, data), path)


def price(tax: Estimate | None, reduction: Estimate, tax_confidence: float, confidence: float) -> Estimate | Refusal:
    """Return tax / reduction, by Fieller, or why there is none.

    The standard errors are those that the intervals' widths stand for.

    Args:
        tax: in any unit.
        reduction: by which share attack success fell.
        tax_confidence: of the tax's interval.
        confidence: of the reduction's interval and of the result's.
    """
    what = "price of safety"
    if tax is None or tax.low is None or tax.high is None:
        return Refusal(what, "tax_without_interval", "the tax has no interval; measure it on more requests")
    if reduction.low is None or reduction.high is None or reduction.low <= 0 <= reduction.high:
        return Refusal(
            what,
            "change_includes_zero",
            f"attack success fell by {reduction.value:.4f}, but its interval includes 0, and a tax over nothing is no "
            "price; judge more attacks",
        )
    if reduction.value < 0:
        return Refusal(
            what, "attack_success_rose", f"attack success rose by {-reduction.value:.4f}: no safety was bought"
        )
    found = fieller(
        tax.value,
        reduction.value,
        _error(tax, tax_confidence),
        _error(reduction, confidence),
        confidence=confidence,
    )
    if found is None:
        return Refusal(
            what, "change_includes_zero", "the change in attack success may be 0 by its error; judge more attacks"
        )
    return found


def _error(found: Estimate, confidence: float) -> float:
    return found.width / 2 / float(stats.norm.isf((1 - confidence) / 2))


def _confidence(path: Path, data: Mapping[str, Any]) -> float:
    """Return the confidence of a file's intervals: what a record says of them, else the usual one."""
    parameters = data.get("parameters")
    found = parameters.get("confidence", CONFIDENCE) if isinstance(parameters, dict) else CONFIDENCE
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1:
        raise ValueError(f"{path}: its confidence, {found!r:.40}, lies not between 0 and 1; write the record anew")
    return float(found)
