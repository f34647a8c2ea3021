"""The verdict on a tax of which there is nothing but an interval."""

from __future__ import annotations

from aligntax.inference import Estimate
from aligntax.taxes.record import TaxVerdict

__all__ = ["verdict_by_interval"]


def verdict_by_interval(tax: Estimate) -> TaxVerdict | None:
    """Return `tax` or `bonus` where the interval leaves 0 out, `inconclusive` where not; None without an interval."""
    if tax.low is None or tax.high is None:
        return None
    if tax.low > 0:
        return TaxVerdict.TAX
    return TaxVerdict.BONUS if tax.high < 0 else TaxVerdict.INCONCLUSIVE
