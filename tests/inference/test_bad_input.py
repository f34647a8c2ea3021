"""What is no sample, no margin, no share: a message that names the value and the mend."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aligntax import inference
from aligntax.inference import (
    compare,
    decide,
    detectable_effect,
    difference_of_medians,
    equivalence_p,
    mean,
    mean_of_differences,
    median,
    median_of_differences,
    permutation_p,
    power_table,
    quantile,
    ratio_of_means,
    rounds_needed,
)

ONE_ARM: dict[str, Callable[[Any], Any]] = {
    "mean": mean,
    "median": median,
    "quantile": lambda values: quantile(values, 0.9),
}
TWO_ARMS: dict[str, Callable[[Any, Any], Any]] = {
    "median of differences": median_of_differences,
    "mean of differences": mean_of_differences,
    "difference of medians": difference_of_medians,
    "ratio, paired": lambda base, new: ratio_of_means(base, new, paired=True),
    "ratio": lambda base, new: ratio_of_means(base, new, paired=False),
    "permutation, paired": lambda base, new: permutation_p(base, new, paired=True),
    "permutation": lambda base, new: permutation_p(base, new, paired=False),
    "equivalence, paired": lambda base, new: equivalence_p(base, new, 0.02, paired=True),
    "equivalence": lambda base, new: equivalence_p(base, new, 0.02, paired=False),
    "compare, paired": lambda base, new: compare(base, new, paired=True),
    "compare": lambda base, new: compare(base, new, paired=False),
}
NO_SAMPLES: list[tuple[Any, str]] = [
    ([], "is empty; pass at least one measured value"),
    ([1.0, math.nan], "holds nan at index 1; leave out what was not measured"),
    ([math.inf, 1.0], "holds inf at index 0; leave out what was not measured"),
    ([1.0, -math.inf], "holds -inf at index 1"),
    ([1.0, None], "does not hold numbers only, but object; leave out what was not measured"),
    ([1.0, 1e200], "holds 1e+200 at index 1; check its unit"),
    (np.ones((2, 2)), "has shape (2, 2); pass one flat list"),
    (3.0, "has shape (); pass one flat list"),
    (["0.010", "0.011"], "does not hold numbers only, but <U5"),
    ([True, False], "does not hold numbers only, but bool"),
    ([[1.0], [1.0, 2.0]], "is no flat list of measured values"),
    ({"seconds": 1.0}, "has shape ()"),
]


@pytest.mark.parametrize(("wrong", "message"), NO_SAMPLES)
@pytest.mark.parametrize("function", ONE_ARM)
def test_no_sample(function: str, wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"values {message}")):
        ONE_ARM[function](wrong)


@pytest.mark.parametrize(("wrong", "message"), NO_SAMPLES)
@pytest.mark.parametrize("function", TWO_ARMS)
def test_no_arms(function: str, wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"base {message}")):
        TWO_ARMS[function](wrong, [1.0, 2.0])
    with pytest.raises(ValueError, match=re.escape(f"new {message}")):
        TWO_ARMS[function]([1.0, 2.0], wrong)


@pytest.mark.parametrize("function", [name for name in TWO_ARMS if "paired" in name or "of differences" in name])
def test_pairs_of_which_one_half_is_missing(function: str) -> None:
    with pytest.raises(ValueError, match=r"base has 3 values and new has 2.*keep the requests that both arms answered"):
        TWO_ARMS[function]([1.0, 2.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("base", "new", "named"), [([1, -1], [1, 2], "base is 0"), ([1, 2], [-1, -2], "new is -1.5")])
def test_a_ratio_of_what_is_not_above_zero(base: list[float], new: list[float], named: str, paired: bool) -> None:
    with pytest.raises(ValueError, match=f"the mean of {named}, and a ratio needs one above 0; give the difference"):
        ratio_of_means(base, new, paired=paired)


def test_a_share_of_a_base_that_is_not_above_zero() -> None:
    with pytest.raises(ValueError, match=r"the mean of base is 0, and a share of it is no margin.*absolute=True"):
        equivalence_p([1, -1], [1, 2], 0.02, paired=True)


@pytest.mark.parametrize("margin", [0, -0.02, math.nan, math.inf])
def test_no_margin(margin: float) -> None:
    for function in (equivalence_p, compare):
        with pytest.raises(ValueError, match=f"margin={margin} must be a finite number above 0, e.g. 0.02 for 2 %"):
            function([1.0, 2.0], [1.0, 2.0], margin=margin, paired=True)


@pytest.mark.parametrize("share", [0, 1, -1, 95, math.nan])
def test_shares_out_of_range(share: float) -> None:
    arms = [1.0, 2.0], [1.0, 2.0]
    for function in (mean, median):
        with pytest.raises(ValueError, match=f"confidence={share} must lie between 0 and 1"):
            function(arms[0], confidence=share)
    for name in (mean_of_differences, median_of_differences, difference_of_medians):
        with pytest.raises(ValueError, match=f"confidence={share} must lie between 0 and 1"):
            name(*arms, confidence=share)
    with pytest.raises(ValueError, match=f"confidence={share} must lie between 0 and 1"):
        ratio_of_means(*arms, paired=False, confidence=share)
    with pytest.raises(ValueError, match=f"q={share} .* must lie between 0 and 1"):
        quantile(arms[0], share)
    for test in (lambda: compare(*arms, paired=True, alpha=share), lambda: decide([], alpha=share)):
        with pytest.raises(ValueError, match=f"alpha={share} must lie between 0 and 1"):
            test()


def test_permutations_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="statistic='mode' is unknown; use one of mean, median, ranks"):
        permutation_p([1.0, 2.0], [1.0, 2.0], paired=True, statistic="mode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="resamples=0 must be at least 1"):
        permutation_p([1.0, 2.0], [1.0, 2.0], paired=True, resamples=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variation": 0.0}, "variation=0.0 must be a finite number above 0, e.g. 0.1 for 10 %"),
        ({"variation": math.nan}, "variation=nan must be a finite number above 0"),
        ({"variation": 0.1, "alpha": 0.0}, "alpha=0.0 must lie between 0 and 1"),
        ({"variation": 0.1, "power": 1.0}, "power=1.0 must lie between 0 and 1"),
        ({"variation": 0.1, "alpha": 0.1, "power": 0.1}, "power=0.1 must be above alpha=0.1"),
    ],
)
def test_power_of_nothing(settings: dict[str, float], message: str) -> None:
    for function in (lambda: detectable_effect(100, **settings), lambda: rounds_needed(0.03, **settings)):
        with pytest.raises(ValueError, match=re.escape(message)):
            function()


def test_pairs_that_can_show_nothing() -> None:
    with pytest.raises(
        ValueError, match=re.escape("pairs=7 can show next to nothing at alpha=0.05; measure at least 8")
    ):
        detectable_effect(7, 0.1)
    with pytest.raises(ValueError, match="pairs=0 can show next to nothing"):
        power_table(0.1, pairs=(10, 0))
    with pytest.raises(ValueError, match="takes more than 100,000,000 pairs; ask for a larger effect, or lessen"):
        rounds_needed(1e-9, 0.1)
    with pytest.raises(ValueError, match=r"effect=0 must be a finite number above 0, e.g. 0.03 for 3 %"):
        rounds_needed(0, 0.1)


def test_every_public_name_is_there() -> None:
    assert all(hasattr(inference, name) for name in inference.__all__)
    assert sorted(inference.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == list(
        inference.__all__
    )
