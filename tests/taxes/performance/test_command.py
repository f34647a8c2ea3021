"""`aligntax tax performance`, run in this process."""

from __future__ import annotations

import json
import signal
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aligntax.taxes.performance import Asked, performance_tax, read_arm
from aligntax.taxes.record import TaxRecord

from ..one_command import refused, run
from .making import DATA, csv, samples

HARNESS = DATA / "lm_eval"


def test_table_and_record(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tax.json"
    ended = run(
        capfd, "performance", HARNESS / "raw", HARNESS / "aligned", "--margin", "25", "--chance", "toy_sums=0.05",
        "--metric", "acc", "--json", file,
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    for told in (
        *("Macro average of all tasks, points", "Macro average of toy", "toy_sums: acc, points", "above chance"),
        *(
            "-5.00 (-20",
            "-28.6 %",
            "no tax beyond the margin",
            "Above 0 is a tax",
            "Holm over 2 tests of scores, and over 2",
            "McNemar",
        ),
    ):
        assert told in ended.out, told
    record = json.loads(file.read_text())
    assert (record["schema"], record["kind"]) == ("aligntax.tax/1", "performance")
    assert {source["arm"] for source in record["sources"]} == {"raw", "aligned"}
    assert all(len(source["sha256"]) == 64 for source in record["sources"])
    assert record["figures"][0]["more"]["members"] == [["toy_sums", "acc", "none"], ["toy_colours", "acc", "none"]]


def test_refusals_and_warnings_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    ended = run(capfd, "performance", HARNESS / "aligned", HARNESS / "chat_template")
    assert ended.code == 0
    for told in ("(unpaired)", "[missing_task]", "[no_stderr]", "Warning: different chat template", "by --margin"):
        assert told in ended.out, told


def test_nothing_to_compare(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tax.json"
    ended = run(capfd, "performance", HARNESS / "raw", HARNESS / "two_shots", "--json", file)
    assert ended.code == 3
    assert "[different_shots]" in ended.out
    assert "nothing could be compared" in ended.err
    assert "stays as it was" not in ended.err
    assert json.loads(file.read_text())["refusals"]


def test_refusals_alone_replace_no_record(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "tax.json"
    assert run(capfd, "performance", HARNESS / "raw", HARNESS / "aligned", "--json", file).code == 0
    good = file.read_bytes()
    ended = run(capfd, "performance", HARNESS / "raw", HARNESS / "two_shots", "--json", file)
    assert ended.code == 3
    assert file.read_bytes() == good
    assert "[different_shots]" in ended.out
    assert "Record: " not in ended.out
    assert ended.err == (
        f"aligntax: error: nothing could be compared; the refusals above say why; {file} stays as it was: delete it, "
        "or name another file, to have them as JSON\n"
    )
    assert run(capfd, "performance", HARNESS / "raw", HARNESS / "aligned", "--json", file).code == 0


def test_samples_of_each_arm(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    raw, aligned = (csv(tmp_path / f"{s}.csv", f"quiz,acc,{s},,40") for s in (0.75, 0.5))
    items = [samples(tmp_path / str(k), "quiz", [1.0] * k + [0.0] * (40 - k)) for k in (30, 20)]
    ended = run(capfd, "performance", raw, aligned, "--samples-raw", items[0], "--samples-aligned", f"quiz={items[1]}")
    assert ended.code == 0
    assert "McNemar" in ended.out
    assert "+25.00" in ended.out
    assert "tax" in ended.out


def test_samples_of_both_arms(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files, items = [], []
    for arm, right in (("raw", 30), ("aligned", 20)):
        files.append(csv(tmp_path / f"{arm}.csv", f"quiz,acc,{right / 40},,40", "sums,acc,0.5,,2"))
        quiz = samples(tmp_path / arm, "quiz", [1.0] * right + [0.0] * (40 - right))
        items.append((quiz, samples(tmp_path / arm, "sums", [1.0, 0.0])))
    ended = run(capfd, "performance", *files, "--samples", *(quiz for quiz, _ in items))
    assert ended.code == 0
    assert "Unpaired: no scores of single items: sums: acc." in ended.out
    more = ("--samples-raw", items[0][1], "--samples-aligned", f"sums={items[1][1]}")
    ended = run(capfd, "performance", *files, "--samples", *(f"quiz={quiz}" for quiz, _ in items), *more)
    assert ended.code == 0
    assert "npaired" not in ended.out
    assert "over 2 tests of scores, and over 1 test of averages." in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv", "none.csv"], "none.csv: is not there"),
        *(
            ([HARNESS / "raw", HARNESS / "aligned", option, "sparkle"], f"{option} sparkle: no score is of that metric")
            for option in ("--higher", "--lower")
        ),
        (
            [HARNESS / "raw", HARNESS / "aligned", "--metric", "acc", "--metric", "f2"],
            "--metric f2: no score is of that",
        ),
        ([HARNESS / "raw", HARNESS / "aligned", "--cluster", "toy_say=doc"], "no scores of single items of toy_say to"),
        ([HARNESS / "raw", HARNESS / "aligned", "--margin", "much"], "--margin much: write a number"),
        ([HARNESS / "raw", HARNESS / "aligned", "--chance", "x=1"], "--chance x: there is no such task"),
        ([HARNESS / "raw", HARNESS / "aligned", "--json", "nowhere/tax.json"], "--json nowhere/tax.json: cannot write"),
    ],
)
def test_bad_input(capfd: pytest.CaptureFixture[str], arguments: list[object], message: str) -> None:
    refused(run(capfd, "performance", *arguments), message)


def test_inputs_are_not_overwritten(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = csv(tmp_path / "raw.csv", "quiz,acc,0.5,,9")
    before = path.read_text()
    refused(run(capfd, "performance", path, path, "--json", path), "it is read; name another file")
    assert path.read_text() == before


def test_control_c_when_all_is_read(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> TaxRecord:
        signal.raise_signal(signal.SIGINT)
        return performance_tax(*arguments)

    monkeypatch.setattr("aligntax.taxes.performance.performance_tax", interrupted)
    path, file = csv(tmp_path / "raw.csv", "quiz,acc,0.5,,9"), tmp_path / "tax.json"
    ended = run(capfd, "performance", path, path, "--json", file)
    assert (ended.code, ended.out) == (130, "")
    assert not file.exists()


def test_long_files_take_little_memory(tmp_path: Path) -> None:
    count, text = 60_000, "x" * 300
    path = tmp_path / "samples_quiz.jsonl"
    with path.open("w") as file:
        for number in range(count):
            file.write(f'{{"doc_id": {number}, "acc": {number % 2}.0, "doc": "{text}"}}\n')
    scores = csv(tmp_path / "raw.csv", f"quiz,acc,0.5,,{count}")
    told: list[float] = []

    def progress(stage: str, done: float, detail: str) -> bool:
        told.append(done)
        return True

    tracemalloc.start()
    arm = read_arm(scores, Asked(samples=[str(path)]), progress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(next(iter(arm.samples.values()))) == count
    assert peak < 200 * count < path.stat().st_size
    assert told == sorted(told)
    assert len(told) > 3

    with pytest.raises(KeyboardInterrupt):
        read_arm(scores, Asked(samples=[str(path)]), lambda *_: False)
