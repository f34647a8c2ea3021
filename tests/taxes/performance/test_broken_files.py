"""Each broken file has a message that names it, the line and the mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntax.taxes.performance import Asked, read_arm

from .making import DATA, csv


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"raw\.csv: is empty; write the columns task, metric, score, stderr, n"),
        ("task,metric,score,stderr,n\n", r"raw\.csv: has no row; write one"),
        ("task,score\nx,1\n", r"raw\.csv:1: has no column 'metric'; write the columns"),
        ("task,metric,score\nx,acc,high\n", r"raw\.csv:2: score='high' is no number"),
        ("task,metric,score\nx,acc,nan\n", r"raw\.csv:2: score=nan is no finite number"),
        ("task,metric,score\nx,acc,\n", r"raw\.csv:2: has no score; write one, or remove the row"),
        ("task,metric,score\n,acc,1\n", r"raw\.csv:2: has no task"),
        ("task,metric,score\nx,acc,1\nx,acc,1\n", r"raw\.csv:3: acc of x stands there twice"),
        ("task,metric,score,stderr,n\nx,acc,1,-1,\n", r"raw\.csv:2: stderr=-1 is below 0"),
        ("task,metric,score,stderr,n\nx,acc,1,,2.5\n", r"raw\.csv:2: n=2\.5 is no count"),
        ("task,metric,score\nx,acc,1,2\n", r"raw\.csv:2: has more values than there are columns"),
        ("task,metric,score,higher_is_better\nx,y,1,maybe\n", r"raw\.csv:2: higher_is_better='maybe'; write true"),
        ('task,metric,score\n"x,acc,1\n', r"raw\.csv: is no CSV"),
        (b"task,metric,score\n\xff,acc,1\n", r"raw\.csv: byte 18 is not UTF-8"),
        ("task,metric,score\nx,acc,1\n" + "9" * 70_000, r"raw\.csv:3: longer than 65,536 characters; write one row"),
    ],
)
def test_broken_csv(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "raw.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        read_arm(path, Asked())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("results_1.json", "", r"results_1\.json: is empty; run the benchmark again"),
        ("results_1.json", '{"results": \n{"a"', r"results_1\.json:2: is no JSON \(.*\); was it cut off"),
        ("results_1.json", '{"a": 1}', r"results_1\.json: has no 'results'; name the results_\*\.json"),
        ("results_1.json", '{"results": {}}', r"results_1\.json: has no scores"),
        ("notes.txt", "x", r"notes\.txt: is no kind of file that is read here; pass results JSON"),
    ],
)
def test_broken_results(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_arm(tmp_path / name, Asked())


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.csv: is not there"):
        read_arm(tmp_path / "nothing.csv", Asked())
    with pytest.raises(ValueError, match=r"holds no results_\*\.json of lm-evaluation-harness, no log"):
        read_arm(tmp_path, Asked())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r":1: is empty|is empty; run the benchmark again with --log_samples"),
        ('{"doc_id": 1, "acc": NaN}', r"jsonl:1: holds NaN, which is no number"),
        ('{"doc_id": 1, "acc": 1}\n{"doc_id": 2}', r"jsonl:2: acc is missing or no number; remove the line"),
        ('{"doc_id": 1, "acc": 1}\n{"doc_id": 2, "ac', r"jsonl:2: no JSON"),
        ('{"acc": 1}', r"jsonl:1: has no doc_hash, doc_id or id; give each item one"),
        ('{"doc_hash": "x", "acc": 1}\n{"doc_id": 2, "acc": 1}', r"jsonl:2: has no doc_hash, which other lines have"),
    ],
)
def test_broken_samples(tmp_path: Path, line: str, message: str) -> None:
    path = csv(tmp_path / "raw.csv", "quiz,acc,1,,1")
    (tmp_path / "items.jsonl").write_text(line)
    with pytest.raises(ValueError, match=message):
        read_arm(path, Asked(samples=[f"quiz={tmp_path / 'items.jsonl'}"]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("quiz=nowhere.jsonl", r"quiz=nowhere\.jsonl: nowhere\.jsonl is no file"),
        ("items.jsonl", r"items\.jsonl: its name says no task"),
        ("other=items.jsonl", r"items\.jsonl: holds samples of other, of which there are no scores"),
        ("empty", r"empty: holds no samples_\*\.jsonl"),
    ],
)
def test_samples_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "items.jsonl").write_text('{"doc_id": 1, "acc": 1}\n')
    with pytest.raises(ValueError, match=message):
        read_arm(csv(tmp_path / "raw.csv", "quiz,acc,1,,1"), Asked(samples=[given]))


@pytest.mark.parametrize(
    ("spec", "stats", "message"),
    [
        ("[]", "[]", r"run_spec\.json: is no object"),
        ("{}", "{}", r"stats\.json: is no list of statistics"),
        ("{}", "[]", r"has no score whose metric is known; name one by --metric"),
    ],
)
def test_broken_helm(tmp_path: Path, spec: str, stats: str, message: str) -> None:
    (tmp_path / "run_spec.json").write_text(spec)
    (tmp_path / "stats.json").write_text(stats)
    with pytest.raises(ValueError, match=message):
        read_arm(tmp_path, Asked())


@pytest.mark.parametrize("name", ["raw.csv", "results_1.json", "helm"])
def test_a_metric_that_no_score_is_of(tmp_path: Path, name: str) -> None:
    csv(tmp_path / "raw.csv", "quiz,acc,1,,1")
    (tmp_path / "results_1.json").write_text('{"results": {"quiz": {"acc,none": 1}}}')
    path = DATA / "helm" / "raw" if name == "helm" else tmp_path / name
    with pytest.raises(ValueError, match=r": has no sparkle or glow; name by --metric what it has"):
        read_arm(path, Asked(metrics=["sparkle", "glow"]))


def test_two_runs_of_one_task(tmp_path: Path) -> None:
    for model in ("one", "two"):
        (tmp_path / model).mkdir()
        (tmp_path / model / "run_spec.json").write_text(json.dumps({"name": f"quiz:subject=x,model={model}"}))
        stat = {"name": {"name": "exact_match", "split": "test"}, "count": 1, "mean": 1.0}
        (tmp_path / model / "stats.json").write_text(json.dumps([stat]))
    with pytest.raises(
        ValueError, match=r"two: is of quiz:subject=x, as is .*one; name a folder with the runs of one model"
    ):
        read_arm(tmp_path, Asked())
