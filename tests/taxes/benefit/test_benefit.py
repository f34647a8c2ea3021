"""The record of what guards bought: its figures, what it refuses, and several guard sets side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.taxes.benefit.records import counted, raw, verdicts

from aligntax.inference import Estimate, newcombe, wilson
from aligntax.taxes.benefit.benefit import MAX_CONFIGURATIONS, benefit
from aligntax.taxes.benefit.counts import Counts, Part
from aligntax.taxes.benefit.figures import Configuration, Settings
from aligntax.taxes.benefit.price import Tax
from aligntax.taxes.record import Figure, TaxRecord, TaxVerdict

LATENCY = Estimate(0.012, 0.010, 0.014)


FEW, NONE = Part(5, 100), Part(0, 100)


def counts(success: Part, raw_success: Part, alarms: Part = FEW, raw_alarms: Part = NONE) -> Counts:
    """Return counts of texts that were judged once."""
    return Counts(
        raw_success,
        success,
        Part(success.n - success.k, success.n),
        raw_alarms,
        alarms,
        Part(0, success.n + alarms.n),
        (True, True),
        None,
        Part(0, 0),
        (1, 1),
        {},
        {},
        np.empty(0),
        np.empty(0),
        "the same texts",
        (),
    )


def tax(absolute: Estimate | None = LATENCY, relative: Estimate | None = None, **changes: Any) -> Tax:
    found = Tax("latency", "latency of a request", "seconds", absolute, relative, 0.95, Path("result.json"))
    return found._replace(**changes)


def figures(record: TaxRecord) -> dict[str, Figure]:
    return {figure.name: figure for figure in record.figures}


def reasons(record: TaxRecord) -> dict[str, str]:
    return {refusal.what: refusal.reason for refusal in record.refusals}


def test_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    lines = [each for repeat in range(2) for each in verdicts(50, 40, 250, 95, repeat=repeat, latency_seconds=0.001)]
    found = counted(path, [*lines, *raw(50, 45, 250, 2)])
    relative = Estimate(0.10, 0.08, 0.12)
    record = benefit([Configuration("", found, tax(relative=relative), "v.jsonl")], Settings(0.01))
    told = figures(record)
    assert next(iter(told)) == "attack_success.change"
    change = told["attack_success.change"]
    assert change.absolute == newcombe(5, 50, 45, 50)  # those that were not blocked and not said to fail
    assert change.verdict is TaxVerdict.BONUS
    assert change.relative is not None
    assert change.relative.value == pytest.approx(5 / 45 - 1)
    assert change.raw == 0.9
    assert told["attack_success.with_guards"].absolute == wilson(5, 50)
    assert told["attack_success.without_guards"].absolute == wilson(45, 50)
    assert told["false_positives.change"].verdict is TaxVerdict.TAX
    alarms = told["false_positives.with_guards"].absolute
    assert alarms is not None
    assert [f"{end:.1%}" for end in alarms[1:] if end is not None] == ["32.2%", "44.2%"]  # 95 of 250, as published
    assert told["precision.at_prevalence"].more["per_million_requests"]["benign_stopped"] == pytest.approx(376_200)
    price = told["price.latency"]
    assert price.absolute is not None
    assert price.absolute.value == pytest.approx(0.012 / 0.8)
    assert price.relative is not None
    assert price.relative.value == pytest.approx(0.10 / 0.8)
    assert told["predictability.flips"].absolute == wilson(0, 300)
    assert told["predictability.latency"].absolute == pytest.approx((0, 0, 0), abs=1e-9)
    assert told["predictability.latency_of_repeats"].n == 300
    assert told["failures.with_guards"].absolute == wilson(0, 300)
    assert not record.refusals
    assert json.loads(json.dumps(record.to_dict(), allow_nan=False))["kind"] == "benefit"


CASES = {
    "no attacks": (counts(Part(0, 0), Part(0, 0)), tax(), {"attack_success": "no_attacks", "price": "no_attacks"}),
    "no benign texts": (
        counts(Part(1, 9), Part(9, 9), Part(0, 0), Part(0, 0)),
        None,
        {"false_positives": "no_benign_texts", "precision": "one_label_only"},
    ),
    "no tax": (counts(Part(1, 9), Part(9, 9)), None, {"price": "no_tax"}),
    "zero raw": (counts(Part(1, 9), Part(9, 9)), None, {"false_positives.change, relative": "zero_raw"}),
    "nothing caught": (
        counts(Part(9, 9), Part(9, 9)),
        tax(),
        {"precision": "nothing_caught", "price.latency, absolute": "change_includes_zero"},
    ),
    "no reduction that is sure": (
        counts(Part(50, 100), Part(52, 100)),
        tax(),
        {"price.latency, absolute": "change_includes_zero", "price.latency, relative": "no_relative_tax"},
    ),
    "a relative tax alone": (
        counts(Part(10, 100), Part(90, 100)),
        tax(None, Estimate(0.1, 0.08, 0.12)),
        {"price.latency, absolute": "no_absolute_tax"},
    ),
    "more attacks": (counts(Part(90, 100), Part(10, 100)), tax(), {"price.latency, absolute": "attack_success_rose"}),
    "tax without an interval": (
        counts(Part(10, 100), Part(90, 100)),
        tax(Estimate(0.01)),
        {"price.latency, absolute": "tax_without_interval"},
    ),
    "no repeats": (counts(Part(1, 9), Part(9, 9)), None, {"predictability.flips": "no_repeats"}),
    "no latency": (counts(Part(1, 9), Part(9, 9)), None, {"predictability.latency": "no_latency"}),
}


@pytest.mark.parametrize(("found", "cost", "expected"), CASES.values(), ids=CASES)
def test_refusals(found: Counts, cost: Tax | None, expected: dict[str, str]) -> None:
    record = benefit([Configuration("", found, cost, "v.jsonl")], Settings(0.01))
    assert expected.items() <= reasons(record).items()
    assert not {refusal.split(",")[0] for refusal in expected if "," not in refusal} & set(figures(record))
    assert all(refusal.message and not refusal.message.endswith(".") for refusal in record.refusals)


def test_precision_needs_the_real_prevalence() -> None:
    record = benefit([Configuration("", counts(Part(1, 9), Part(9, 9)), None, "v.jsonl")], Settings())
    assert reasons(record)["precision"] == "no_prevalence"
    assert not any(name.startswith("precision") for name in figures(record))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prevalence": 0.0}, "prevalence=0.0"),
        ({"margin": 1.5}, "margin=1.5"),
        ({"confidence": 0.4}, "confidence=0.4"),
    ],
)
def test_settings_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


shares = st.integers(1, 100).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)))


@given(shares)
def test_exchanged_arms_change_the_sign(found: tuple[int, int, int]) -> None:
    one, other, n = found
    there, back = (
        figures(benefit([Configuration("", counts(Part(new, n), Part(base, n)), None, "v")], Settings()))[
            "attack_success.change"
        ].absolute
        for new, base in ((one, other), (other, one))
    )
    assert there is not None
    assert back is not None
    assert there.low is not None
    assert there.high is not None
    assert back == pytest.approx((-there.value, -there.high, -there.low))
    assert (there.value == 0) == (one == other)


def test_failures_are_told() -> None:
    found = replace(counts(Part(1, 9), Part(9, 9)), failed=Part(3, 109))
    record = benefit([Configuration("", found, None, "v.jsonl")], Settings())
    assert "guards failed or were too late on 3 of 109 texts" in record.warnings[0]


def several(*taxes: Tax | None) -> TaxRecord:
    caught = {"cheap": 40, "good": 10, "worse": 20}
    return benefit(
        [
            Configuration(name, counts(Part(success, 100), Part(100, 100), Part(alarms, 100)), cost, f"{name}.jsonl")
            for (name, success), alarms, cost in zip(caught.items(), (1, 3, 4), taxes, strict=True)
        ],
        Settings(0.01),
    )


def test_several_guard_sets_on_one_front() -> None:
    taxes = [tax(Estimate(seconds, seconds * 0.9, seconds * 1.1)) for seconds in (0.001, 0.01, 0.02)]
    record = several(*taxes)
    front = record.more["front"]
    assert front["objectives"] == ["attack_success", "false_positives", "tax"]
    assert front["tax"] == {"title": "latency of a request", "unit": "seconds"}
    standing = {point["name"]: (point["dominated_by"], point["clearly"]) for point in front["points"]}
    assert standing == {"cheap": ([], False), "good": ([], False), "worse": (["good"], True), "no guards": ([], False)}
    told = figures(record)
    assert told["attack_success.change.worse"].marks == ("dominated by good",)
    assert told["attack_success.change.good"].marks == ()
    assert told["price.latency.good"].sources == ("good.jsonl", "result.json")
    assert [name for name in told if name.startswith("attack_success.change")] == list(told)[:3]


@pytest.mark.parametrize(
    ("taxes", "reason", "unit"),
    [
        ((None, None, None), None, None),
        ((tax(), tax(), None), "tax_missing", None),
        ((tax(), tax(), tax(name="joules", unit="joules")), "different_taxes", None),
        ((tax(unit="ms", relative=LATENCY), tax(relative=LATENCY), tax(relative=LATENCY)), None, "share of raw"),
    ],
)
def test_taxes_that_cannot_be_set_against_each_other(
    taxes: tuple[Tax | None, ...], reason: str | None, unit: str | None
) -> None:
    record = several(*taxes)
    front = record.more["front"]
    assert ("tax" in front["objectives"]) == (unit is not None)
    assert (front["tax"] or {}).get("unit") == unit
    assert reasons(record).get("front, tax") == reason


def test_guard_sets_that_cannot_be_compared() -> None:
    one = Configuration("one", counts(Part(1, 9), Part(9, 9)), None, "one.jsonl")
    other = one._replace(name="other", source="other.jsonl", counts=replace(one.counts, fingerprint="other texts"))
    with pytest.raises(ValueError, match=r"one\.jsonl and other\.jsonl hold other texts or labels \(109 and 109\)"):
        benefit([one, other], Settings())
    with pytest.raises(ValueError, match="two configurations are called 'one'"):
        benefit([one, one], Settings())
    with pytest.raises(ValueError, match="'no guards', which stands for the model alone"):
        benefit([one, one._replace(name="no guards")], Settings())
    with pytest.raises(ValueError, match="'no guards', which stands for the model alone"):
        benefit([one._replace(name="no guards")], Settings())
    many = [one._replace(name=str(index)) for index in range(MAX_CONFIGURATIONS + 1)]
    with pytest.raises(ValueError, match="65 configurations; pass 1 to 64"):
        benefit(many, Settings())
