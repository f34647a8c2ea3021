"""The tax of one score, and of several together, against values worked out by hand and what must hold of any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference import equivalence_p, mean_of_differences
from aligntax.taxes.performance.aggregate import macro
from aligntax.taxes.performance.of_pairs import BINARY, of_pairs
from aligntax.taxes.performance.of_summaries import COUNTED, POINT, SUMMARIES, of_summaries
from aligntax.taxes.performance.pairing import Pairs
from aligntax.taxes.performance.scores import Score
from aligntax.taxes.performance.verdicts import tell
from aligntax.taxes.record import TaxVerdict

CONFIDENCE = 0.95


def pairs(raw: object, aligned: object, clusters: object = None) -> Pairs:
    labels = None if clusters is None else np.asarray(clusters, np.uint64)
    return Pairs(np.asarray(raw, float), np.asarray(aligned, float), labels)


def table(both: int, only_raw: int, only_aligned: int, neither: int) -> Pairs:
    cells = ((1, 1), (1, 0), (0, 1), (0, 0))
    counts = (both, only_raw, only_aligned, neither)
    raw, aligned = (np.repeat([cell[arm] for cell in cells], counts) for arm in (0, 1))
    return pairs(raw, aligned)


def test_binary_pairs() -> None:
    found = of_pairs(table(40, 15, 5, 40), 1, CONFIDENCE)
    assert found.formula == BINARY
    assert found.counts == (15, 5)
    assert found.absolute.value == pytest.approx(0.10)
    assert found.p == pytest.approx(stats.binomtest(15, 20).pvalue)
    assert found.error is not None
    assert found.error >= math.sqrt(15 + 5 - (15 - 5) ** 2 / 100) / 100
    assert found.error == pytest.approx(math.sqrt(19) / 100, rel=0.05)


def test_binary_pairs_of_which_less_is_better() -> None:
    found = of_pairs(table(40, 15, 5, 40), -1, CONFIDENCE)
    assert found.counts == (5, 15)
    assert found.absolute.value == pytest.approx(-0.10)


def test_continuous_pairs_are_students() -> None:
    draw = np.random.default_rng(1)
    raw = draw.random(50)
    aligned = raw - draw.normal(0.02, 0.1, 50)
    found = of_pairs(pairs(raw, aligned), 1, CONFIDENCE)
    assert found.absolute == pytest.approx(mean_of_differences(aligned, raw))
    assert found.p == pytest.approx(stats.ttest_rel(raw, aligned).pvalue)
    equivalent = equivalence_p(aligned, raw, 0.08, paired=True, absolute=True)
    assert found.p_equivalent(0.08) == pytest.approx(equivalent)


def test_clusters_of_one_are_no_clusters_and_copies_add_nothing() -> None:
    draw = np.random.default_rng(2)
    raw, aligned = draw.random((2, 30))
    plain = of_pairs(pairs(raw, aligned), 1, CONFIDENCE)
    alone = of_pairs(pairs(raw, aligned, np.arange(30)), 1, CONFIDENCE)
    copied = of_pairs(pairs(np.repeat(raw, 4), np.repeat(aligned, 4), np.repeat(np.arange(30), 4)), 1, CONFIDENCE)
    for other in (alone, copied):
        assert other.absolute == pytest.approx(plain.absolute)
        assert other.relative(CONFIDENCE) == pytest.approx(plain.relative(CONFIDENCE))


def test_few_or_one_cluster_have_no_interval() -> None:
    found = of_pairs(pairs([1, 0, 1], [0, 0, 1], [7, 7, 7]), 1, CONFIDENCE)
    assert (found.absolute.low, found.error, found.p, found.p_equivalent(0.5)) == (None, None, None, None)
    assert of_pairs(pairs([0.3], [0.2]), 1, CONFIDENCE).error is None


def test_summaries_add_their_variances() -> None:
    found = of_summaries(Score(0.6, 0.03), Score(0.5, 0.04), 1, CONFIDENCE)
    assert found.formula == SUMMARIES
    assert found.error == pytest.approx(0.05)
    assert found.absolute == pytest.approx((0.1, 0.1 - 1.959964 * 0.05, 0.1 + 1.959964 * 0.05))
    assert found.p == pytest.approx(2 * stats.norm.sf(2))


@pytest.mark.parametrize("errors", [(None, None), (0.0, 0.0), (None, 0.02), (0.0, 0.02)])
def test_shares_without_a_spread_are_counted(errors: tuple[float | None, float | None]) -> None:
    raw, aligned = Score(1.0, errors[0], 20), Score(0.9, errors[1], 20)
    found = of_summaries(raw, aligned, 1, CONFIDENCE, counted_of=1)
    assert found.formula == COUNTED
    assert found.absolute.value == pytest.approx(0.1)
    assert found.absolute.low is not None
    assert found.absolute.low < 0 < 0.1 < (found.absolute.high or 0)


@pytest.mark.parametrize(
    "scores",
    [
        (Score(0.5), Score(0.4)),  # how many?
        (Score(0.5, None, 10), Score(0.43, None, 10)),  # 4.3 of 10 items
        (Score(0.5, None, 10, error_refused=True), Score(0.4, None, 10, error_refused=True)),
        (Score(0.5, 0.1), Score(0.4)),
    ],
)
def test_no_spread_no_interval(scores: tuple[Score, Score]) -> None:
    found = of_summaries(*scores, 1, CONFIDENCE, counted_of=1)
    assert (found.formula, found.absolute.low, found.p) == (POINT, None, None)
    relative = found.relative(CONFIDENCE)
    assert relative is not None
    assert relative.low is None


def test_a_share_of_next_to_nothing_is_refused() -> None:
    assert of_summaries(Score(0.05, 0.03), Score(0.04, 0.03), 1, CONFIDENCE).relative(CONFIDENCE) is None
    assert of_summaries(Score(0.30, 0.03), Score(0.30, 0.03), 1, CONFIDENCE).relative(CONFIDENCE, base=0.25) is None
    assert of_summaries(Score(0.0, 0.03), Score(0.04, 0.03), 1, CONFIDENCE).relative(CONFIDENCE) is None


def test_chance_is_taken_from_raw() -> None:
    found = of_summaries(Score(0.75, 0.001), Score(0.70, 0.001), 1, CONFIDENCE).relative(CONFIDENCE, base=0.25)
    assert found is not None
    assert found.value == pytest.approx(0.1)


def test_verdicts() -> None:
    contrasts = {
        "tax": of_summaries(Score(0.6, 0.01), Score(0.5, 0.01), 1, CONFIDENCE),
        "bonus": of_summaries(Score(0.5, 0.01), Score(0.6, 0.01), 1, CONFIDENCE),
        "none": of_summaries(Score(0.501, 0.001), Score(0.5, 0.001), 1, CONFIDENCE),
        "certain but small": of_summaries(Score(0.505, 0.001), Score(0.5, 0.001), 1, CONFIDENCE),
        "inconclusive": of_summaries(Score(0.52, 0.02), Score(0.5, 0.02), 1, CONFIDENCE),
        "unknown": of_summaries(Score(0.9), Score(0.5), 1, CONFIDENCE),
    }
    told = tell(contrasts, dict.fromkeys(contrasts, 0.01), 0.05)
    assert [each.verdict for each in told.values()] == [
        *(TaxVerdict.TAX, TaxVerdict.BONUS, TaxVerdict.NONE, TaxVerdict.NONE),
        *(TaxVerdict.INCONCLUSIVE, TaxVerdict.INCONCLUSIVE),
    ]
    assert told["tax"].p == pytest.approx(5 * (contrasts["tax"].p or 0))
    assert tell(contrasts, dict.fromkeys(contrasts), 0.05)["certain but small"].verdict is TaxVerdict.TAX


def test_one_test_of_many_must_be_surer() -> None:
    borderline = of_summaries(Score(0.6, 0.03), Score(0.5, 0.03), 1, CONFIDENCE)
    null = of_summaries(Score(0.5, 0.03), Score(0.5, 0.03), 1, CONFIDENCE)
    assert tell({1: borderline}, {1: None}, 0.05)[1].verdict is TaxVerdict.TAX
    many = dict.fromkeys(range(19), null) | {19: borderline}
    assert tell(many, dict.fromkeys(many), 0.05)[19].verdict is TaxVerdict.INCONCLUSIVE


def test_items_that_all_agree_show_little_when_they_are_few() -> None:
    few, many = (of_pairs(pairs(scores, scores), 1, CONFIDENCE) for scores in (np.linspace(0, 1, n) for n in (5, 500)))
    assert few.p_equivalent(0.05) == pytest.approx(0.95**5)
    assert many.p_equivalent(0.05) == pytest.approx(0.95**500)
    for found in (few, many):
        assert found.absolute == (0, 0, 0)
        assert found.p == 1


def test_clusters_that_all_agree_show_as_little_as_so_many_items() -> None:
    scores = np.tile(np.linspace(0, 1, 50), 20)
    found = of_pairs(pairs(scores, scores, np.repeat(np.arange(5), 200)), 1, CONFIDENCE)
    assert found.p_equivalent(0.05) == pytest.approx(0.95**5)


def test_macro() -> None:
    parts = [
        of_summaries(Score(0.6, 0.03), Score(0.5, 0.04), 1, CONFIDENCE),
        of_summaries(Score(0.4, 0.05), Score(0.5, 0.12), 1, CONFIDENCE),
    ]
    found = macro(parts, CONFIDENCE)
    assert found.absolute.value == pytest.approx(0)
    assert (found.raw, found.aligned) == (pytest.approx(0.5), pytest.approx(0.5))
    assert found.error == pytest.approx(math.sqrt(0.05**2 + 0.13**2) / 2)
    assert macro([parts[0], parts[0]], CONFIDENCE).absolute.value == pytest.approx(parts[0].absolute.value)
    without = macro([parts[0], of_summaries(Score(0.5), Score(0.5), 1, CONFIDENCE)], CONFIDENCE)
    assert (without.error, without.absolute.low, without.p) == (None, None, None)
    alone = macro([of_pairs(table(40, 15, 5, 40), 1, CONFIDENCE)], CONFIDENCE)
    assert alone.absolute == pytest.approx(of_pairs(table(40, 15, 5, 40), 1, CONFIDENCE).absolute)


scores = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30)
counted = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30)


@given(st.one_of(scores, counted), st.sampled_from([1, -1]))
@settings(max_examples=60, deadline=None)
def test_swapped_arms_and_turned_directions_change_the_sign(found: list[tuple[float, float]], direction: int) -> None:
    raw, aligned = np.array(found, float).T
    one = of_pairs(pairs(raw, aligned), direction, CONFIDENCE)
    for other in (
        of_pairs(pairs(aligned, raw), direction, CONFIDENCE),
        of_pairs(pairs(raw, aligned), -direction, CONFIDENCE),
    ):
        assert other.absolute.value == pytest.approx(-one.absolute.value, abs=1e-12)
        assert other.absolute.low == pytest.approx(-(one.absolute.high or 0), abs=1e-9)
        assert other.p == pytest.approx(one.p)
        assert other.p_equivalent(0.1) == pytest.approx(one.p_equivalent(0.1))


@given(scores, st.floats(0.01, 1000))
@settings(max_examples=60, deadline=None)
def test_units_cancel(found: list[tuple[float, float]], factor: float) -> None:
    raw, aligned = 1 + np.array(found, float).T
    one = of_pairs(pairs(raw, aligned), 1, CONFIDENCE)
    other = of_pairs(pairs(factor * raw, factor * aligned), 1, CONFIDENCE)
    assert other.absolute.value == pytest.approx(factor * one.absolute.value, abs=1e-9 * factor)
    ends = one.relative(CONFIDENCE), other.relative(CONFIDENCE)
    assert (ends[0] is None) == (ends[1] is None)
    if ends[0] is not None and ends[1] is not None:
        assert ends[1].value == pytest.approx(ends[0].value, abs=1e-9)


@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_identical_arms_cost_nothing(found: list[float]) -> None:
    one = of_pairs(pairs(found, found), 1, CONFIDENCE)
    assert one.absolute.value == 0
    assert one.absolute.covers(0)
    assert one.p in (None, 1.0)
