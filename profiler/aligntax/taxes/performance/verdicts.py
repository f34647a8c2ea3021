"""What may be said of a tax, once all that were tested together are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from aligntax.inference import holm
from aligntax.taxes.performance.contrast import Contrast
from aligntax.taxes.record import TaxVerdict

__all__ = ["Told", "tell"]

K = TypeVar("K")


class Told(NamedTuple):
    """What is said of one tax.

    Attributes:
        verdict: see `tell`.
        p: of "no tax", adjusted by Holm; None where no test could be made.
        p_equivalent: of "a tax of the margin or more, either way"; None without a margin or an error.
    """

    verdict: TaxVerdict
    p: float | None
    p_equivalent: float | None


def tell(contrasts: Mapping[K, Contrast], margins: Mapping[K, float | None], alpha: float) -> dict[K, Told]:
    """Return what is said of each tax of one family.

    Equivalence goes first: a tax that is certain and certainly smaller than the margin is none beyond it. The tests of
    "no tax" are adjusted by Holm. Those of equivalence need no adjustment: that nothing is taxed is said of all of
    them together (Berger, Multiparameter hypothesis testing, 1982).

    Args:
        contrasts: the taxes that are tested together.
        margins: what is no tax yet, in the unit of each; None for none.
        alpha: the chance of even one false alarm that is put up with.
    """
    tested: Sequence[K] = [key for key, found in contrasts.items() if found.p is not None]
    adjusted = dict(zip(tested, holm([contrasts[key].p or 0.0 for key in tested]), strict=True))
    told = {}
    for key, found in contrasts.items():
        margin = margins[key]
        equivalent = None if margin is None else found.p_equivalent(margin)
        told[key] = Told(_verdict(found, adjusted.get(key), equivalent, alpha), adjusted.get(key), equivalent)
    return told


def _verdict(found: Contrast, p: float | None, equivalent: float | None, alpha: float) -> TaxVerdict:
    if equivalent is not None and equivalent <= alpha:
        return TaxVerdict.NONE
    if p is None or p > alpha or found.absolute.value == 0:
        return TaxVerdict.INCONCLUSIVE
    return TaxVerdict.TAX if found.absolute.value > 0 else TaxVerdict.BONUS
