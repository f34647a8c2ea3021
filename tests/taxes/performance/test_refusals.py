"""Each refusal has its reason, and each setting that does not go a message."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from aligntax.taxes.performance import Asked, Question, performance_tax, read_arm
from aligntax.taxes.performance.asking import chances, margins, require_items, require_metrics

from ..one_command import figures, reasons
from .making import DATE, csv, results, samples, tax

BASE = {"scores": {"acc,none": 0.5, "acc_stderr,none": 0.05}, "n": 100}


def told(tmp_path: Path, aligned: dict[str, Any], raw: dict[str, Any] = BASE) -> dict[str, str]:
    files = [results(tmp_path / arm, {"quiz": task}) for arm, task in (("raw", raw), ("aligned", aligned))]
    return reasons(tax(*files))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2.0}, "different_versions"),
        ({"shots": 5}, "different_shots"),
        ({"n": 99}, "different_n"),
        ({"better": {"acc": False}}, "different_directions"),
        ({"scores": {"acc,strict": 0.5}}, "different_filters"),
        ({"scores": {"acc_norm,none": 0.5}}, "different_metrics"),
        ({"scores": {"acc,none": float("nan")}}, "not_a_number"),
    ],
)
def test_settings_that_differ(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    assert reason in told(tmp_path, BASE | changed).values()


def test_versions_written_otherwise_are_one(tmp_path: Path) -> None:
    assert not told(tmp_path, BASE | {"version": "1"})


def test_missing_tasks_and_no_items(tmp_path: Path) -> None:
    raw = results(tmp_path / "raw", {"quiz": BASE, "only raw": BASE})
    aligned = results(tmp_path / "aligned", {"quiz": BASE, "only aligned": BASE})
    assert reasons(tax(raw, aligned)) == {"only raw": "missing_task", "only aligned": "missing_task"}
    assert told(tmp_path, BASE | {"n": 0}, BASE | {"n": 0}) == {"quiz: acc": "empty"}


def test_no_direction(tmp_path: Path) -> None:
    raw, aligned = (csv(tmp_path / f"{arm}.csv", "quiz,sparkle,3,1,9") for arm in ("raw", "aligned"))
    (refusal,) = tax(raw, aligned).refusals
    assert (refusal.what, refusal.reason) == ("quiz: sparkle", "no_direction")
    assert refusal.message.startswith("neither raw.csv nor aligned.csv says whether more sparkle is better; say so by")
    assert not reasons(tax(raw, aligned, Asked(lower=["sparkle"])))
    with pytest.raises(ValueError, match="sparkle: is said to be better both ways"):
        Asked(lower=["sparkle"], higher=["sparkle"])


def test_mixed_versions(tmp_path: Path) -> None:
    results(tmp_path / "raw", {"quiz": BASE}).rename(tmp_path / "raw" / "results_2025-01-01T00-00-00.json")
    results(tmp_path / "raw", {"quiz": BASE | {"version": 2.0}, "other": BASE})
    results(tmp_path / "aligned", {"quiz": BASE, "other": BASE})
    record = tax(tmp_path / "raw", tmp_path / "aligned")
    assert reasons(record) == {"quiz": "mixed_versions"}
    assert list(figures(record)) == ["other.acc"]


def test_mixed_versions_with_samples_beside_spoil_no_other_task(tmp_path: Path) -> None:
    old = results(tmp_path / "raw", {"quiz": BASE | {"n": 4}})
    old.rename(tmp_path / "raw" / "results_2025-01-01T00-00-00.json")
    results(tmp_path / "raw", {"quiz": BASE | {"version": 2.0, "n": 4}, "other": BASE})
    items = samples(tmp_path / "raw", "quiz", [1, 0, 1, 0])
    aligned = results(tmp_path / "aligned", {"quiz": BASE, "other": BASE})
    for asked in (Asked(), Asked(samples=[f"quiz={items}"])):
        record = performance_tax(read_arm(tmp_path / "raw", asked), read_arm(aligned, Asked()), Question())
        assert reasons(record) == {"quiz": "mixed_versions"}
        assert list(figures(record)) == ["other.acc"]


@pytest.mark.parametrize("spoilt", [math.nan, math.inf])
@pytest.mark.parametrize("whole", [1, 100])
def test_a_score_that_is_no_number_changes_the_unit_of_no_other(tmp_path: Path, spoilt: float, whole: int) -> None:
    arms = [
        results(
            tmp_path / arm,
            {
                name: BASE | {"scores": {"acc,none": score}}
                for name, score in (("spoilt", spoilt), ("quiz", share * whole))
            },
        )
        for arm, share in (("raw", 0.5), ("aligned", 0.4))
    ]
    (figure,) = tax(*arms).figures
    assert (figure.unit, figure.raw, figure.absolute.value) == ("points", 50, pytest.approx(10))


def test_one_group_of_items_is_said_to_have_no_spread(tmp_path: Path) -> None:
    for arm, values in (("raw", [1, 0, 1, 1]), ("aligned", [1, 0, 0, 1])):
        results(tmp_path / arm, {"quiz": {"scores": {"acc,none": sum(values) / 4}, "n": 4}})
        samples(tmp_path / arm, "quiz", values, passage=["same"] * 4)
    record = tax(tmp_path / "raw", tmp_path / "aligned", Asked(cluster=["passage"]))
    (refusal,) = record.refusals
    assert (refusal.what, refusal.reason) == ("quiz: acc: interval and verdict", "no_stderr")
    assert "one group of items, has no spread" in refusal.message
    assert "no scores of single items" not in refusal.message


def test_groups_of_groups_and_those_that_hold_themselves(tmp_path: Path) -> None:
    parts = {"all": ["some", "c", "all"], "some": ["a", "b", "all"], "a": [], "b": [], "c": []}
    path = results(tmp_path / "raw", dict.fromkeys("abc", BASE), group_subtasks=parts)
    assert read_arm(path, Asked()).groups == {"all": ("a", "b", "c"), "some": ("a", "b", "c")}


def test_the_newer_of_two_runs_counts(tmp_path: Path) -> None:
    old = results(tmp_path / "raw", {"quiz": BASE | {"scores": {"acc,none": 0.1}}})
    old.rename(tmp_path / "raw" / "results_2025-01-01T00-00-00.json")
    results(tmp_path / "raw", {"quiz": BASE})
    assert next(iter(read_arm(tmp_path / "raw", Asked()).scores.values())).value == 0.5


def test_na_errors_leave_the_point(tmp_path: Path) -> None:
    scores = {"acc,none": 0.5, "acc_stderr,none": "N/A"}
    files = [results(tmp_path / arm, {"quiz": {"scores": scores, "n": 100}}) for arm in ("raw", "aligned")]
    record = tax(*files)
    (figure,) = record.figures
    assert (figure.absolute.value, figure.absolute.low) == (0, None)
    assert reasons(record) == {"quiz: acc: interval and verdict": "no_stderr"}
    assert "says that it has no standard error" in record.refusals[0].message


def test_an_error_that_is_no_number_is_none(tmp_path: Path) -> None:
    found = told(tmp_path, BASE | {"scores": {"acc,none": 0.5, "acc_stderr,none": float("nan")}})
    assert found == {"quiz: acc: interval and verdict": "no_stderr"}


def test_results_of_two_models_are_no_arm(tmp_path: Path) -> None:
    for model in ("one", "two"):
        results(tmp_path / model, {"quiz": BASE}, model_name=model)
    with pytest.raises(ValueError, match="holds results of one, two; name the folder of one model"):
        read_arm(tmp_path, Asked())
    (tmp_path / "two").joinpath(f"results_{DATE}.json").rename(tmp_path / "one" / "results_2030-01-01T00-00-00.json")
    with pytest.raises(ValueError, match="is of another model than the files beside it: one, two; name one"):
        read_arm(tmp_path, Asked())


def test_a_folder_of_samples_may_hold_more_than_is_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path / "raw.csv", "quiz,acc,0.5,,2")
    for task in ("quiz", "other"):
        samples(tmp_path / "items", task, [1, 0])
    assert len(read_arm(path, Asked(samples=[str(tmp_path / "items")])).samples) == 1


def test_shares_of_what_may_be_nothing(tmp_path: Path) -> None:
    rows = {
        "zero,f1,0,0.01,50": "zero_raw",
        "near,f1,0.01,0.02,50": "raw_interval_includes_zero",
        "corr,mcc,0.5,0.02,50": "can_be_negative",
    }
    raw, aligned = (csv(tmp_path / f"{arm}.csv", *rows) for arm in ("raw", "aligned"))
    found = reasons(tax(raw, aligned))
    assert [found[f"{row.split(',')[0]}: {row.split(',')[1]}: relative"] for row in rows] == list(rows.values())
    below = [csv(tmp_path / f"{arm}.csv", "quiz,sparkle,-1,0.1,9") for arm in ("raw", "aligned")]
    assert reasons(tax(*below, Asked(higher=["sparkle"])))["quiz: sparkle: relative"] == "can_be_negative"


def test_chance(tmp_path: Path) -> None:
    raw, aligned = (csv(tmp_path / f"{score}.csv", f"quiz,acc,{score},0.001,9999") for score in (0.75, 0.70))
    found = figures(tax(raw, aligned, chance={"quiz": 0.25}))
    relative = found["quiz.acc.above_chance"].relative
    assert relative is not None
    assert relative.value == pytest.approx(0.1)
    assert found["quiz.acc.above_chance"].verdict is None
    assert reasons(tax(raw, aligned, chance={"quiz": 0.75}))["quiz: acc: above chance"] == "raw_at_chance"
    assert reasons(tax(raw, aligned, chance={"quiz": 0.749}))["quiz: acc: above chance"] == "raw_interval_includes_zero"
    with pytest.raises(ValueError, match="--chance quizz: there is no such task; there are quiz"):
        tax(raw, aligned, chance={"quizz": 0.25})


def test_chance_is_no_floor_where_less_is_better(tmp_path: Path) -> None:
    raw, aligned = (csv(tmp_path / f"{arm}.csv", "quiz,toxicity,0.3,0.01,99") for arm in ("raw", "aligned"))
    record = tax(raw, aligned, chance={"quiz": 0.1})
    assert reasons(record) == {"quiz: toxicity: above chance": "no_chance_level"}
    assert list(figures(record)) == ["quiz.toxicity"]


def test_metrics_that_are_named_and_not_there(tmp_path: Path) -> None:
    path = csv(tmp_path / "raw.csv", "quiz,acc,0.5,0.1,9", "quiz,f1,0.5,0.1,9")
    with pytest.raises(ValueError, match="--margin acc_norm: no score is of that metric; read were acc, f1"):
        tax(path, path, margins={"acc_norm": 1.0})
    assert tax(path, path, margins={"f1": 1.0}).figures
    arms = read_arm(path, Asked()), read_arm(path, Asked(metrics=["f1"]))
    require_metrics({"--metric": ["acc", "f1"]}, arms)
    with pytest.raises(ValueError, match="--lower loss: no score is of that metric"):
        require_metrics({"--metric": ["acc"], "--lower": ["loss"]}, arms)


def test_a_metric_that_was_refused_is_no_slip(tmp_path: Path) -> None:
    results(tmp_path / "raw", {"quiz": BASE}).rename(tmp_path / "raw" / "results_2025-01-01T00-00-00.json")
    results(tmp_path / "raw", {"quiz": BASE | {"version": 2.0}})
    require_metrics({"--metric": ["acc"]}, [read_arm(tmp_path / "raw", Asked())])


def test_groups_of_items_that_are_not_there(tmp_path: Path) -> None:
    path = csv(tmp_path / "raw.csv", "quiz,acc,0.5,,2", "other,acc,0.5,,2")
    with pytest.raises(
        ValueError, match="--cluster passage: there are no scores of single items to group; pass --samp"
    ):
        require_items(["passage"], [read_arm(path, Asked())])
    items = samples(tmp_path, "quiz", [1, 0], passage=["a", "b"])
    arms = read_arm(path, Asked()), read_arm(path, Asked(samples=[str(items)], cluster=["passage"]))
    require_items(["passage", "quiz=passage"], arms)
    with pytest.raises(
        ValueError, match="--cluster other=passage: there are no scores of single items of other to gro"
    ):
        require_items(["other=passage"], arms)


def test_averages_leave_out_what_has_no_points(tmp_path: Path) -> None:
    rows = ("a,acc,0.5,0.1,9", "b,acc,0.5,0.1,9", "c,perplexity,9,1,9", "d,toxicity,0.1,0.01,9")
    raw, aligned = (csv(tmp_path / f"{arm}.csv", *rows) for arm in ("raw", "aligned"))
    record = tax(raw, aligned)
    assert reasons(record) == {
        "Macro average": "different_units",
        "Macro average of all tasks: relative": "different_directions",
    }


def pair(tmp_path: Path, raw: dict[str, Any], aligned: dict[str, Any]) -> dict[str, str]:
    for arm, fields in (("raw", raw), ("aligned", aligned)):
        results(tmp_path / arm, {"quiz": BASE | {"scores": {"acc,none": 0.5}, "n": 4}})
        samples(tmp_path / arm, "quiz", **({"values": [1, 0, 1, 0]} | fields))
    return reasons(tax(tmp_path / "raw", tmp_path / "aligned"))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"doc_hash": ["a", "b", "c", "a"], "doc_id": [0, 1, 2, 0]}, "duplicate_ids"),
        ({"doc_hash": ["a", "b", "c", "z"]}, "different_ids"),
        ({"values": [1, 0]}, "different_n"),
    ],
)
def test_samples_that_do_not_go_together(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    raw = {} if "values" in changed else {"doc_hash": ["a", "b", "c", "d"]}
    assert reason in pair(tmp_path, raw, changed).values()


def test_duplicates_are_named_by_line(tmp_path: Path) -> None:
    results(tmp_path / "raw", {"quiz": BASE | {"n": 4}})
    samples(tmp_path / "raw", "quiz", [1, 0, 1, 0], doc_hash=["a", "b", "c", "a"], doc_id=[0, 1, 2, 0])
    results(tmp_path / "aligned", {"quiz": BASE | {"n": 4}})
    samples(tmp_path / "aligned", "quiz", [1, 0, 1, 0], doc_hash=["a", "b", "c", "d"])
    (refusal,) = tax(tmp_path / "raw", tmp_path / "aligned").refusals
    assert "lines 1 and 4 are the same item by doc_hash" in refusal.message


@pytest.mark.parametrize(
    ("raw", "aligned", "message"),
    [
        (
            "abcd",
            "xbcy",
            "2 of 4 items, the first on line 1 of {raw}, are not in {aligned}; "
            "2 of 4 items, the first on line 1 of {aligned}, are not in {raw}; run both models on the same items",
        ),
        (
            "aaab",
            "abbb",
            "2 of 4 items, the first on line 2 of {raw}, are not in {aligned}; "
            "2 of 4 items, the first on line 3 of {aligned}, are not in {raw}; run both models on the same items",
        ),
    ],
)
def test_lone_items_are_named_by_line(tmp_path: Path, raw: str, aligned: str, message: str) -> None:
    for arm, hashes in (("raw", raw), ("aligned", aligned)):
        csv(tmp_path / f"{arm}.csv", "quiz,acc,0.5,,4")
        samples(tmp_path / arm, "quiz", [1, 0, 1, 0], doc_hash=list(hashes)).rename(tmp_path / f"{arm}.jsonl")
    arms = [read_arm(tmp_path / f"{arm}.csv", Asked([f"quiz={tmp_path / arm}.jsonl"])) for arm in ("raw", "aligned")]
    (refusal,) = performance_tax(*arms, Question()).refusals
    assert (refusal.reason, refusal.message) == (
        "different_ids",
        message.format(raw="raw.jsonl", aligned="aligned.jsonl"),
    )


def test_items_that_are_identified_or_grouped_otherwise(tmp_path: Path) -> None:
    for arm, passages in (("raw", "aabb"), ("aligned", "aaba")):
        results(tmp_path / arm, {"quiz": BASE | {"n": 4}})
        samples(tmp_path / arm, "quiz", [1, 0, 1, 0], passage=list(passages))
    (refusal,) = tax(tmp_path / "raw", tmp_path / "aligned", Asked(cluster=["passage"])).refusals
    assert refusal.reason == "different_clusters"
    assert f"the item on line 4 of samples_quiz_{DATE}.jsonl is grouped otherwise in" in refusal.message
    path = tmp_path / "aligned" / f"samples_quiz_{DATE}.jsonl"
    path.write_text(path.read_text().replace("doc_hash", "hash_of_doc"))
    (refusal,) = tax(tmp_path / "raw", tmp_path / "aligned").refusals
    assert refusal.reason == "different_ids"
    assert "has doc_hash and " in refusal.message
    assert "has doc_id; write both with one version of the program" in refusal.message


def test_different_programs(tmp_path: Path) -> None:
    raw, aligned = csv(tmp_path / "raw.csv", "quiz,acc,0.5,,9"), results(tmp_path / "aligned", {"quiz": BASE})
    with pytest.raises(ValueError, match="raw was written by CSV and aligned by lm-evaluation-harness; run both"):
        tax(raw, aligned)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": 0}, r"--margin 0: must be above 0"),
        ({"margins": {"acc": -1.0}}, r"--margin acc=-1: must be above 0"),
        ({"chance": {"quiz": -0.1}}, r"--chance quiz=-0\.1: must be 0 or more"),
        ({"confidence": 1.5}, r"--confidence 1\.5: must be at least 0\.5 and below 1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Question(**settings)


def test_options() -> None:
    assert margins(["1.5", "ppl=0.2"]) == (1.5, {"ppl": 0.2})
    assert chances(["a=b=0.25"]) == {"a=b": 0.25}
    for parse, given, message in (
        (margins, ["one"], "--margin one: write a number, or NAME=NUMBER"),
        (margins, ["1", "2"], "--margin 2: a number was given before"),
        (chances, ["0.25"], "--chance 0.25: of which task"),
    ):
        with pytest.raises(ValueError, match=message):
            parse(given)
