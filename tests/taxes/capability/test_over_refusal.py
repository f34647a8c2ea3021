"""How often safe prompts are refused: the published intervals, labels and detector, and what there must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntax.commands.tax.capability import capability
from aligntax.inference import mcnemar
from aligntax.taxes.capability import capability_tax
from aligntax.taxes.record import Figure, TaxRecord, TaxVerdict

from ...experiment.running import runner
from .writing import REFUSAL, samples, write


def rate(record: TaxRecord) -> Figure:
    return next(figure for figure in record.figures if figure.name == "over_refusal.rate")


def safe(path: Path, refused: int, n: int = 250) -> Path:
    return write(path, [{"id": p, "text": REFUSAL if p < refused else f"Gladly: {p}."} for p in range(n)])


@pytest.fixture
def main(tmp_path: Path) -> tuple[Path, Path]:
    return samples(tmp_path / "raw.jsonl", 6, 1), samples(tmp_path / "aligned.jsonl", 6, 1, seed=1)


def test_published_intervals(tmp_path: Path, main: tuple[Path, Path]) -> None:
    record = capability_tax(*main, safe=(safe(tmp_path / "s0.jsonl", 54), safe(tmp_path / "s1.jsonl", 95)))
    shares = record.more["over_refusal"]
    written = {arm: f"{share['low']:.1%} to {share['high']:.1%}" for arm, share in shares.items()}
    assert written == {"raw": "16.9% to 27.1%", "aligned": "32.2% to 44.2%"}
    figure = rate(record)
    assert figure.absolute == mcnemar(41, 0, 250).difference  # both arms have the same prompts
    assert figure.absolute is not None
    assert figure.absolute.value == pytest.approx(41 / 250)
    assert figure.verdict is TaxVerdict.TAX
    assert figure.relative is not None
    assert figure.relative.value == pytest.approx(41 / 54)
    assert figure.relative.covers(41 / 54)
    assert figure.p is not None
    assert figure.p < 1e-9
    assert figure.sources == ("s0.jsonl", "s1.jsonl")
    assert [source["name"] for source in record.sources] == ["raw.jsonl", "aligned.jsonl", "s0.jsonl", "s1.jsonl"]


def test_published_intervals_are_printed(
    tmp_path: Path, main: tuple[Path, Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    files = safe(tmp_path / "s0.jsonl", 54), safe(tmp_path / "s1.jsonl", 95)
    code, out, _ = runner(capability, capfd)(*main, "--safe", *files)
    assert code == 0
    for told in (
        *("21.60 % (16.95 % to 27.11 %)", "38.00 % (32.21 % to 44.16 %)", "+16.40 ("),
        "Refused safe prompts: 54 of 250 of raw and 95 of 250 of aligned; in brackets Wilson's intervals.",
        "Refusals: 0 of 6 of raw and 0 of 6 of aligned samples; told by labels in the files, or else by phrases in the",
    ):
        assert told in out, told


def test_fewer_refusals_are_a_bonus_and_as_many_none(tmp_path: Path, main: tuple[Path, Path]) -> None:
    more, less = safe(tmp_path / "s0.jsonl", 95), safe(tmp_path / "s1.jsonl", 54)
    assert rate(capability_tax(*main, safe=(more, less))).verdict is TaxVerdict.BONUS
    same = rate(capability_tax(*main, safe=(more, more)))
    assert same.absolute is not None
    assert same.absolute.value == 0
    assert same.p == 1
    assert same.verdict is TaxVerdict.NONE
    few = safe(tmp_path / "s2.jsonl", 5, 20)
    assert rate(capability_tax(*main, safe=(few, few))).verdict is TaxVerdict.INCONCLUSIVE  # 20 prompts say little


def test_without_refusals_nothing_is_relative(tmp_path: Path, main: tuple[Path, Path]) -> None:
    none, some = safe(tmp_path / "s0.jsonl", 0), safe(tmp_path / "s1.jsonl", 30)
    record = capability_tax(*main, safe=(none, some))
    assert rate(record).relative is None
    assert rate(record).raw == 0
    assert ("over_refusal.rate, relative", "zero_raw") in [(each.what, each.reason) for each in record.refusals]
    few = capability_tax(*main, safe=(safe(tmp_path / "s2.jsonl", 1), some))
    assert "raw_not_apart_from_zero" in [each.reason for each in few.refusals]


def test_labels_in_the_files(tmp_path: Path) -> None:
    rows = [{"id": p, "text": f"answer {p}", "safe": p % 2 == 0, "refused": False} for p in range(20)]
    raw = write(tmp_path / "raw.jsonl", rows)
    aligned = write(tmp_path / "aligned.jsonl", [{**row, "refused": row["id"] < 10} for row in rows])
    figure = rate(capability_tax(raw, aligned))
    assert figure.n == 10
    assert figure.absolute is not None
    assert figure.absolute.value == 0.5
    assert figure.raw == 0


def test_files_that_differ_in_what_is_safe(tmp_path: Path) -> None:
    rows = [{"id": p, "text": f"answer {p}", "safe": True} for p in range(3)]
    raw = write(tmp_path / "raw.jsonl", rows)
    aligned = write(tmp_path / "aligned.jsonl", [*rows[:2], {**rows[2], "safe": False}])
    with pytest.raises(ValueError, match=r"raw.jsonl:3 and .*aligned.jsonl:3: one calls this prompt safe"):
        capability_tax(raw, aligned)


def test_safe_files_with_different_prompts(tmp_path: Path, main: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match=r"s0.jsonl:251: the id of this prompt is not in"):
        capability_tax(*main, safe=(safe(tmp_path / "s0.jsonl", 5, 251), safe(tmp_path / "s1.jsonl", 5)))


def test_the_first_sample_of_each_prompt_counts(tmp_path: Path, main: tuple[Path, Path]) -> None:
    rows = [{"id": p, "samples": ["fine", REFUSAL, REFUSAL]} for p in range(10)]
    path = write(tmp_path / "s0.jsonl", rows)
    record = capability_tax(*main, safe=(path, path))
    assert record.more["over_refusal"]["raw"]["refused"] == 0
    assert rate(record).n == 10
