"""How numbers are written."""

from __future__ import annotations

import pytest

from aligntax import figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0 s"),
        (1.0, "1.00 s"),
        (12.345, "12.3 s"),
        (1234.5, "1,230 s"),
        (0.1234, "123 ms"),
        (0.0123456, "12.3 ms"),
        (0.001, "1.00 ms"),
        (0.00099949, "999 us"),
        (0.0009996, "1.00 ms"),
        (0.9996, "1.00 s"),
        (6.475e-6, "6.47 us"),
        (9.996e-7, "1.00 us"),
        (5e-9, "5 ns"),
        (4e-10, "0 ns"),
        (-0.0021, "-2.10 ms"),
    ],
)
def test_a_duration_has_three_digits_and_the_unit_that_suits(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.002, "+2.00 ms"), (-0.002, "-2.00 ms"), (0.0, "0 s"), (None, "-")])
def test_a_tax_has_a_sign_and_a_bonus_is_negative(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds, signed=True) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(None, "-"), (0.0084, "+0.84 %"), (-0.0084, "-0.84 %"), (0.488, "+48.8 %"), (12.5, "+1,250.0 %"), (0.0, "0.00 %")],
)
def test_a_ratio_is_a_percentage(ratio: float | None, text: str) -> None:
    assert figures.percentage(ratio, signed=True) == text
    assert figures.percentage(ratio) == text.removeprefix("+")


@pytest.mark.parametrize(("ratio", "text"), [(None, "-"), (0.652, "65.2 %"), (1.0, "100.0 %"), (0.0, "0.0 %")])
def test_a_share_has_one_decimal(ratio: float | None, text: str) -> None:
    assert figures.share(ratio) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0, ""), (1e-9, "▏"), (0.25, "█"), (0.5, "██"), (0.65, "██▋"), (1.0, "████"), (7.0, "████"), (-1.0, "")],
)
def test_a_bar_is_as_long_as_the_ratio(ratio: float, text: str) -> None:
    assert figures.bar(ratio, 4) == text
    assert figures.bar(ratio, 4, ascii_only=True) == "#" * len(text)


def test_a_quantile_without_an_interval_is_not_printed() -> None:
    known = {"p50": 0.5, "p99": 0.7, "intervals": {"p50": [0.4, 0.6], "p99": "n too small"}}
    assert figures.quantile(known, "p50") == "500 ms"
    assert figures.quantile(known, "p50", signed=True) == "+500 ms"
    assert figures.ratio_quantile(known, "p50") == "+50.0 %"
    assert figures.quantile(known, "p99") == figures.ratio_quantile(known, "p99") == "n too small"


def test_counts_are_listed_in_words() -> None:
    assert figures.counts({"allow": 1040, "blocked_input": 8}) == "1,040 allow, 8 blocked input"
    assert figures.counts({}) == "-"


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.0012, "seconds", "+1.20 ms"),
        (-0.31, "share", "-31.0 points"),
        (0.089, "share per tenfold size", "+8.90 points per tenfold size"),
        (0.347, "ratio", "+0.347"),
        (14, "packages", "+14 packages"),
        (1234.0, "packages", "+1,234 packages"),
        (1234.5, "USD", "+1,230 USD"),
        (2.08e-6, "USD per request", "+2.08e-06 USD per request"),
        (3_000_000, "bytes", "+2.86 MiB"),
        (-576, "bytes", "-576 B"),
        (13.0, "points", "+13.0 points"),
        (999.6, "USD", "+1,000 USD"),
        (0.0, "USD", "0 USD"),
        (None, "USD", "-"),
    ],
)
def test_amounts_of_anything(value: float | None, unit: str, written: str) -> None:
    assert figures.amount(value, unit, signed=True) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (95.0, "95.0"),
        (5.04, "5.0"),
        (0.42, "0.42"),
        (0.0, "0.0"),
        (-2.0, "-2.0"),
        (1401.3, "1,401"),
        (0.94, "0.94"),
        (0.99, "1.0"),
    ],
)
def test_numbers_of_the_scale_on_which_raw_is_100(value: float, written: str) -> None:
    assert figures.of_hundred(value) == written
    assert figures.of_hundred(5.0, signed=True) == "+5.0"
