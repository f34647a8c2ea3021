"""Published tables, to the printed digit: Ouyang et al., arXiv 2203.02155, Table 14, zero-shot."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax.taxes.record import TaxVerdict

from ..one_command import figures, reasons
from .making import csv, tax

SIZES = ("1.3B", "6B", "175B")
SQUAD = {"raw": (51.97, 58.66, 64.30), "aligned": (45.37, 47.42, 43.68), "relative": ("12.70", "19.16", "32.07")}
FR_EN = {"raw": (30.65, 34.99, 38.92), "aligned": (25.77, 30.41, 34.28), "relative": ("15.92", "13.09", "11.92")}


@pytest.mark.parametrize(("metric", "table"), [("f1", SQUAD), ("bleu", FR_EN)])
def test_relative_taxes_of_instructgpt(tmp_path: Path, metric: str, table: dict[str, tuple[float, ...]]) -> None:
    raw, aligned = (
        csv(
            tmp_path / f"{arm}.csv",
            *(f"{size},{metric},{score},," for size, score in zip(SIZES, table[arm], strict=True)),
        )
        for arm in ("raw", "aligned")
    )
    record = tax(raw, aligned)
    found = figures(record)
    for size, raw_score, score, printed in zip(SIZES, table["raw"], table["aligned"], table["relative"], strict=True):
        figure = found[f"{size.replace('.', '_')}.{metric}"]
        assert figure.relative is not None
        assert f"{100 * figure.relative.value:.2f}" == printed
        assert figure.absolute.value == pytest.approx(raw_score - score)
        assert (figure.unit, figure.raw, figure.verdict) == ("points", raw_score, TaxVerdict.INCONCLUSIVE)
        assert reasons(record)[f"{size}: {metric}: interval and verdict"] == "no_stderr"


def test_wsc_of_instructgpt_is_inconclusive(tmp_path: Path) -> None:
    arms = [csv(tmp_path / f"{score}.csv", f"wsc,acc,{score},,104") for score in (".740", ".731")]
    (figure,) = tax(*arms, margin=5).figures
    assert f"{figure.absolute.value:.1f}" == "0.9"
    assert (round(figure.absolute.low or 0), round(figure.absolute.high or 0)) == (-11, 13)
    assert figure.verdict is TaxVerdict.INCONCLUSIVE
    assert figure.marks == ("unpaired: no scores of single items",)


def test_wsc_by_standard_errors(tmp_path: Path) -> None:
    arms = [
        csv(tmp_path / f"{score}.csv", f"wsc,acc,{score},{(score * (1 - score) / 104) ** 0.5},104")
        for score in (0.740, 0.731)
    ]
    (figure,) = tax(*arms).figures
    assert (figure.absolute.low, figure.absolute.high) == (
        pytest.approx(-11.09, abs=0.01),
        pytest.approx(12.89, abs=0.01),
    )
    assert figure.verdict is TaxVerdict.INCONCLUSIVE


def test_points_and_percent_are_told_together(tmp_path: Path) -> None:
    arms = [csv(tmp_path / f"{score}.csv", f"bias,acc,{score},,1000") for score in (0.635, 0.325)]
    (figure,) = tax(*arms).figures
    assert figure.relative is not None
    assert (f"{figure.absolute.value:.0f}", f"{100 * figure.relative.value:.1f}") == ("31", "48.8")
