"""Reports of releases, read again: a folder of them gives the same trend as the records that they were made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntax.taxes.whole import join, read_inputs

from .records import benefit, everything, performance, write


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Five releases, with two files of a kind in the latest one."""
    folder = everything(tmp_path / "shop")
    write(folder / "2026-03-v1.4", {"canary.json": benefit()})
    return folder


@pytest.fixture
def reports(shop: Path, tmp_path: Path) -> Path:
    """A report of each of them."""
    return write(
        tmp_path / "reports",
        {f"{release.name}.json": join(read_inputs([release])) for release in shop.iterdir()},
    )


def test_a_folder_of_reports_gives_what_its_records_give(shop: Path, reports: Path) -> None:
    of_records, of_reports = join(read_inputs([shop])), join(read_inputs([reports]))
    for part in ("title", "measured", "definition", "scale", "taxes", "refusals", "not_measured", "trade_off", "trend"):
        assert of_reports[part] == of_records[part], part
    for part in ("releases", "details", "sources", "warnings"):
        assert of_reports[part] == of_records[part], part
    assert len(of_reports["trend"][0]["points"]) == 5
    assert of_reports["left_out"] == []


def test_what_the_folder_of_a_report_says_of_itself_is_kept(shop: Path, tmp_path: Path) -> None:
    write(shop / "2026-03-v1.4", {"note.txt": "Made up."})
    report = join(read_inputs([shop / "2026-03-v1.4"]))
    assert report["notes"] == [{"source": "2026-03-v1.4/note.txt", "text": "Made up."}]
    again = join(read_inputs([write(tmp_path / "again", {"2026-03-v1.4.json": report})]))
    assert again["notes"] == []
    assert again["warnings"][0]["text"] == "Made up."
    del report["notes"]  # as earlier reports are
    assert join(read_inputs([write(tmp_path / "again", {"2026-03-v1.4.json": report})]))["warnings"][0]["text"] != (
        "Made up."
    )


def test_reports_may_be_named_one_by_one_or_lie_in_folders_of_releases(shop: Path, reports: Path) -> None:
    expected = join(read_inputs([shop]))["trend"]
    assert join(read_inputs(sorted(reports.iterdir())))["trend"] == expected
    for file in [*reports.iterdir()]:
        (reports / file.stem).mkdir()
        file.rename(reports / file.stem / "whole.json")
    found = join(read_inputs([reports]))
    assert [one["verdict"] for one in found["trend"]] == [one["verdict"] for one in expected]
    assert found["sources"][0]["file"] == "2026-03-v1.4/whole.json/2026-03-v1.4/performance.json"


def test_a_report_without_a_date_is_as_old_as_its_records(tmp_path: Path) -> None:
    made = {}
    for day in (3, 1, 2):
        record = {**performance(day / 100), "created": f"2026-01-0{day}T00:00:00+00:00"}
        name = "abc"[day % 3]
        made[f"{name}.json"] = join(read_inputs([write(tmp_path / name, {"p.json": record})]))
    whole = join(read_inputs([write(tmp_path / "reports", made)]))
    assert [one["date"] for one in whole["releases"]] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert whole["taxes"][0]["relative"]["value"] == pytest.approx(0.03)
    assert whole["taxes"][0]["source"] == "a.json/p.json"


def test_beside_records_a_report_is_left_out_and_as_an_argument_refused(shop: Path, reports: Path) -> None:
    report = next(reports.iterdir())
    report.rename(shop / "whole.json")
    whole = join(read_inputs([shop]))
    assert "whole.json" in {one["file"] for one in whole["left_out"]}
    assert any("is a report (aligntax.whole/1), and there are records" in one["reason"] for one in whole["left_out"])
    with pytest.raises(ValueError, match=r"whole\.json: is a report .*; name what aligntax tax or"):
        read_inputs([shop / "2025-03-v1.0", shop / "whole.json"])


def test_of_two_reports_of_a_release_the_first_counts(reports: Path) -> None:
    text = (reports / "2025-03-v1.0.json").read_text(encoding="utf-8")
    for name in ("a", "b"):
        write(reports / "2025-03-v1.0", {f"{name}.json": text})
    left_out = {one.file: one.reason for one in read_inputs([reports]).left_out}
    assert set(left_out.values()) == {"the release 2025-03-v1.0 has another report, 2025-03-v1.0.json"}
    assert len(left_out) == 2


def _without(part: str) -> Callable[[dict[str, Any]], None]:
    return lambda report: report.pop(part)


def _with(part: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda report: report[part][0].update(values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("sources"), "is not whole ('sources' is missing); write it anew with: aligntax report"),
        (
            lambda report: report.update(sources=[]),
            "of 0 files; a report has at most 5,000 of each, and 1 to 200 files",
        ),
        (lambda report: report["sources"].extend([report["sources"][0]] * 200), "a report has at most"),
        (_with("taxes", unit=None, n="many"), "invalid literal for int"),
        (_with("taxes", kind="luck"), "kind 'luck' is no tax that is known"),
        (_with("sources", bytes=None), "is not whole"),
    ],
)
def test_a_damaged_report_is_refused_with_its_name(
    reports: Path, damage: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = reports / "2025-03-v1.0.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    damage(report)
    path.write_text(json.dumps(report))
    with pytest.raises(ValueError, match=r"2025-03-v1\.0\.json: ") as refused:
        read_inputs([reports])
    assert message in str(refused.value)
