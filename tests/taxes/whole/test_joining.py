"""Records joined: one scale, names that are unique, prices, and whether the tax declines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from aligntax.inference import Estimate
from aligntax.taxes.capability.over_refusal import NAME as OVER_REFUSAL
from aligntax.taxes.whole import SCHEMA, join, read_inputs
from aligntax.taxes.whole.scale import on_scale
from aligntax.taxes.whole.trend import trend

from .records import benefit, capability, everything, performance, record, result, write


def joined(folder: Path, **files: Any) -> dict[str, Any]:
    return join(read_inputs([write(folder, {f"{name}.json": data for name, data in files.items()})]))


def row(kind: str, relative: Estimate | None, verdict: str | None = "tax", **more: Any) -> dict[str, Any]:
    return {
        "kind": kind, "name": "macro", "title": "Mean", "headline": True, "unit": "points", "verdict": verdict,
        "confidence": 0.95, "source": "p.json", "formula": "mean", "n": 12,
        "relative": None if relative is None else relative.to_dict(), "absolute": None, **more,
    }  # fmt: skip


def test_a_whole_report_is_plain_data_with_all_that_is_known(tmp_path: Path) -> None:
    whole = join(read_inputs([everything(tmp_path / "shop")]), title="Shop")
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert (whole["schema"], whole["title"]) == (SCHEMA, "Shop")
    assert whole["definition"] == "Raw performance 100, after alignment 95.0: the tax is 5.0 (4.0 to 6.0)."
    assert [one["kind"] for one in whole["scale"]] == ["performance", "latency", "capability", "compute"]
    assert [one["kind"] for one in whole["not_measured"]] == ["cost"]
    assert {(one["kind"], one["what"]) for one in whole["refusals"]} >= {
        ("performance", "mmlu.acc"),
        ("benefit", "precision"),
    }
    assert len(whole["releases"]) == 5
    assert [one["kind"] for one in whole["taxes"] if one["headline"]] == [
        *("performance", "latency", "capability", "compute", "benefit", "scaling", "development", "debt"),
    ]
    assert all(len(source["sha256"]) == 64 for source in whole["sources"])
    assert {one["verdict"] for one in whole["trend"] if one["headline"]} == {"declines"}


def test_the_definition_of_the_tax_with_its_own_numbers() -> None:
    (one,) = on_scale([row("performance", Estimate(0.05))])
    assert one["sentence"] == "Raw performance 100, after alignment 95.0: the tax is 5.0."
    assert (one["raw"], one["after"]["value"], one["tax"]["value"]) == (100.0, 95.0, 5.0)


@pytest.mark.parametrize(
    ("kind", "relative", "verdict", "sentence"),
    [
        ("performance", Estimate(-0.02, -0.03, -0.01), "bonus",
         "Raw performance 100, after alignment 102.0: a bonus, the tax is -2.0 (-3.0 to -1.0)."),
        ("performance", Estimate(0.0122, -0.15, 0.18), "inconclusive",
         "Raw performance 100, after alignment 98.8: a tax of 1.2 that cannot be told from zero (-15.0 to 18.0)."),
        ("latency", Estimate(0.12, 0.11, 0.13), "tax",
         "Raw time of a request 100, with the guards 112.0: the tax is 12.0 (11.0 to 13.0)."),
        ("cost", Estimate(20.0, 19.0, 21.0), "tax",
         "Raw cost 100, with the guards 2,100: the tax is 2,000 (1,900 to 2,100)."),
        ("capability", Estimate(0.0012, 0.001, 0.0014), "tax",
         "Raw diversity 100, after alignment 99.9: the tax is 0.12 (0.1 to 0.14)."),
    ],
)  # fmt: skip
def test_each_kind_has_its_words(kind: str, relative: Estimate, verdict: str, sentence: str) -> None:
    (one,) = on_scale([row(kind, relative, verdict)])
    assert one["sentence"] == sentence
    after = Estimate.from_dict(one["after"])
    assert after.width == pytest.approx(Estimate.from_dict(one["tax"]).width)


def test_more_refusals_are_not_told_as_less_diversity() -> None:
    (one,) = on_scale([row("capability", Estimate(0.5, 0.2, 0.8), name=f"other:{OVER_REFUSAL}")])
    assert one["sentence"] == (
        "Raw refusals of safe prompts 100, after alignment 150.0: the tax is 50.0 (20.0 to 80.0)."
    )


def test_what_has_no_raw_figure_is_not_on_the_scale() -> None:
    assert on_scale([row("debt", Estimate(0.1)), row("performance", None)]) == []


def test_of_two_files_of_a_kind_each_figure_keeps_a_name_of_its_own(tmp_path: Path) -> None:
    whole = joined(tmp_path, mmlu=performance(), qa=performance(0.02), one=result(1), two=result(2))
    found = [(each["kind"], each["name"]) for each in whole["taxes"]]
    assert len(set(found)) == len(found)
    assert {("performance", "mmlu:macro"), ("performance", "qa:macro"), ("latency", "one:tax")} <= set(found)
    assert sum(each["headline"] for each in whole["taxes"] if each["kind"] == "performance") == 2


def test_the_price_of_safety_is_told_for_each_tax_that_has_one(tmp_path: Path) -> None:
    refused = capability()
    refused["figures"][0]["absolute"] = {"value": 0.3, "low": None, "high": None}
    whole = joined(tmp_path, b=benefit(), p=performance(), c=refused)
    prices = {price["kind"]: price for price in whole["trade_off"]["prices"]}
    assert prices["performance"]["estimate"]["value"] == pytest.approx(3.1 / 0.48)
    assert prices["performance"]["unit"] == "points"
    assert prices["capability"]["estimate"] is None
    assert "no interval" in prices["capability"]["reason"]


def test_a_price_knows_how_sure_the_interval_of_its_tax_is(tmp_path: Path) -> None:
    usual, surer = performance(), performance()
    surer["parameters"]["confidence"] = 0.99
    widths = []
    for name, made in (("usual", usual), ("surer", surer)):
        (found,) = joined(tmp_path / name, b=benefit(), p=made)["trade_off"]["prices"]
        widths.append(Estimate.from_dict(found["estimate"]).width)
    assert widths[1] < widths[0], "the same width at more confidence is a smaller error"


def test_a_front_without_a_tax_gets_the_time_of_a_request(tmp_path: Path) -> None:
    made = benefit()
    front = made["more"]["front"]
    front.update(objectives=["attack_success"], tax=None)
    front["points"] = [
        {key: value for key, value in point.items() if key != "tax"}
        for point in front["points"]
        if point["name"] in ("both", "no guards")
    ]
    front["points"][1].update(dominated=True, dominated_by=["both"])
    whole = joined(tmp_path, b=made, r=result())
    found = whole["trade_off"]["front"]
    assert found["objectives"] == ["attack_success", "tax"]
    taxes = {point["name"]: point["tax"]["value"] for point in found["points"]}
    assert taxes == {"both": whole["scale"][0]["tax"]["value"] / 100, "no guards": 0.0}
    alone = joined(tmp_path / "alone", b=made)["trade_off"]["front"]
    assert alone["objectives"] == ["attack_success"]
    bare = next(point for point in found["points"] if point["name"] == "no guards")
    assert (bare["dominated"], bare["dominated_by"]) == (False, []), "nothing is as fast"


def test_without_a_benefit_there_is_nothing_to_weigh(tmp_path: Path) -> None:
    assert joined(tmp_path, p=performance())["trade_off"] is None
    alone = joined(tmp_path / "b", b=record("benefit", []))["trade_off"]
    assert (alone["prices"], alone["front"]) == ([], None)


def releases(
    taxes: list[float], *, days: float = 90.0, half: float = 0.002
) -> list[tuple[str, datetime, list[dict[str, Any]]]]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        (
            f"v{number}",
            start + timedelta(days=days * number),
            [row("performance", Estimate(tax, tax - half, tax + half))],
        )
        for number, tax in enumerate(taxes)
    ]


@pytest.mark.parametrize(
    ("taxes", "verdict"),
    [
        ([0.09, 0.08, 0.07, 0.061], "declines"),
        ([0.02, 0.031, 0.039, 0.05], "grows"),
        ([0.05, 0.02, 0.06, 0.03], "cannot tell"),
        ([0.05, 0.05, 0.05, 0.05], "cannot tell"),
        ([-0.01, -0.02, -0.03, -0.04], "declines"),
    ],
)
def test_whether_it_declines_is_what_the_slope_says(taxes: list[float], verdict: str) -> None:
    (found,) = trend(releases(taxes))
    assert (found["verdict"], found["per"], found["reason"]) == (verdict, "year", "")


def test_a_slope_is_told_for_a_year() -> None:
    (found,) = trend(releases([0.4, 0.3, 0.2, 0.1], days=365.25))
    assert found["slope"]["value"] == pytest.approx(-0.1)
    (found,) = trend(releases([0.4, 0.3, 0.2, 0.1], days=0.0))
    assert (found["per"], found["slope"]["value"]) == ("release", pytest.approx(-0.1))


def test_three_releases_are_points_and_no_trend() -> None:
    (found,) = trend(releases([0.09, 0.07, 0.05]))
    assert (found["slope"], found["verdict"], len(found["points"])) == (None, None, 3)
    assert found["reason"] == "3 releases are too few for a trend; measure 4 or more"
    assert trend(releases([0.09])) == []


def test_what_does_not_move_is_seldom_said_to() -> None:
    random = np.random.default_rng(5)
    found = [trend(releases((0.05 + random.normal(0, 0.004, 5)).tolist()))[0]["verdict"] for _ in range(600)]
    assert 0.92 <= found.count("cannot tell") / len(found) <= 0.98


def test_an_absolute_tax_is_followed_where_a_release_has_no_relative_one() -> None:
    found = releases([0.09, 0.08, 0.07, 0.06])
    for _, _, rows in found:
        rows[0]["absolute"] = {"value": 3.0, "low": 2.0, "high": 4.0}
    found[1][2][0]["relative"] = None
    assert trend(found)[0]["measure"] == "absolute"


def test_a_release_weighs_by_the_error_that_its_interval_stands_for() -> None:
    """The same standard error, told at three confidences, is the same weight; read as 95 % it would be another."""
    taxes, sures = [0.09, 0.06, 0.08, 0.05, 0.055], [0.95, 0.5, 0.99, 0.8, 0.5]
    usual, mixed = releases(taxes, half=0.004), releases(taxes)
    error = 0.004 / float(stats.norm.isf(0.025))
    for tax, sure, (_, _, rows) in zip(taxes, sures, mixed, strict=True):
        half = error * float(stats.norm.isf((1 - sure) / 2))
        rows[0].update(relative=Estimate(tax, tax - half, tax + half).to_dict(), confidence=sure)
    (expected,), (found,) = trend(usual), trend(mixed)
    assert found["slope"] == pytest.approx(expected["slope"])
    assert [point["confidence"] for point in found["points"]] == sures
    for rows in (rows for *_, rows in mixed):
        rows[0]["confidence"] = 0.95
    assert trend(mixed)[0]["slope"]["value"] != pytest.approx(expected["slope"]["value"], rel=0.01)


def test_rows_and_points_say_how_sure_their_file_is(tmp_path: Path) -> None:
    surer = performance()
    surer["parameters"]["confidence"] = 0.8
    whole = joined(tmp_path, p=surer, c=capability())
    assert {(one["kind"], one["confidence"]) for one in whole["taxes"]} == {("performance", 0.8), ("capability", 0.95)}


def test_what_is_known_of_one_release_alone_is_no_trend() -> None:
    found = releases([0.09, 0.08])
    found[1][2][0]["relative"] = None
    assert [rows[0]["absolute"] for *_, rows in found] == [None, None]
    assert trend(found) == []
