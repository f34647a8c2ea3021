"""Files that lm-evaluation-harness, inspect_ai and HELM wrote, and CSV; see data/PROVENANCE.md."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import log as inspect_log

from aligntax.taxes.performance import Asked, Key, read_arm
from aligntax.taxes.record import TaxVerdict

from ..one_command import figures, reasons
from .making import DATA, csv, results, samples, tax

HARNESS, HELM, INSPECT = DATA / "lm_eval", DATA / "helm", DATA / "inspect_ai"


def test_harness_scores() -> None:
    arm = read_arm(HARNESS / "raw", Asked())
    score = arm.scores[Key("toy_sums", "acc")]
    assert (score.value, score.n, score.version, score.shots, score.higher_is_better) == (0.175, 40, "1", 0, True)
    assert score.standard_error == pytest.approx(0.0608, abs=1e-4)
    brier = arm.scores[Key("toy_sums", "brier_score")]
    assert (brier.standard_error, brier.error_refused, brier.higher_is_better) == (None, True, False)
    assert Key("toy_say", "exact_match", "strict-match") in arm.scores
    assert arm.tasks == ["toy_sums", "toy_colours", "toy_say", "toy_text"]  # and not their group
    assert arm.groups == {"toy": ("toy_sums", "toy_colours")}
    assert len(arm.paths) == 4


def test_harness_samples_beside_the_results_are_paired_with_what_the_harness_computed() -> None:
    arm = read_arm(HARNESS / "raw", Asked())
    for task in ("toy_sums", "toy_colours"):
        key = Key(task, "acc")
        values, score = arm.samples[key].values, arm.scores[key]
        assert values.mean() == pytest.approx(score.value)
        assert values.std(ddof=1) / math.sqrt(len(values)) == pytest.approx(score.standard_error)
    assert Key("toy_text", "word_perplexity") not in arm.samples  # its items are pairs of numbers
    assert Key("toy_sums", "brier_score") not in arm.samples


def test_harness_tax() -> None:
    record = tax(HARNESS / "raw", HARNESS / "aligned", margin=25)
    found = figures(record)
    assert list(found)[:3] == ["macro.all", "macro.toy", "toy_sums.acc"]
    sums = found["toy_sums.acc"]
    assert sums.absolute.value == pytest.approx(-5)
    assert (sums.more["paired"], sums.n, sums.marks) == (True, 40, ())
    rows = [
        [json.loads(line)["acc"] for line in next((HARNESS / arm).glob("samples_toy_sums_*")).read_text().splitlines()]
        for arm in ("raw", "aligned")
    ]
    assert sums.more["only_raw_better"] == sum(a > b for a, b in zip(*rows, strict=True))
    assert found["macro.toy"].absolute.value == pytest.approx((sums.absolute.value + 100 / 15) / 2)
    assert found["toy_text.bits_per_byte"].unit == "bits_per_byte"
    assert found["toy_text.bits_per_byte"].absolute.value > 0  # fewer bits are better, and aligned needs more
    assert found["toy_say.exact_match,strict-match"].marks  # no samples of it are kept here
    assert reasons(record)["toy_text: bits_per_byte: interval and verdict"] == "no_stderr"
    assert reasons(record)["toy_say: exact_match,strict-match: relative"] == "zero_raw"
    assert record.warnings == []
    assert "secret" not in json.dumps(record.to_dict())
    assert "plus" not in json.dumps(record.to_dict())  # a word of all sums


def test_harness_clusters() -> None:
    paths = [next((HARNESS / arm).glob("results_*")) for arm in ("raw", "aligned")]
    record = tax(*paths, Asked(cluster=["toy_sums=doc.passage"], metrics=["acc"]))
    assert "clustered" in figures(record)["toy_sums.acc"].formula
    assert "McNemar" in figures(record)["toy_colours.acc"].formula
    with pytest.raises(ValueError, match=r"samples_toy_colours_.*jsonl:1: has no field doc\.passage; name another"):
        read_arm(paths[0], Asked(cluster=["doc.passage"]))


def test_harness_chat_template_warns_and_shots_refuse() -> None:
    record = tax(HARNESS / "aligned", HARNESS / "chat_template", Asked(metrics=["acc"]))
    assert any(warning.startswith("different chat template: None and ") for warning in record.warnings)
    assert not any("documents" in warning for warning in record.warnings)  # that is why
    assert figures(record)["toy_sums.acc"].marks == ("unpaired: no scores of single items in aligned",)
    refused = tax(HARNESS / "aligned", HARNESS / "two_shots")
    assert not refused.figures
    assert reasons(refused)["toy_sums: acc"] == "different_shots"


def test_helm_run_folders() -> None:
    arm = read_arm(HELM / "raw", Asked())
    key = Key("simple_mcqa", "exact_match")
    score = arm.scores[key]
    assert (score.n, score.shots, score.higher_is_better) == (8, 5, True)
    assert score.version == "helm.benchmark.scenarios.simple_scenarios.SimpleMCQAScenario({})"
    assert score.standard_error is None  # its variance is over two trials
    assert arm.samples[key].values.mean() == pytest.approx(score.value)
    assert len(arm.scores) == 4  # and none of the 70 statistics that are no scores
    assert read_arm(HELM / "raw" / "simple_mcqa", Asked()).scores == arm.scores
    figure = figures(tax(HELM / "raw", HELM / "aligned"))["simple_mcqa.exact_match"]
    assert (figure.n, figure.more["paired"]) == (8, True)


def test_helm_variance_is_the_populations(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    arms = []
    for name in ("raw", "aligned"):
        values = draw.random(50)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run_spec.json").write_text(json.dumps({"name": f"quiz:model={name}", "adapter_spec": {}}))
        stat = {
            "name": {"name": "f1_score", "split": "test"},
            "count": 50,
            "mean": values.mean(),
            "variance": values.var(),
        }
        (folder / "stats.json").write_text(json.dumps([stat]))
        arms.append((folder, values))
    score = read_arm(arms[0][0], Asked()).scores[Key("quiz", "f1_score")]
    assert score.standard_error == pytest.approx(arms[0][1].std(ddof=1) / math.sqrt(50))
    figure = figures(tax(arms[0][0], arms[1][0]))["quiz.f1_score"]
    assert figure.more["standard_error"] == pytest.approx(
        100 * math.sqrt(sum(values.var(ddof=1) / 50 for _, values in arms))
    )


def test_helm_items_of_another_split_are_left_out(tmp_path: Path) -> None:
    for arm in ("raw", "aligned"):
        shutil.copytree(HELM / arm / "simple_mcqa", tmp_path / arm)
        path = tmp_path / arm / "per_instance_stats.json"
        items = json.loads(path.read_text())
        others = json.loads(json.dumps(items).replace('"split": "test"', '"split": "valid"'))
        for entry in others:
            entry["instance_id"] += " of valid"
            for stat in entry["stats"]:
                stat["mean"] = 1.0
        path.write_text(json.dumps(others + items))
    key = Key("simple_mcqa", "exact_match")
    assert read_arm(tmp_path / "raw", Asked()).scores[key].n == 8
    found, expected = (
        figures(tax(folder / "raw", folder / "aligned"))["simple_mcqa.exact_match"] for folder in (tmp_path, HELM)
    )
    assert (found.n, found.more["paired"], found.absolute) == (8, True, expected.absolute)


def test_texts_of_prompts_are_told_by_their_hash(tmp_path: Path) -> None:
    shutil.copytree(HELM / "raw" / "simple_mcqa", tmp_path / "aligned")
    path = tmp_path / "aligned" / "run_spec.json"
    spec = json.loads(path.read_text())
    spec["adapter_spec"] |= {"instructions": "A secret instruction.", "temperature": 0.5}
    path.write_text(json.dumps(spec))
    warnings = tax(HELM / "raw", tmp_path / "aligned").warnings
    assert any("different temperature of simple_mcqa: 0.0 and 0.5;" in warning for warning in warnings)
    (told,) = (warning for warning in warnings if "instructions" in warning)
    assert re.search(r": 58 characters \(SHA-256 \w{8}\) and 21 characters \(SHA-256 \w{8}\);", told)
    assert "secret" not in told
    assert "Answer" not in told


def test_inspect_logs() -> None:
    arm = read_arm(INSPECT / "raw", Asked())
    score = arm.scores[Key("colours", "accuracy", "match")]
    assert (score.value, score.n, score.version) == (0.75, 12, "2")
    values = arm.samples[Key("colours", "accuracy", "match")].values
    assert values.std(ddof=1) / math.sqrt(12) == pytest.approx(score.standard_error)
    record = tax(INSPECT / "raw", INSPECT / "aligned", Asked(higher=["mean"]))
    assert figures(record)["colours.accuracy,match"].more["paired"]
    assert figures(record)["colours.mean,length"].unit == "mean"
    clustered = tax(INSPECT / "raw", INSPECT / "aligned", Asked(cluster=["metadata.passage"]))
    assert "clustered" in figures(clustered)["colours.accuracy,match"].formula
    assert reasons(clustered)["colours: mean,length"] == "no_direction"


def test_files_that_hold_their_items_want_no_others() -> None:
    for arm, message in ((HELM, "leave out --samples, --cluster"), (INSPECT, "leave out --samples")):
        with pytest.raises(ValueError, match=message):
            read_arm(arm / "raw", Asked(samples=["x=y.jsonl"]))


def test_inspect_logs_that_did_not_succeed_are_refused() -> None:
    record = tax(INSPECT / "unfinished", INSPECT / "aligned")
    assert not record.figures
    assert reasons(record) == {"colours": "unfinished"}


def test_inspect_logs_of_mixed_versions_are_refused_however_many_follow(tmp_path: Path) -> None:
    (path,) = (INSPECT / "raw").glob("*.eval")
    log = inspect_log.read_eval_log(str(path))
    for number, (version, status) in enumerate(((1, "success"), (2, "success"), (2, "success"), (2, "error"))):
        log.eval.task_version, log.status = version, status
        inspect_log.write_eval_log(log, str(tmp_path / f"{number}.eval"))
    arm = read_arm(tmp_path, Asked())
    assert [(refusal.what, refusal.reason) for refusal in arm.refusals] == [("colours", "mixed_versions")]
    assert "of version 1 and of version 2" in arm.refusals[0].message
    assert not arm.scores
    (tmp_path / "0.eval").unlink()
    arm = read_arm(tmp_path, Asked())  # an unfinished log does not undo those that succeeded
    assert not arm.refusals
    assert arm.scores[Key("colours", "accuracy", "match")].version == "2"


def test_inspect_logs_without_inspect_ai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.delitem(sys.modules, "inspect_ai.log", raising=False)
    with pytest.raises(
        ModuleNotFoundError, match=r"inspect_ai(\.log)? is not installed; run: pip install 'aligntax\[inspect\]'"
    ):
        read_arm(INSPECT / "raw", Asked())


def test_csv_with_all_that_it_may_say(tmp_path: Path) -> None:
    header = "task,metric,score,stderr,n,group,higher_is_better,version,shots,filter"
    rows = ("a.b,acc,{},0.01,100,g,,2,5,strict", "c,acc,{},0.01,100,g,,2,5,", "d,rank,{},0.5,100,,false,,,")
    raw, aligned = (csv(tmp_path / f"{n}.csv", *(row.format(s) for row, s in zip(rows, n, strict=True)), header=header)
                    for n in ((0.5, 0.6, 3), (0.4, 0.6, 4)))  # fmt: skip
    found = figures(tax(raw, aligned, margins={"rank": 3}))
    assert list(found) == ["macro.all", "macro.g", "a_b.acc,strict", "c.acc", "d.rank"]
    assert found["macro.g"].absolute.value == pytest.approx(5)
    assert found["d.rank"].absolute.value == 1
    assert found["d.rank"].verdict is TaxVerdict.NONE
    assert found["a_b.acc,strict"].verdict is TaxVerdict.TAX
    assert found["a_b.acc,strict"].more["shots"] == 5


def test_csv_with_samples(tmp_path: Path) -> None:
    raw, aligned = (
        csv(tmp_path / f"{arm}.csv", f"quiz,acc,{score},,40") for arm, score in (("raw", 0.75), ("aligned", 0.5))
    )
    files = [samples(tmp_path / arm, "quiz", [1.0] * k + [0.0] * (40 - k)) for arm, k in (("raw", 30), ("aligned", 20))]
    for given in (files, [f"quiz={file}" for file in files], [file.parent for file in files]):
        arms = [read_arm(arm, Asked(samples=[str(each)])) for arm, each in zip((raw, aligned), given, strict=True)]
        assert [arm.samples[Key("quiz", "acc")].values.sum() for arm in arms] == [30, 20]


def test_percent_in_one_file_is_percent_in_both(tmp_path: Path) -> None:
    raw, aligned = (csv(tmp_path / f"{score}.csv", f"quiz,acc,{score},,1000") for score in (2.0, 0.5))
    (figure,) = tax(raw, aligned).figures
    assert (figure.absolute.value, figure.raw) == (1.5, 2.0)
    assert figure.absolute.high is not None


def test_items_alike_are_told_apart_by_their_number(tmp_path: Path) -> None:
    hashes = ["twin", "twin", "other"]
    for arm, values, order in (("raw", (1, 0, 1), (0, 1, 2)), ("aligned", (0, 1, 0), (1, 0, 2))):
        results(tmp_path / arm, {"quiz": {"scores": {"acc,none": sum(values) / 3}, "n": 3}})
        samples(tmp_path / arm, "quiz", values, doc_hash=hashes, doc_id=order)
    (figure,) = tax(tmp_path / "raw", tmp_path / "aligned").figures
    assert (figure.more["only_raw_better"], figure.more["only_aligned_better"]) == (1, 0)


def test_a_score_that_is_no_mean_of_its_items_is_not_paired(tmp_path: Path) -> None:
    for arm in ("raw", "aligned"):
        results(
            tmp_path / arm,
            {"quiz": {"scores": {"f1,none": 0.9, "f1_stderr,none": 0.1}, "n": 4, "better": {"f1": True}}},
        )
        samples(tmp_path / arm, "quiz", [1, 0, 1, 0], "f1")
    (figure,) = tax(tmp_path / "raw", tmp_path / "aligned").figures
    assert figure.marks == (
        f"unpaired: 0.9 in results_{'2026-11-30T03-35-02.716488'}.json is not the mean of its samples, 0.5",
    )


def test_older_results_without_filters_and_counts(tmp_path: Path) -> None:
    for arm, score in (("raw", 0.5), ("aligned", 0.4)):
        (tmp_path / arm).mkdir()
        data = {"results": {"quiz": {"acc": score, "acc_stderr": 0.02}}, "versions": {"quiz": 0}}
        (tmp_path / arm / "old.json").write_text(json.dumps(data))
    (figure,) = tax(tmp_path / "raw" / "old.json", tmp_path / "aligned" / "old.json").figures
    assert figure.name == "quiz.acc"
    assert figure.absolute.value == pytest.approx(10)
    assert figure.verdict is TaxVerdict.TAX
