"""Holm's procedure, by a worked example and by what it promises."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.inference import holm

ps = st.lists(st.floats(0, 1), max_size=12)


def rejected(p_values: list[float], alpha: float) -> set[int]:
    """Holm's own words: from the least p on, compare with alpha / k, alpha / (k - 1), ... until one is greater."""
    found: set[int] = set()
    for place in sorted(range(len(p_values)), key=p_values.__getitem__):
        if p_values[place] * (len(p_values) - len(found)) > alpha:
            break
        found.add(place)
    return found


@pytest.mark.parametrize(
    ("given_ps", "adjusted"),
    [
        # The example of many textbooks: sorted .005 .01 .03 .04, times 4 3 2 1 is .02 .03 .06 .04, and .04 becomes .06.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # As statsmodels 0.15's multipletests(method="holm") has it.
        ([0.0001, 0.004, 0.0055, 0.0095, 0.0201, 0.5], [0.0006, 0.02, 0.022, 0.0285, 0.0402, 0.5]),
        ([0.5, 0.6, 0.7], [1.0, 1.0, 1.0]),
        ([0.02], [0.02]),
        ([0.01, 0.01], [0.02, 0.02]),
        ([], []),
    ],
)
def test_worked_examples(given_ps: list[float], adjusted: list[float]) -> None:
    assert holm(given_ps) == pytest.approx(adjusted)


@given(ps, st.floats(0.001, 0.5))
def test_it_rejects_what_the_paper_rejects(given_ps: list[float], alpha: float) -> None:
    adjusted = holm(given_ps)
    assert {place for place, p in enumerate(adjusted) if p <= alpha} == rejected(given_ps, alpha)


@given(ps)
def test_adjusting_lowers_nothing_and_keeps_the_order(given_ps: list[float]) -> None:
    adjusted = holm(given_ps)
    assert all(p <= q <= 1 for p, q in zip(given_ps, adjusted, strict=True))
    ranked = sorted(zip(given_ps, adjusted, strict=True))
    assert [q for _, q in ranked] == sorted(adjusted)


@pytest.mark.parametrize("wrong", [math.nan, -0.1, 1.1, math.inf])
def test_what_is_no_p(wrong: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"p[1]={wrong} must lie between 0 and 1")):
        holm([0.5, wrong])
