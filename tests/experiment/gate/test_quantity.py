"""Quantities as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.experiment.gate.budget import Limit
from aligntax.experiment.gate.measured import Metric, Unit
from aligntax.experiment.gate.quantity import parse, parse_own, parse_signed, written

S, R, B, J = Unit.SECONDS, Unit.RATIO, Unit.BYTES, Unit.JOULES


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("5 ms", S, 0.005),
        ("5ms", S, 0.005),
        (" 1.5  s ", S, 1.5),
        ("250 us", S, 250e-6),
        ("250 µs", S, 250e-6),
        ("800 ns", S, 8e-7),
        ("2 min", S, 120.0),
        (".5 s", S, 0.5),
        ("1e3 us", S, 0.001),
        ("0 ms", S, 0.0),
        ("2%", R, 0.02),
        ("2.5 %", R, 0.025),
        ("0.02", R, 0.02),
        (0.02, R, 0.02),
        (1, R, 1.0),
        ("64 MiB", B, 64 * 2**20),
        ("1 GB", B, 1e9),
        ("10 B", B, 10.0),
        ("20 mJ", J, 0.02),
        ("1.5 J", J, 1.5),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(text: Any, unit: Unit, value: float) -> None:
    assert parse("limit", text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5", S),
        (5, S),
        (0.005, S),
        ("5 m", S),
        ("5 MS", S),
        ("5 %", S),
        ("5 ms", R),
        ("ms", S),
        ("", S),
        ("-5 ms", S),
        (-0.1, R),
        ("5 5 ms", S),
        ("1e999 s", S),
        (float("nan"), R),
        (float("inf"), R),
        (True, R),
        (None, R),
        (["5 ms"], S),
        ("64 mib", B),
        (64, B),
        pytest.param(10**400, R, id="an integer beyond all floats"),
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(text: Any, unit: Unit) -> None:
    with pytest.raises(ValueError, match=r"tax\.absolute=.* is no limit; write e\.g\. .* \(units: "):
        parse("tax.absolute", text, unit)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0012, S, "+1.20 ms"),
        (-0.0012, S, "-1.20 ms"),
        (0.02, R, "+2.00 %"),
        (3 * 2**20, B, "+3.00 MiB"),
        (-1536, B, "-1.50 KiB"),
        (1000 * 2**10, B, "+1,000 KiB"),
        (12, B, "+12 B"),
        (0.0, B, "0 B"),
        (0.5, J, "+0.500 J"),
        (1500.4, J, "+1,500 J"),
        (None, S, "-"),
    ],
)
def test_a_figure_is_written_with_its_unit_and_sign(value: float | None, unit: Unit, text: str) -> None:
    assert written(value, unit, signed=True) == text


@given(st.floats(1e-9, 1e4))
def test_what_is_written_can_be_read_again(seconds: float) -> None:
    assert parse("limit", written(seconds, S).replace(",", ""), S) == pytest.approx(seconds, rel=0.006, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("5 ms", "seconds", 0.005),
        ("-1.5e3us", "seconds", -0.0015),
        ("64 MiB", "bytes", 64 * 2**20),
        ("2%", "share", 0.02),
        ("2 points", "share", 0.02),
        ("0.02", "share", 0.02),
        ("-30 points", "share of attacks", -0.3),
        ("1.5 points per tenfold size", "", 1.5),
        ("12 USD per million requests", "USD per million requests", 12.0),
        (-3, "points", -3.0),
    ],
)
def test_amounts_in_a_figures_own_unit(value: Any, unit: str, expected: float) -> None:
    assert parse_own("x", value, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit"), [("5 ms", "points"), ("1 USD", "EUR"), ("2%", "points"), ("inf", ""), ("1e999", "")]
)
def test_amounts_in_another_unit_are_refused(value: Any, unit: str) -> None:
    with pytest.raises(ValueError, match="is not "):
        parse_own("x", value, unit)


@pytest.mark.parametrize(("value", "expected"), [("-30%", -0.3), (-0.3, -0.3), ("30 %", 0.3), ("0.3", 0.3)])
def test_ratios_may_be_negative_where_a_bonus_is(value: Any, expected: float) -> None:
    assert parse_signed("x", value) == pytest.approx(expected)
    with pytest.raises(ValueError, match="is no limit"):
        parse_signed("x", "--1%")


def test_a_limit_in_an_unknown_unit_is_shown_as_it_is_written() -> None:
    limit = Limit("debt", "debt.absolute", 5.0, Unit.OWN, own="5 USD")
    assert limit.written == "5 USD"
    assert limit.of_metric(Metric("debt.absolute", "debt", "USD", None)).written == "5 USD"
    assert written(1234.5, "USD", signed=True) == "+1,230 USD"
