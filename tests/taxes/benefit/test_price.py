"""The price of safety: Fieller's ratio, what it is made from, and why there is none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aligntax.inference import Estimate, fieller, newcombe
from aligntax.taxes.benefit.price import price, read_tax
from aligntax.taxes.record import Figure, Refusal, TaxRecord

Z = float(stats.norm.isf(0.025))


def around(value: float, error: float) -> Estimate:
    return Estimate(value, value - Z * error, value + Z * error)


def test_it_is_fiellers() -> None:
    found = price(around(0.010, 0.001), around(0.5, 0.05), 0.95, 0.95)
    assert isinstance(found, Estimate)
    assert found == pytest.approx(fieller(0.010, 0.5, 0.001, 0.05))
    assert found.value == pytest.approx(0.020)  # 10 ms a request for half of the attacks


def test_an_interval_of_another_confidence_is_another_error() -> None:
    ninety = around(0.010, 0.001)._replace(
        low=0.010 - 0.001 * float(stats.norm.isf(0.05)), high=0.010 + 0.001 * float(stats.norm.isf(0.05))
    )
    assert price(ninety, around(0.5, 0.05), 0.90, 0.95) == pytest.approx(fieller(0.010, 0.5, 0.001, 0.05))


@given(st.floats(-1, 1), st.floats(1e-6, 1), st.floats(0.2, 1), st.floats(1e-4, 0.05), st.floats(1e-3, 1e3))
def test_it_scales_with_the_tax(tax: float, error: float, reduction: float, spread: float, scale: float) -> None:
    one = price(around(tax, error), around(reduction, spread), 0.95, 0.95)
    other = price(around(tax * scale, error * scale), around(reduction, spread), 0.95, 0.95)
    back = price(around(-tax, error), around(reduction, spread), 0.95, 0.95)
    assert isinstance(one, Estimate)
    assert isinstance(other, Estimate)
    assert isinstance(back, Estimate)
    assert [end * scale for end in one if end is not None] == pytest.approx(list(other), rel=1e-6, abs=1e-9)
    assert one.low is not None
    assert back == pytest.approx((-one.value, -one[2], -one.low), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("tax", "reduction", "reason"),
    [
        (None, around(0.5, 0.01), "tax_without_interval"),
        (Estimate(0.01), around(0.5, 0.01), "tax_without_interval"),
        (around(0.01, 0.001), around(0.02, 0.02), "change_includes_zero"),
        (around(0.01, 0.001), Estimate(0.0, 0.0, 0.0), "change_includes_zero"),
        (around(0.01, 0.001), Estimate(0.1), "change_includes_zero"),
        (around(0.01, 0.001), Estimate(0.1, 0.001, 0.9), "change_includes_zero"),  # by the width of its error
        (around(0.01, 0.001), around(-0.5, 0.01), "attack_success_rose"),
    ],
)
def test_refusals(tax: Estimate | None, reduction: Estimate, reason: str) -> None:
    found = price(tax, reduction, 0.95, 0.95)
    assert isinstance(found, Refusal)
    assert found.reason == reason


def test_its_interval_covers_the_truth() -> None:
    generator = np.random.default_rng(2)
    tax, error, n = 0.012, 0.002, 250
    raw, guarded = 0.8, 0.35
    experiments = 1_200
    covered = 0
    for _ in range(experiments):
        reduction = newcombe(int(generator.binomial(n, raw)), n, int(generator.binomial(n, guarded)), n)
        found = price(around(float(generator.normal(tax, error)), error), reduction, 0.95, 0.95)
        assert isinstance(found, Estimate)
        covered += found.covers(tax / (raw - guarded))
    assert 0.92 <= covered / experiments <= 0.98


def record(path: Path, **changes: Any) -> Path:
    figures = [
        Figure("cost.joules", "Energy of a request", Estimate(2.0, 1.5, 2.5), "joules", Estimate(0.2, 0.1, 0.3)),
        Figure("cost.cpu", "CPU time of a request", Estimate(0.1, 0.05, 0.15), "seconds"),
        Figure("cost.gpu", "GPU time of a request", None, "seconds"),
    ]
    data = TaxRecord("cost", "Cost", figures, parameters={"confidence": 0.9}).to_dict()
    path.write_text(json.dumps({**data, **changes}))
    return path


def test_a_record_of_another_tax(tmp_path: Path) -> None:
    path = record(tmp_path / "cost.json")
    first, chosen = read_tax(path), read_tax(tmp_path / "cost.json#cost.cpu")
    assert (first.name, first.unit, first.absolute, first.relative, first.confidence) == (
        "cost.joules", "joules", Estimate(2.0, 1.5, 2.5), Estimate(0.2, 0.1, 0.3), 0.9,
    )  # fmt: skip
    assert (chosen.name, chosen.relative, chosen.path) == ("cost.cpu", None, path)


def test_a_result_of_a_bench(tmp_path: Path) -> None:
    parts = {part: {} for part in ("target", "environment", "design", "latency", "outcomes")}
    tax = {"seconds": Estimate(0.01, 0.009, 0.011).to_dict(), "relative": Estimate(0.2, 0.1, 0.3).to_dict(), "n": 50}
    data = {"schema": "aligntax.bench/1", **parts, "arms": [], "guards": [], "samples": {"prompt": [0]}, "tax": tax}
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data))
    found = read_tax(path)
    assert (found.absolute, found.unit, found.relative) == (
        Estimate(0.01, 0.009, 0.011), "seconds", Estimate(0.2, 0.1, 0.3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("cost.json#cost.gpu", {}, "was refused; pass cost.json#NAME"),
        ("cost.json#cost.none", {}, "has no figure 'cost.none'; it has cost.joules"),
        ("cost.json", {"kind": "benefit"}, "says what guards bought, and not what they cost"),
        ("cost.json", {"schema": "aligntax.whole/1"}, "has schema 'aligntax.whole/1'"),
        ("cost.json", {"figures": []}, "has no figures"),
        ("cost.json", {"parameters": {"confidence": math.pi}}, "its confidence, 3.14"),
        ("none.json", {}, "cannot be read"),
    ],
)
def test_files_without_a_tax(name: str, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    record(tmp_path / "cost.json", **changes)
    with pytest.raises(ValueError, match=message):
        read_tax(tmp_path / name)
