"""Does a tax grow with the model? Published rows, lines whose slope is known, and what makes no line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.experiment.results import make_result
from tests.inference.simulations import covered
from tests.taxes.one_command import figures, reasons, refused, run

from aligntax.experiment.result import write_json
from aligntax.inference import Estimate
from aligntax.taxes.record import Figure, TaxRecord
from aligntax.taxes.scaling import Point, Slope, fit_slope, point_of_record, read_points, scaling_tax
from aligntax.taxes.scaling.points import MAX_POINTS, parse_size, written_size

# InstructGPT (arXiv 2203.02155), table 14, zero-shot; raw is GPT.
TABLE_14 = {
    "SQuADv2 F1, PPO": ((51.97, 45.37), (58.66, 47.42), (64.30, 43.68)),
    "Fr-En BLEU, PPO-ptx": ((30.65, 25.77), (34.99, 30.41), (38.92, 34.28)),
}
PRINTED = {
    "SQuADv2 F1, PPO": ["12.70", "19.16", "32.07"],
    "Fr-En BLEU, PPO-ptx": ["15.92", "13.09", "11.92"],
}
SIZES = ("1.3B", "6B", "175B")


def csv_file(folder: Path, *lines: str) -> Path:
    path = folder / "sizes.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def four(*taxes: float, error: float | None = None) -> list[Point]:
    return [Point(10.0 ** (7 + index), tax, error) for index, tax in enumerate(taxes)]


@pytest.mark.parametrize("task", TABLE_14)
def test_instruct_gpt(task: str, tmp_path: Path) -> None:
    rows = [f"{size},{raw},{aligned}" for size, (raw, aligned) in zip(SIZES, TABLE_14[task], strict=True)]
    record = scaling_tax(read_points(csv_file(tmp_path, "size,raw,aligned", *rows)))
    told = figures(record)
    assert [f"{figure.relative.value * 100:.2f}" for figure in told.values()] == PRINTED[task]
    # Three sizes, whichever way they seem to go, are points, and no verdict.
    assert "slope" not in told
    assert reasons(record) == {"slope": "too_few_sizes"}
    assert record.more["fit"] is None
    assert len(record.more["points"]) == 3


@pytest.mark.parametrize(
    ("taxes", "direction"),
    [
        ((0.05, 0.08, 0.11, 0.14), "grows"),
        ((0.14, 0.11, 0.08, 0.05), "shrinks"),
        ((0.05, 0.14, 0.04, 0.13), "cannot tell"),
        ((0.08, 0.08, 0.08, 0.08), "cannot tell"),
        ((0.0, 0.0, 0.0, 0.0), "cannot tell"),
        ((-0.05, -0.08, -0.11, -0.14), "shrinks"),
    ],
)
@pytest.mark.parametrize("error", [None, 0.01])
def test_directions(taxes: tuple[float, ...], direction: str, error: float | None) -> None:
    record = scaling_tax(four(*taxes, error=error))
    headline = record.figures[0]
    assert headline.name == "slope"
    assert headline.unit == "share per tenfold size"
    assert headline.more["direction"] == direction
    assert headline.absolute is not None
    assert headline.absolute.value == pytest.approx(np.polyfit(range(4), taxes, 1)[0], abs=1e-12)
    assert headline.n == 4
    assert headline.more["weighted"] == (error is not None)
    assert not record.refusals


def test_it_is_the_textbooks_regression() -> None:
    from scipy import stats

    taxes = [0.05, 0.09, 0.08, 0.14, 0.15]
    found = fit_slope(four(*taxes))
    assert isinstance(found, Slope)
    expected = stats.linregress(range(7, 12), taxes)
    half = float(stats.t.isf(0.025, 3)) * expected.stderr
    assert found.per_tenfold == pytest.approx((expected.slope, expected.slope - half, expected.slope + half))
    assert found.intercept == pytest.approx(expected.intercept)


@pytest.mark.parametrize("errors", [None, (0.01, 0.01, 0.01, 0.01), (0.005, 0.01, 0.02, 0.01, 0.03, 0.01)])
def test_the_slope_covers(errors: tuple[float, ...] | None) -> None:
    sizes = np.array([1e8, 1e9, 6e9, 1.3e10, 7e10, 1.75e11][: len(errors or range(5))])

    def interval(generator: np.random.Generator) -> bool:
        spread = np.full(len(sizes), 0.02) if errors is None else np.array(errors)
        taxes = 0.02 + 0.03 * np.log10(sizes) + generator.normal(0, spread)
        given_errors = [None] * len(sizes) if errors is None else list(errors)
        found = fit_slope([Point(*each) for each in zip(sizes.tolist(), taxes.tolist(), given_errors, strict=True)])
        assert isinstance(found, Slope)
        return found.per_tenfold.covers(0.03)

    assert 0.92 <= covered(interval, seed=5) <= 0.98


shares = st.floats(-0.5, 0.9).map(lambda value: round(value, 6))


@given(st.lists(shares, min_size=4, max_size=9), st.floats(0.001, 1000))
def test_what_must_hold(taxes: list[float], scale: float) -> None:
    points = four(*taxes)
    found, turned = fit_slope(points), fit_slope([point._replace(relative=-point.relative) for point in points])
    scaled = fit_slope([point._replace(size=point.size * scale) for point in points])
    assert isinstance(found, Slope)
    assert isinstance(turned, Slope)
    assert isinstance(scaled, Slope)
    value, low, high = found.per_tenfold
    assert low is not None
    assert high is not None
    assert low <= value <= high
    assert turned.per_tenfold == pytest.approx((-value, -high, -low), abs=1e-12)
    assert scaled.per_tenfold == pytest.approx((value, low, high), rel=1e-6, abs=1e-9)
    shuffled = fit_slope(points[::-1])
    assert isinstance(shuffled, Slope)
    assert shuffled.per_tenfold == pytest.approx((value, low, high), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "there are no sizes; give the tax of one model"),
        ([Point(1e9, 0.1), Point(1e9, 0.2)], r"size 1e\+09 comes twice"),
        (
            [Point(1e9, 0.1, family="gpt"), Point(2e9, 0.2, family="llama")],
            "of 2 families .'gpt', 'llama'. make no line",
        ),
        (
            [Point(1e9, 0.1, source="a.json", figure="wsc.acc"), Point(2e9, 0.2, source="b.json", figure="macro.all")],
            "of 2 figures .'macro.all' of b.json, 'wsc.acc' of a.json. make no line; name one that all have with --fig",
        ),
    ],
)
def test_what_makes_no_line(points: list[Point], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scaling_tax(points)


def test_columns_of_csv(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "\ufefffamily, size ,stderr,tax,raw,aligned",
        "gpt,350M,0.01,12.5%,,",
        "gpt,7e9,,,50,45",
        "other,1.3b,0.02,-0.03,,",
        "",
    )
    found = read_points(path)
    assert [point[:4] for point in found] == [
        (350e6, 0.125, 0.01, "gpt"),
        (7e9, 0.1, None, "gpt"),
        (1.3e9, -0.03, 0.02, "other"),
    ]
    assert found[0].estimate() == pytest.approx((0.125, 0.125 - 0.0195996, 0.125 + 0.0195996), rel=1e-5)
    assert found[1].estimate() == (pytest.approx(0.1), None, None)
    assert {point.source for point in found} == {"sizes.csv"}
    assert [point.family for point in read_points(path, family="other")] == ["other"]


BAD_LINES = [
    ("7e9,much,", "line 3: tax='much' is no number; write e.g. 0.127"),
    ("7e9,nan,", "line 3: tax='nan' is no finite number"),
    ("7e9,N/A,", "line 3: tax='N/A' is no number"),
    ("large,0.1,", "line 3: 'large' is no size; write a number above 0"),
    ("0,0.1,", "line 3: '0' is no size"),
    ("-7,0.1,", "line 3: '-7' is no size"),
    (",0.1,", "line 3: '' is no size"),
    ("7e9,0.1,0", "line 3: stderr=0 must be above 0; leave the cell empty"),
    ("7e9,,", "line 3: raw='' is no number"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_bad_lines(line: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, "size,tax,stderr", "1e9,0.1,0.01", line)
    refused(run(capfd, "scaling", path), f"{path}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 has the columns []; give size, and tax or raw and aligned"),
        (b"size,score\n1e9,3\n", "line 1 has the columns ['score', 'size']"),
        (b"size,raw\n1e9,3\n", "give size, and tax or raw and aligned"),
        (b"size,tax\n", "no rows below the first line"),
        (b"size,tax\n1e9,0.1,0.2,0.3\n", ""),
        (b"size,raw,aligned\n1e9,0,3\n", "line 2: raw=0 has no relative tax"),
        (b"size,tax\n1e9,0.1\xff\n", "is no UTF-8 (byte"),
        (b"size,tax\n" + b"1e9,0.1\n" * (MAX_POINTS + 1), "line 10002 is beyond 10,000 rows"),
        (b"size,tax\n1e9," + b"9" * 100_000, "sizes.csv:2: longer than 65,536 characters; write one row"),
    ],
)
def test_bad_files(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_bytes(content)
    if not message:  # cells beyond the columns are nobody's
        assert len(read_points(path)) == 1
        return
    with pytest.raises(ValueError, match=r"sizes\.csv") as raised:
        read_points(path)
    assert message in str(raised.value)


def test_no_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(run(capfd, "scaling", tmp_path / "none.csv"), "none.csv: cannot be read (No such file or directory)")


def test_a_family_that_is_not_there(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "size,tax,family", "1e9,0.1,gpt")
    with pytest.raises(ValueError, match=r"no row of family 'llama'; there are 'gpt'"):
        read_points(path, family="llama")


@pytest.mark.parametrize(
    ("text", "size"), [("7e9", 7e9), ("1.3B", 1.3e9), ("350m", 350e6), (" 2 T ", 2e12), ("12", 12), ("1.5k", 1500)]
)
def test_sizes(text: str, size: float) -> None:
    assert parse_size(text) == pytest.approx(size)
    assert parse_size(written_size(size)) == pytest.approx(size)
    assert math.isfinite(size)


def record_file(path: Path, *found: Figure) -> Path:
    write_json(path, TaxRecord("performance", "Performance tax", found).to_dict())
    return path


def figure(name: str, relative: Estimate | None, **more: Any) -> Figure:
    return Figure(name, name, Estimate(2.0, 1.0, 3.0), "points", relative, **more)


def test_records_of_several_sizes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = []
    for index, relative in enumerate((0.05, 0.08, 0.11, 0.14)):
        path = tmp_path / f"{index}.json"
        estimate = Estimate(relative, relative - 0.02, relative + 0.02)
        record_file(path, figure("wsc.acc", None), figure("squad_v2.f1", estimate, n=90 + index))
        given.append(f"{10**index}B={path}")
    out = tmp_path / "scaling.json"
    ended = run(capfd, "scaling", *given, "--figure", "squad_v2.f1", "--family", "gpt", "--json", out)
    assert ended.code == 0, ended.err
    assert "grows" in ended.out
    assert "+3.00" in ended.out
    assert "Relative tax of squad_v2.f1 at size 10B" in ended.out
    record = json.loads(out.read_text())
    assert record["parameters"]["figure"] == "squad_v2.f1"
    assert [each["n"] for each in record["figures"]] == [4, 90, 91, 92, 93]  # the slope is of four sizes
    point = point_of_record(tmp_path / "0.json", 1e9)
    assert point.relative == 0.05
    assert point.error == pytest.approx(0.02 / 1.959964, rel=1e-5)


def test_the_error_of_a_record_with_another_confidence(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    found = figure("wsc.acc", Estimate(0.05, 0.03, 0.07))
    write_json(path, TaxRecord("performance", "Performance tax", [found], parameters={"confidence": 0.99}).to_dict())
    assert point_of_record(path, 1e9).error == pytest.approx(0.02 / 2.575829, rel=1e-5)


def test_results_of_bench(tmp_path: Path) -> None:
    raw = np.random.default_rng(1).normal(0.1, 0.01, 40)
    path = tmp_path / "result.json"
    write_json(path, make_result(raw, raw * 1.1))
    point = point_of_record(path, 7e9)
    assert point.relative == pytest.approx(0.1)
    assert (point.figure, point.n) == ("latency.request", 40)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1e9={record}", "{record}"], "is no SIZE=FILE; write e.g. 1.3B=record.json"),
        (["{record}"], "r.json: is no SIZE=FILE; write e.g. 1.3B=record.json"),
        (["1e9={scaling}"], "scaling_record.json: is of several sizes itself; name a record of one model"),
        (["big={record}", "1e9={record}"], "'big' is no size"),
        (["1e9={record}", "1e9={record}"], "size 1e+09 comes twice"),
        (["1e9={record}", "--figure", "acc"], "has no figure 'acc'; it has wsc.acc, squad_v2.f1"),
        (["1e9={record}", "--figure", "wsc.acc"], "figure 'wsc.acc' has no relative tax"),
        (["1e9={csv}"], "is no JSON"),
        (["1e9={empty}"], "has no figures, only refusals"),
        (["1e9={other}"], "has schema 'aligntax.whole/1' instead of 'aligntax.tax/1'"),
        (["1e9={strange}"], "no estimate"),
        (["{csv}", "--figure", "acc"], "--figure acc: a CSV file has none"),
        (["{csv}", "--json", "{csv}"], "it is read; name another file"),
        (["{csv}", "--json", "{nowhere}"], "cannot write there"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "other.json", {"schema": "aligntax.whole/1"})
    write_json(tmp_path / "scaling_record.json", scaling_tax(four(0.1, 0.2, 0.3, 0.5)).to_dict())
    strange = TaxRecord("cost", "", [figure("a.b", None)]).to_dict()
    strange["figures"][0]["relative"] = {"value": 3}
    write_json(tmp_path / "strange.json", strange)
    places = {
        "record": record_file(tmp_path / "r.json", figure("wsc.acc", None), figure("squad_v2.f1", Estimate(0.1))),
        "empty": record_file(tmp_path / "empty.json"),
        "other": tmp_path / "other.json",
        "scaling": tmp_path / "scaling_record.json",
        "strange": tmp_path / "strange.json",
        "csv": csv_file(tmp_path, "size,tax", "1e9,0.1"),
        "nowhere": tmp_path / "none" / "scaling.json",
    }
    refused(run(capfd, "scaling", *(each.format(**places) for each in arguments)), message)


def test_what_is_said_of_one_size() -> None:
    record = scaling_tax([Point(1e9, 0.1)])
    assert record.refusals[0].message.startswith("1 size is too few for a slope")
    assert record.figures[0].formula == "relative tax, as the file gives it"


def test_the_command_says_what_three_sizes_do_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [f"{size},{raw},{aligned}" for size, (raw, aligned) in zip(SIZES, TABLE_14["SQuADv2 F1, PPO"], strict=True)]
    ended = run(capfd, "scaling", csv_file(tmp_path, "size,raw,aligned", *rows))
    assert ended.code == 0
    assert "too_few_sizes" in ended.out
    assert "measure models of 4 sizes or more" in ended.out
    assert "1.3B" in ended.out
    assert "grows" not in ended.out.replace("whether the tax grows", "")
