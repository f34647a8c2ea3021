"""What must hold for any two arms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from aligntax.inference import (
    Comparison,
    Statistic,
    Verdict,
    compare,
    difference_of_medians,
    equivalence_p,
    mean,
    mean_of_differences,
    median_of_differences,
    permutation_p,
    quantile,
    ratio_of_means,
)

from .simulations import Values

# Whole microseconds: sums and differences of them are exact, so that what must be equal can be asked to be equal.
times = st.integers(1, 5_000).map(float)
several = settings(deadline=None, max_examples=60)
statistics: st.SearchStrategy[Statistic] = st.sampled_from(["mean", "median", "ranks"])


@st.composite
def pairs(draw: st.DrawFn, most: int = 40) -> tuple[Values, Values]:
    n = draw(st.integers(1, most))
    base, new = (draw(npst.arrays(np.float64, n, elements=times)) for _ in range(2))
    return base, new


@st.composite
def independent(draw: st.DrawFn) -> tuple[Values, Values]:
    base, new = (draw(npst.arrays(np.float64, st.integers(1, 20), elements=times)) for _ in range(2))
    return base, new


def close(left: tuple[float | None, ...] | None, right: tuple[float | None, ...] | None) -> bool:
    if left is None or right is None:
        return left is right
    return all(
        (one is None and other is None)
        or (one is not None and other is not None and one == pytest.approx(other, rel=1e-9, abs=1e-9))
        for one, other in zip(left, right, strict=True)
    )


@several
@given(pairs(), statistics)
def test_swapping_paired_arms_turns_the_sign(arms: tuple[Values, Values], statistic: Statistic) -> None:
    base, new = arms
    for function in (median_of_differences, mean_of_differences):
        there, back = function(base, new), function(new, base)
        assert close(
            (there.value, there.low, there.high), tuple(None if x is None else -x for x in (back[0], back[2], back[1]))
        )
    there, back = ratio_of_means(base, new, paired=True), ratio_of_means(new, base, paired=True)
    assert close(
        (there.value, there.low, there.high), tuple(None if x is None else 1 / x for x in (back[0], back[2], back[1]))
    )
    assert permutation_p(base, new, True, statistic, resamples=199) == permutation_p(
        new, base, True, statistic, resamples=199
    )


@several
@given(independent(), statistics)
def test_swapping_independent_arms_turns_the_sign(arms: tuple[Values, Values], statistic: Statistic) -> None:
    base, new = arms
    there, back = difference_of_medians(base, new), difference_of_medians(new, base)
    assert close(
        (there.value, there.low, there.high), tuple(None if x is None else -x for x in (back[0], back[2], back[1]))
    )
    there_p, back_p = (permutation_p(*order, False, statistic, resamples=199) for order in ((base, new), (new, base)))
    assert there_p == back_p


@several
@given(pairs(), statistics, st.integers(-20, 20))
def test_the_unit_of_time_does_not_matter(arms: tuple[Values, Values], statistic: Statistic, power: int) -> None:
    base, new = arms
    factor = 2.0**power
    for paired in (True, False):
        ours = compare(base, new, paired=paired, margin=0.02, statistic=statistic, resamples=199)
        theirs = compare(base * factor, new * factor, paired=paired, margin=0.02, statistic=statistic, resamples=199)
        assert close(tuple(None if x is None else x * factor for x in ours.effect), theirs.effect)
        assert close(ours.relative, theirs.relative)
        assert (ours.p, ours.verdict, ours.worse) == (theirs.p, theirs.verdict, theirs.worse)
        assert ours.p_equivalent == pytest.approx(theirs.p_equivalent)


@several
@given(pairs(), statistics, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(arms: tuple[Values, Values], statistic: Statistic, random: object) -> None:
    base, new = arms
    order = list(range(len(base)))
    random.shuffle(order)  # type: ignore[attr-defined]
    ours = compare(base, new, paired=True, margin=0.02, statistic=statistic, resamples=199)
    theirs = compare(base[order], new[order], paired=True, margin=0.02, statistic=statistic, resamples=199)
    assert ours.effect == theirs.effect
    assert close(ours.relative, theirs.relative)
    assert (ours.p, ours.verdict) == (theirs.p, theirs.verdict)
    assert ours.p_equivalent == pytest.approx(theirs.p_equivalent, abs=1e-12)


@several
@given(independent(), statistics)
def test_the_order_of_independent_values_does_not_matter(arms: tuple[Values, Values], statistic: Statistic) -> None:
    base, new = arms
    ours = permutation_p(base, new, False, statistic, resamples=199)
    assert ours == permutation_p(np.sort(base), np.sort(new)[::-1], False, statistic, resamples=199)


@several
@given(pairs(), st.floats(0.01, 0.5), st.booleans())
def test_identical_arms_are_never_a_regression(arms: tuple[Values, Values], margin: float, paired: bool) -> None:
    base, _ = arms
    found: Comparison = compare(base, base, paired=paired, margin=margin, resamples=199)
    assert found.effect.value == 0
    assert found.relative is not None
    assert found.relative.value == 0
    assert found.p == 1
    assert found.verdict in {Verdict.CANNOT_TELL, Verdict.UNCHANGED}
    if paired and len(base) > 20:  # pairs that do not differ at all are within any margin of a base that varies little
        assert found.effect == (0, 0, 0)


@several
@given(pairs(most=80), st.floats(0.001, 0.999), st.floats(0.5, 0.999))
def test_an_interval_encloses_its_value(arms: tuple[Values, Values], q: float, confidence: float) -> None:
    base, new = arms
    for estimate in (
        mean(base, confidence),
        quantile(base, q, confidence),
        median_of_differences(base, new, confidence),
        mean_of_differences(base, new, confidence),
        difference_of_medians(base, new, confidence),
        ratio_of_means(base, new, paired=True, confidence=confidence),
        ratio_of_means(base, new, paired=False, confidence=confidence),
    ):
        assert (estimate.low is None) == (estimate.high is None)
        assert estimate.covers(estimate.value)


@several
@given(pairs(), st.booleans())
def test_more_confidence_is_a_wider_interval(arms: tuple[Values, Values], paired: bool) -> None:
    base, new = arms
    for function in (
        lambda confidence: quantile(base, 0.5, confidence),
        lambda confidence: mean_of_differences(base, new, confidence),
        lambda confidence: ratio_of_means(base, new, paired=paired, confidence=confidence),
    ):
        assert function(0.8).width <= function(0.99).width


@several
@given(pairs(), st.floats(0.001, 0.4), st.booleans())
def test_a_wider_margin_is_easier_to_keep(arms: tuple[Values, Values], margin: float, paired: bool) -> None:
    narrow, wide = (equivalence_p(*arms, factor * margin, paired) for factor in (1, 2))
    assert 0 <= wide <= 1
    if paired or np.ptp(arms[0]) == 0:  # a margin of a base that varies brings that variation with it
        return
    assert wide <= narrow + 0.05
