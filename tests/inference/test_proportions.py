"""Shares and their differences: published intervals to the printed digit, and what must hold of any."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import newcombe, wilson

from .simulations import covered


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Over-refusal on the 250 safe prompts of XSTest.
        (95, 250, "32.2", "44.2"),
        (54, 250, "16.9", "27.1"),
    ],
)
def test_wilson_of_over_refusal(k: int, n: int, low: str, high: str) -> None:
    found = wilson(k, n)
    assert found.value == k / n
    assert [f"{end * 100:.1f}" for end in found[1:] if end is not None] == [low, high]


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe (1998), table II, method 10.
        ((56, 70), (48, 80), "+0.0524", "+0.3339"),
        ((9, 10), (3, 10), "+0.1705", "+0.8090"),
        ((6, 7), (2, 7), "+0.0582", "+0.8062"),
        ((5, 56), (0, 29), "-0.0381", "+0.1926"),
        ((0, 10), (0, 20), "-0.1611", "+0.2775"),
        ((0, 10), (0, 10), "-0.2775", "+0.2775"),
        ((10, 10), (0, 20), "+0.6791", "+1.0000"),
        ((10, 10), (0, 10), "+0.6075", "+1.0000"),
    ],
)
def test_newcombes_own_table(first: tuple[int, int], second: tuple[int, int], low: str, high: str) -> None:
    found = newcombe(*first, *second)
    assert [f"{end:+.4f}" for end in found[1:] if end is not None] == [low, high]


@pytest.mark.parametrize(("share", "n"), [(0.1, 60), (0.38, 250), (0.02, 400), (0.95, 150)])
def test_wilson_covers(share: float, n: int) -> None:
    assert 0.92 <= covered(lambda g: wilson(int(g.binomial(n, share)), n).covers(share), seed=n) <= 0.98


@pytest.mark.parametrize(
    ("first", "second"), [((0.38, 250), (0.22, 250)), ((0.9, 40), (0.3, 60)), ((0.1, 80), (0.1, 80))]
)
def test_newcombe_covers(first: tuple[float, int], second: tuple[float, int]) -> None:
    (p1, n1), (p2, n2) = first, second

    def interval(generator: np.random.Generator) -> bool:
        return newcombe(int(generator.binomial(n1, p1)), n1, int(generator.binomial(n2, p2)), n2).covers(p1 - p2)

    assert 0.92 <= covered(interval, seed=n1) <= 0.98


counted = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counted, st.floats(0.5, 0.999))
def test_what_holds_of_a_share(counts: tuple[int, int], confidence: float) -> None:
    k, n = counts
    value, low, high = wilson(k, n, confidence)
    assert low is not None
    assert high is not None
    assert 0 <= low <= value <= high <= 1
    other = wilson(n - k, n, confidence)
    assert other == pytest.approx((1 - value, 1 - high, 1 - low), abs=1e-12)


@given(counted, counted)
def test_swapping_the_groups_turns_the_sign(first: tuple[int, int], second: tuple[int, int]) -> None:
    value, low, high = newcombe(*first, *second)
    assert low is not None
    assert high is not None
    assert -1 <= low <= value <= high <= 1
    assert newcombe(*second, *first) == pytest.approx((-value, -high, -low), abs=1e-12)


@given(counted)
def test_groups_that_are_alike_do_not_differ(group: tuple[int, int]) -> None:
    found = newcombe(*group, *group)
    assert found.value == 0
    assert found.covers(0)


@pytest.mark.parametrize(
    ("k", "n", "message"),
    [
        (1, 0, "n=0 leaves nothing to take a share of; count at least one"),
        (6, 5, "k=6 is more than n=5; count the part within the whole"),
        (-1, 5, "k=-1 must be 0 or more"),
        (0.5, 5, "k=0.5 is no count; pass a whole number"),
        (1, math.nan, "n=nan is no count; pass a whole number"),
        (None, 5, "k=None is no count; pass a whole number"),
    ],
)
def test_what_is_no_share(k: Any, n: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        wilson(k, n)
    with pytest.raises(ValueError, match=re.escape(re.sub(r"\b([kn])=", r"\g<1>2=", message.split(";")[0]))):
        newcombe(1, 2, k, n)


def test_no_confidence() -> None:
    for function in (lambda: wilson(1, 2, 95), lambda: newcombe(1, 2, 1, 2, 95)):
        with pytest.raises(ValueError, match="confidence=95 must lie between 0 and 1"):
            function()


def test_counts_of_numpy_are_counts() -> None:
    assert wilson(np.int64(95), np.int32(250)) == wilson(95, 250)
