"""Ratios of two shares, and what follows from one: how many of the texts that are stopped are attacks."""

from __future__ import annotations

import math

from aligntax.inference import CONFIDENCE, Estimate, newcombe, wilson
from aligntax.taxes.benefit.counts import Part
from aligntax.taxes.by_interval import verdict_by_interval
from aligntax.taxes.record import TaxVerdict

__all__ = ["checked_prevalence", "precision", "ratio_of_shares", "relative_change", "verdict_on_change"]


def ratio_of_shares(top: Part, bottom: Part, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the ratio of two independent shares, with the interval that their Wilson intervals give (MOVER-R).

    It is Fieller's interval with the distances to Wilson's ends in place of standard errors, which vanish for a share
    of 0 or 1 although neither is known exactly. Sources: Donner and Zou, Closed-form confidence intervals for functions
    of the normal mean and standard deviation, Statistical Methods in Medical Research 21 (2012); Newcombe, MOVER-R
    confidence intervals for ratios and products of two independently estimated quantities, ibid. 25 (2016).

    Args:
        top: the numerator.
        bottom: the denominator.
        confidence: of the interval, between 0 and 1.

    Returns:
        The ratio; None where the denominator's share is 0.

    Raises:
        ValueError: if a part is more than its whole, a whole is 0, or the confidence is out of range.
    """
    over, under = wilson(*top, confidence), wilson(*bottom, confidence)
    if bottom.k == 0 or over.low is None or over.high is None or under.low is None or under.high is None:
        return None
    product = over.value * under.value
    # As the low end is a difference of two numbers that may be nearly alike, it is written as a quotient instead.
    low = over.low * (2 * over.value - over.low)
    inner = math.sqrt(max(0.0, product**2 - low * under.high * (2 * under.value - under.high)))
    down = low / (product + inner) if top.k else 0.0
    under_low = under.low * (2 * under.value - under.low)
    outer = math.sqrt(max(0.0, product**2 - over.high * (2 * over.value - over.high) * under_low))
    value = over.value / under.value
    return Estimate(value, min(down, value), max((product + outer) / under_low, value))


def relative_change(new: Part, base: Part, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return how much a share changed, as a part of the base's: -1 says that nothing is left; None of a base of 0."""
    ratio = ratio_of_shares(new, base, confidence)
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    return Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1)


def precision(caught: Part, false_alarms: Part, prevalence: float, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return which part of the stopped texts are attacks, where attacks are as common as they really are.

    By Bayes: p c / (p c + (1 - p) f) with the prevalence p, the share c of attacks that are caught, and the share f of
    benign texts that are stopped. It depends on the data by f / c alone, whose interval it takes over.

    Args:
        caught: attacks that are stopped, of all attacks.
        false_alarms: benign texts that are stopped, of all benign ones.
        prevalence: which part of the real requests are attacks, between 0 and 1.
        confidence: of the interval, between 0 and 1.

    Returns:
        The precision; None where no attack was stopped.

    Raises:
        ValueError: if the prevalence is out of range; and as `ratio_of_shares`.
    """
    checked_prevalence(prevalence)
    ratio = ratio_of_shares(false_alarms, caught, confidence)
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    odds = (1 - prevalence) / prevalence
    return Estimate(*(1 / (1 + odds * found) for found in (ratio.value, ratio.high, ratio.low)))


def checked_prevalence(prevalence: float) -> float:
    """Return a prevalence that lies between 0 and 1.

    Raises:
        ValueError: if it does not.
    """
    if not 0 < prevalence < 1:
        raise ValueError(
            f"prevalence={prevalence} is no share of requests; pass one between 0 and 1, e.g. 0.001 where one request "
            "in a thousand is an attack"
        )
    return prevalence


def verdict_on_change(new: Part, base: Part, margin: float | None, confidence: float = CONFIDENCE) -> TaxVerdict | None:
    """Return what the change of a share shows; above 0 is a tax.

    No tax beyond the margin: the interval of two one-sided tests lies within it, and that comes first, since a change
    that is certain and certainly small is none that counts.
    """
    if margin is not None:
        inner = newcombe(*new, *base, 2 * confidence - 1)
        if inner.low is not None and inner.high is not None and -margin < inner.low and inner.high < margin:
            return TaxVerdict.NONE
    return verdict_by_interval(newcombe(*new, *base, confidence))
