"""The sentences say what the numbers mean, and estimates say how sure they are."""

from __future__ import annotations

from typing import Any

import pytest

from aligntax.figures import duration
from aligntax.report.experiment import estimates, wording
from aligntax.report.experiment.estimates import signed_duration, signed_percentage

E = {"value": 0.00502, "low": 0.0049, "high": 0.00514}
BONUS = {"value": -0.003, "low": -0.0031, "high": -0.0029}
UNSURE = {"value": 0.00502, "low": None, "high": None}
UNCLEAR = {"value": 0.049, "low": -0.01, "high": 0.11}
RATIO = {"value": 0.049, "low": 0.048, "high": 0.05}
ACROSS = {"value": 0.00002, "low": -0.001, "high": 0.002}
LESS = {"value": -0.03, "low": -0.04, "high": -0.02}


@pytest.mark.parametrize(
    ("tax", "sentence"),
    [
        (
            {"seconds": E, "relative": RATIO, "n": 300, "distinguishable": True},
            "The guards add 5.02 ms to a typical request and make requests 4.90 % slower overall.",
        ),
        (
            {"seconds": BONUS, "relative": LESS, "n": 300, "distinguishable": True},
            "The guards take 3.00 ms off a typical request and make requests 3.00 % faster overall.",
        ),
        (
            {"seconds": E, "relative": UNCLEAR, "n": 60, "distinguishable": True},
            "The guards add 5.02 ms to a typical request; overall, +4.90 % cannot be told from zero.",
        ),
        (
            {"seconds": E, "relative": None, "n": 300, "distinguishable": None},
            "The guards add 5.02 ms to a typical request.",
        ),
        (
            {"seconds": E, "relative": RATIO, "n": 30, "distinguishable": False},
            "What the guards cost cannot be told from zero: +5.02 ms, +4.90 %, which is within the noise.",
        ),
        (
            {"seconds": ACROSS, "relative": None, "n": 30, "distinguishable": None},
            "What the guards cost cannot be told from zero: +20.0 us, with an interval that holds zero.",
        ),
        (
            {"seconds": UNSURE, "relative": RATIO, "n": 1, "distinguishable": None},
            "Too few requests to tell what the guards cost: +5.02 ms, +4.90 % over 1 pair.",
        ),
        (
            {"seconds": {"value": None, "low": None, "high": None}, "relative": None, "n": 0},
            "No request ran to its end both with and without the guards, so what they cost is not known.",
        ),
    ],
)
def test_the_headline_is_a_sentence(tax: dict[str, Any], sentence: str) -> None:
    assert wording.headline({"tax": tax}) == sentence


@pytest.mark.parametrize(
    ("data", "write", "text"),
    [
        (E, signed_duration, "+5.02 ms (+4.90 to +5.14 ms)"),
        ({"value": 0.001, "low": -2e-6, "high": 0.002}, signed_duration, "+1.00 ms (-2.00 us to +2.00 ms)"),
        (RATIO, signed_percentage, "+4.90 % (+4.80 to +5.00 %)"),
        (UNSURE, duration, "5.02 ms (n too small)"),
        (0.00502, duration, "5.02 ms"),
        (None, duration, "-"),
    ],
)
def test_an_estimate_comes_with_its_interval(data: Any, write: Any, text: str) -> None:
    assert estimates.with_interval(data, write) == text


def test_a_quantile_without_an_interval_is_not_told() -> None:
    assert estimates.quantile(UNSURE) == estimates.quantile_interval(UNSURE) == "n too small"
    assert estimates.quantile(E) == "5.02 ms"
    assert estimates.quantile_interval(E) == "5.02 ms (4.90 to 5.14 ms)"
    assert estimates.quantile(None) == estimates.quantile_interval(None) == "-"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1000, "1,000 B"), (51_200, "50.0 KiB"), (3 << 20, "3.00 MiB"), (-2048, "-2.00 KiB")],
)
def test_a_size_is_in_bytes_of_1024(count: float, text: str) -> None:
    assert estimates.size(count) == text


def test_an_environment_is_told_flat_and_without_what_is_not_known() -> None:
    found = wording.flattened(
        {"cpu_model": "Fast", "governor": None, "gpus": [], "threads": {"torch": 2}, "on": True, "load": [0.5, 1.0]}
    )
    assert found == [("cpu model", "Fast"), ("threads, torch", "2"), ("on", "yes"), ("load", "0.5, 1")]


def test_arms_have_names_in_words() -> None:
    assert [wording.arm_name(arm) for arm in ("raw", "guarded", "only:pii", "without:a:b", "other")] == [
        "without guards",
        "with guards",
        "only pii",
        "without a:b",
        "other",
    ]
