"""Figures of any tax in words: short, with a unit that a newcomer knows, and with where they are from."""

from __future__ import annotations

from typing import Any

import pytest

from aligntax.report.whole import wording


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def row(**more: Any) -> dict[str, Any]:
    return {
        "kind": "performance", "name": "f", "title": "F", "verdict": None, "relative": None, "unit": "seconds",
        "formula": "mean", "marks": ["measured"], "n": 1200, "source": "p.json", "confidence": 0.95, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "unit", "signed", "text"),
    [
        (None, "USD", True, "-"),
        (estimate(1.67, 0.756, 2.59), "points", True, "+1.67 points (+0.756 to +2.59 points)"),
        (estimate(-0.508, -0.603, -0.392), "share of attacks", True, "-50.8 points of attacks (-60.3 to -39.2)"),
        (estimate(0.15, 0.097, 0.225), "share", False, "15.0 % (9.70 to 22.5 %)"),
        (estimate(-564.0, -2960.0, 1833.0), "bytes", True, "-564 B (-2.89 to +1.79 KiB)"),
        (
            estimate(0.00341, 0.00282, 0.0043), "seconds per 100 points", True,
            "+3.41 ms per 100 points (+2.82 to +4.30)",
        ),
        (
            estimate(9.4e-4, 5.8e-4, 1.6e-3), "seconds per 100 points", True,
            "+940 us per 100 points (+580 us per 100 points to +1.60 ms per 100 points)",
        ),
        (
            estimate(1.98, 1.95, 2.01), "USD per million useful requests", True,
            "+1.98 USD per million useful requests (+1.95 to +2.01)",
        ),
        (estimate(0.0007), "USD per request", False, "7.00e-04 USD per request"),
        (estimate(0.0, -1e-6, 1e-6), "USD per request", True, "0 USD per request (-1.00e-06 to +1.00e-06)"),
        (estimate(0.02), "USD per request", False, "0.0200 USD per request"),
        (estimate(4.0), "ratio", True, "+4"),
    ],
)  # fmt: skip
def test_an_estimate_is_written_with_its_interval(data: Any, unit: str, signed: bool, text: str) -> None:
    assert wording.written(data, unit, signed=signed) == text


@pytest.mark.parametrize("kind", ["latency", "compute"])
def test_what_guards_add_has_a_sign_also_without_an_interval(kind: str) -> None:
    assert wording.absolute(row(kind=kind, absolute=estimate(0.0017))) == "+1.70 ms"
    assert wording.absolute(row(kind="development", absolute=estimate(0.0017))) == "1.70 ms"


def test_a_figure_is_told_over_releases_as_it_is_told_in_the_tables() -> None:
    rate = row(kind="benefit", unit="share", absolute=estimate(0.15, 0.1, 0.2))
    figure = {"kind": "benefit", "name": "f", "measure": "absolute", "unit": "share"}
    assert (
        wording.of_trend({"taxes": [rate]}, figure, rate["absolute"])
        == wording.absolute(rate)
        == ("15.0 % (10.0 to 20.0 %)")
    )
    assert wording.of_trend({"taxes": []}, figure, rate["absolute"]) == "+15.0 points (+10.0 to +20.0 points)"
    assert wording.of_trend({"taxes": [rate]}, {**figure, "measure": "relative"}, estimate(0.1)) == "+10.0 %"


def test_where_a_figure_is_from_and_how_sure_it_is_where_that_is_not_as_usual() -> None:
    assert wording.origin(row()) == "mean; measured; n = 1,200; p.json"
    assert wording.origin(row(n=None, formula="", marks=[], confidence=0.8)) == "interval of 80 %; p.json"
    whole = {"sources": [{"file": "p.json", "sha256": "ab" * 32}]}
    told = dict(zip(wording.TITLES, wording.cells(whole, row(absolute=None, confidence=0.8)), strict=True))
    assert (told["n"], told["file"], told["SHA-256"]) == ("1,200", "p.json", "ab" * 6)
    assert told["formula"] == "mean; measured; interval of 80 %"
