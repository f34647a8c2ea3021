"""Results as files: complete or not there, and foreign ones refused with a clear line."""

from __future__ import annotations

import copy
import json

import pytest
from tests.experiment import pipelines

from aligntax.experiment.bench import measure
from aligntax.experiment.paired import Design
from aligntax.experiment.result import Result
from aligntax.experiment.target import prepare


@pytest.fixture(scope="module")
def result() -> Result:
    return measure(
        "tests.experiment.pipelines:pipeline",
        pipelines.pipeline,
        pipelines.prompts,
        design=Design(max_pairs=30, width=1e-9),
        each=True,
        progress=lambda *_: True,
    )


def test_a_result_is_read_back_as_it_was(result, tmp_path):
    path = tmp_path / "result.json"
    result.save(path)
    assert Result.load(path).data == json.loads(json.dumps(result.data))
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_what_a_result_holds(result):
    data = result.data
    assert data["schema"] == "aligntax.bench/1"
    assert data["target"] == {
        "kind": "pipeline",
        "name": "tests.experiment.pipelines:pipeline",
        "guards": ["first", "second"],
        "always_on": [],
        "deterministic": True,
    }
    assert data["design"]["pairs"] == 30
    assert data["design"]["stopped"] == "pairs"
    names = ["raw", "guarded", "null", "only:first", "only:second", "without:first", "without:second"]
    assert [arm["name"] for arm in data["arms"]] == names
    assert {name: times["n"] for name, times in data["warm_up"].items()} == dict.fromkeys(names, 4)
    for measure_name in ("seconds", "cpu_seconds", "outcomes"):
        assert {len(values) for values in data["samples"][measure_name].values()} == {30}
    assert set(data["samples"]["shares_seconds"]) == {"first", "second"}
    assert data["outcomes"]["guarded"] == {"allowed": 30}
    assert data["guards"][0]["verdicts"] == {"allow": 30}
    assert set(data["compute"]["memory_bytes"]) == {"raw", "guarded", "tax"}
    assert len(data["traces"]) == 30
    assert {span["layer"] for span in data["traces"][0]["spans"]} == {"first", "model", "second"}
    assert data["latency"]["guarded"]["p99"]["low"] is None  # n is too small for it
    assert data["latency"]["guarded"]["p50"]["low"] is not None


def test_shares_and_unattributed_time_close(result):
    for trace, seconds in zip(result.data["traces"], result.data["samples"]["shares_seconds"]["first"], strict=True):
        assert trace["shares_ns"]["first"] / 1e9 == pytest.approx(seconds)
        assert sum(trace["shares_ns"].values()) == trace["tax_ns"] == trace["duration_ns"] - trace["raw_ns"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda data: data.pop("schema"), "is JSON, but no result; write one with: aligntax bench TARGET --json FILE"),
        (lambda data: data.update(schema="aligntax.bench/99"), "has schema 'aligntax.bench/99'"),
        (lambda data: data.pop("tax"), "has no part 'tax'"),
        (lambda data: data.update(guards="none"), "has no part 'guards'"),
        (lambda data: data["samples"].update(prompt=[]), "has no samples; run the experiment again, for longer"),
        (lambda data: data["samples"]["seconds"]["raw"].pop(), "seconds of arm 'raw' are not 30 values"),
        (lambda data: data["samples"]["seconds"]["raw"].__setitem__(0, "1"), "hold something that is no number of sec"),
        (
            lambda data: data["samples"]["seconds"]["raw"].__setitem__(0, -1.0),
            "hold something that is no number of sec",
        ),
        (
            lambda data: data["samples"]["seconds"]["raw"].__setitem__(0, 10**400),
            "hold something that is no number of sec",
        ),
    ],
)
def test_what_is_no_result_is_refused(result, tmp_path, change, complaint):
    data = copy.deepcopy(dict(result.data))
    change(data)
    path = tmp_path / "result.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=complaint) as refused:
        Result.load(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is no JSON"),
        (b'{"schema": "aligntax.bench/1", "tax": {', "it ends too early"),
        (b"hello", "is no JSON"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b'{"schema": NaN}', "holds NaN, which is no number"),
        (b"[" * 100_000, "is nested too deeply|is no JSON"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path, content, complaint):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        Result.load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        Result.load(tmp_path / "missing.json")


def test_a_number_that_is_none_is_not_written(result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text("before")
    with pytest.raises(ValueError, match="not JSON compliant"):
        Result({**result.data, "seconds": float("nan")}).save(path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_requests_that_are_all_blocked_have_no_tax():
    with pytest.raises(ValueError, match=r"none ran to its end with and without guards .*blocked_input.*30"):
        measure(
            "blocking",
            pipelines.blocking,
            pipelines.prompts,
            design=Design(max_pairs=30),
            progress=lambda *_: True,
        )


def test_the_guards_are_back_after_an_experiment_that_failed():
    def broken(prompt: str) -> str:
        if len(calls) > 20:
            raise RuntimeError("enough")
        calls.append(prompt)
        return pipelines.pipeline(prompt)

    calls: list[str] = []
    with pytest.raises(RuntimeError, match="enough"):
        measure("broken", broken, pipelines.prompts, design=Design(), progress=lambda *_: True)
    target = prepare("target", pipelines.pipeline, pipelines.prompts)
    assert target.caller("one").attribution.layers["first"].busy_ns >= 1_000_000
    target.caller.close()
