"""What one attack less costs: a tax over the change in attack success that the guards brought."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aligntax.inference import Estimate, fieller
from aligntax.taxes.reading import measured_figure
from aligntax.taxes.record import Refusal

__all__ = ["Tax", "chosen", "price", "read_tax"]


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


def chosen(path: Path) -> tuple[Path, str | None]:
    """Return the file that `record.json#name` names, and the figure that it chooses; None where it chooses none."""
    if path.exists() or "#" not in path.name:
        return path, None
    bare, _, name = path.name.rpartition("#")
    return path.with_name(bare), name


def read_tax(path: Path) -> Tax:
    """Read a tax: of a result of `aligntax bench` the one on latency, of a tax record the first with a relative figure.

    Args:
        path: a JSON file; `record.json#name` chooses another figure.

    Raises:
        ValueError: if it cannot be read, is neither of the two, or has no such figure; names the mend.
    """
    path, name = chosen(path)
    found = measured_figure(path, name)
    if found.kind == "benefit":
        raise ValueError(f"{path}: says what guards bought, and not what they cost; pass the record of another tax")
    if found.absolute is None and found.relative is None:
        raise ValueError(f"{path}: its figure {found.name!r} was refused; pass {path.name}#NAME for another one")
    return Tax(found.name, found.title, found.unit, found.absolute, found.relative, found.confidence, path)


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
    error = None if tax is None else tax.standard_error(tax_confidence)
    if tax is None or error is None:
        return Refusal(what, "tax_without_interval", "the tax has no interval; measure it on more requests")
    error_of_reduction = reduction.standard_error(confidence)
    if error_of_reduction is None or reduction.covers(0):
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
    found = fieller(tax.value, reduction.value, error, error_of_reduction, confidence=confidence)
    if found is None:
        return Refusal(
            what, "change_includes_zero", "the change in attack success may be 0 by its error; judge more attacks"
        )
    return found
