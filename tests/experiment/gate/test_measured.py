"""What is read from a result, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiment.results import make_result

from aligntax.experiment.gate import Measured, Unit, read_measured
from aligntax.experiment.gate.measured import differences
from aligntax.inference import Estimate

from .simulated import simulated

Save = Callable[..., Path]


def test_the_figures_are_those_of_the_file(measured: Callable[..., Measured]) -> None:
    found = measured(1)
    tax = found.data["tax"]
    assert found.metrics["tax.relative"].estimate == Estimate.from_dict(tax["relative"])
    assert found.metrics["tax.absolute"].estimate == Estimate.from_dict(tax["seconds"])
    assert found.n == 400
    assert found.deciding == "tax.relative"
    for key in (
        "latency.raw",
        "latency.guarded",
        "guards.pii.absolute",
        "guards.toxicity.relative",
        "stages.input.absolute",
        "stages.output.absolute",
        "cpu.absolute",
        "cpu.relative",
        "memory.absolute",
        "cold_start.import",
        "cold_start.first_call",
    ):
        assert found.metrics[key].estimate is not None, key
    assert found.metrics["memory.absolute"].unit is Unit.BYTES


def test_guards_and_stages_are_means_of_their_shares(save: Save) -> None:
    raw = np.full(40, 0.1)
    shares = {"a": np.full(40, 0.01), "b": np.full(40, 0.02), "c": np.full(40, 0.04)}
    stages = {"a": "input", "b": "input", "c": "output"}
    result = make_result(raw, raw + 0.07, shares=shares, stages=stages)
    found = read_measured(save("r.json", result)).metrics
    values = {key: found[key].estimate for key in found if key.startswith(("guards", "stages"))}
    assert {key: round(each.value, 9) for key, each in values.items() if each is not None} == {
        "guards.a.absolute": 0.01,
        "guards.a.relative": 0.1,
        "guards.b.absolute": 0.02,
        "guards.b.relative": 0.2,
        "guards.c.absolute": 0.04,
        "guards.c.relative": 0.4,
        "stages.input.absolute": 0.03,
        "stages.input.relative": 0.3,
        "stages.output.absolute": 0.04,
        "stages.output.relative": 0.4,
    }
    # A stage of one guard is that guard; one of two is compared on its own.
    assert found["stages.output.absolute"].same_as == "guards.c.absolute"
    assert found["stages.input.absolute"].same_as is None


def test_a_blocked_request_counts_nowhere(save: Save) -> None:
    """It was fast, and no saving."""
    raw, guarded = np.full(30, 0.1), np.full(30, 0.11)
    guarded[:10] = 0.001
    outcomes = ["blocked_input"] * 10 + ["allowed"] * 15 + ["modified"] * 5
    found = read_measured(save("r.json", make_result(raw, guarded, outcomes=outcomes)))
    assert found.n == 20
    samples = found.metrics["tax.absolute"].samples
    assert samples is not None
    assert samples == pytest.approx(0.01)


def test_what_was_not_measured_is_absent(save: Save) -> None:
    result = make_result(np.full(8, 0.1), np.full(8, 0.11))
    del result["samples"]["shares_seconds"], result["compute"]
    found = read_measured(save("r.json", result)).metrics
    assert not [key for key in found if key.startswith(("cpu", "memory", "cold_start", "gpu", "energy"))]
    assert found["guards.pii.absolute"].samples is None
    assert found["guards.pii.absolute"].estimate is not None
    assert "guards.pii.relative" not in found


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (5000, (5000.0, None, None)),
        ({"value": 5000, "low": 4000, "high": 6000}, (5000.0, 4000.0, 6000.0)),
        ({"tax": {"value": 5.0, "low": 4.0, "high": 6.0}, "raw": 1, "guarded": 2}, (5.0, 4.0, 6.0)),
        ({"raw": 1000, "guarded": 6000, "source": "x"}, (5000.0, None, None)),
        (
            {"raw": {"value": 1, "low": 0, "high": 2}, "guarded": {"value": 6, "low": 5, "high": 8}},
            (5.0, None, None),
        ),
    ],
)
def test_memory_is_what_guards_add(save: Save, memory: Any, expected: tuple[float, ...]) -> None:
    """Two intervals do not say how the figures vary together, and so nothing of that of their difference."""
    result = simulated(1, 20, compute={"memory_bytes": memory})
    assert read_measured(save("r.json", result)).metrics["memory.absolute"].estimate == expected


def test_memory_that_was_measured_several_times_has_an_interval(save: Save) -> None:
    result = simulated(1, 20, compute={"memory_bytes": [4.0, 5.0, 6.0]})
    found = read_measured(save("r.json", result)).metrics["memory.absolute"].estimate
    assert found is not None
    assert found.low is not None
    assert found.low < found.value == 5.0


def _without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(result: dict[str, Any]) -> None:
        inner: Any = result
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return change


def _with(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    def change(result: dict[str, Any]) -> None:
        inner: Any = result
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with("aligntax.bench/2", "schema"), r"has schema 'aligntax\.bench/2'; this program reads"),
        (_with("aligntax.report/1", "schema"), r"has schema 'aligntax\.report/1'"),
        (_without("schema"), "is JSON, but no result"),
        (_without("samples"), "has no part 'samples'"),
        (_without("tax", "relative"), r"is not whole \('relative' is missing\); write it anew with aligntax bench"),
        (_without("environment", "versions"), "is not whole"),
        (_without("latency", "raw"), "is not whole"),
        (_with([], "arms"), "is not whole"),
        (_with("x", "guards", 0), "is not whole"),
        (_with([], "samples", "prompt"), "has no samples"),
        (_with([1.0], "samples", "seconds", "raw"), "are not 20 values"),
        (_with("0.1", "samples", "seconds", "raw", 3), "that is no number of seconds"),
        (_with(None, "samples", "seconds", "guarded", 3), "that is no number of seconds"),
        (_with(0, "samples", "seconds", "raw", 3), "samples.seconds.raw holds 0, and a request takes time"),
        (_with("later", "samples", "outcomes", "raw", 3), "'later' is not a valid Outcome"),
        (_with(["error"] * 20, "samples", "outcomes", "raw"), "no request ran to its end with and without guards"),
        (_with("x", "samples", "shares_seconds", "pii", 3), r"shares_seconds\.pii holds x at index 3, which is no"),
        (_with([1.0], "samples", "shares_seconds", "pii"), r"shares_seconds\.pii has 1 values for 20 pairs"),
        (_with({"value": 1, "low": 2, "high": 3}, "tax", "relative"), r"tax\.relative: .*is no estimate"),
        (_with({"value": "x", "low": 2, "high": 3}, "tax", "seconds"), r"tax\.seconds: .*is no estimate"),
        (_with("much", "compute", "memory_bytes"), r"compute\.memory_bytes holds much"),
        (_with(10**400, "samples", "seconds", "raw", 3), r"hold something that is no number of seconds"),
    ],
)
def test_a_result_that_is_not_whole_is_refused(
    save: Save, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    result = simulated(1, 20)
    change(result)
    with pytest.raises(ValueError, match=rf"^.*r\.json: .*{message}") as caught:
        read_measured(save("r.json", result))
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).count("r.json") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        (json.dumps(simulated(1, 20))[:-100], "is no JSON"),
        ("[1, 2]", "no result"),
        ("null", "no result"),
        ("{}", "no result"),
        ('{"benchmarks": []}', "no result"),
        (json.dumps(simulated(1, 20)).replace("0.95", "NaN", 1), "holds NaN"),
        ("[" * 100_000, "nested too deeply"),
        ("\ufeff{}", "is no JSON"),
    ],
)
def test_a_file_that_is_no_result_is_refused(save: Save, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^.*r\.json: .*{message}"):
        read_measured(save("r.json", text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.json: cannot be read \(No such file"):
        read_measured(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"environment": {"cpu_model": "Slow CPU"}}, "cpu_model: 'Fast CPU 9000' in the base, 'Slow CPU' in the new"),
        ({"environment": {"cores": 8}}, "cores: 2 in the base, 8 in the new result"),
        ({"environment": {"python": "3.12.1"}}, "python: '3.11.7' in the base"),
        ({"environment": {"versions": {"torch": "2.14.0"}}}, "version of torch: '2.13.0' in the base"),
        ({"environment": {"versions": {"scipy": "1.17.1"}}}, "version of scipy: nothing in the base, '1.17.1' in"),
        ({"environment": {"threads": {"torch": 1}}}, "threads: {'torch': 2} in the base"),
        ({"environment": {"gpus": ["H200"]}}, "gpus: [] in the base"),
        ({"environment": {"garbage_collector": {"enabled": False}}}, "garbage_collector.enabled: True in the base"),
        ({"target": {"name": "other:pipeline"}}, "target.name: 'shop.chat:pipeline' in the base"),
        ({"target": {"guards": ["pii"]}}, "target.guards: ['pii', 'toxicity'] in the base, ['pii'] in the new"),
        ({"design": {"prompts": {"sha256": "00"}}}, "prompts: '3b3b"),
        ({"arms": [{"name": "raw", "bypassed": ["pii"]}]}, "left out of raw: ['pii', 'toxicity'] in the base"),
    ],
)
def test_what_should_agree_is_told(save: Save, overrides: dict[str, Any], line: str) -> None:
    base = read_measured(save("base.json", simulated(1, 20)))
    new = read_measured(save("new.json", simulated(2, 20, **overrides)))
    (found,) = differences(base, new)
    assert found.startswith(line)


def test_what_changes_by_itself_need_not_agree(save: Save) -> None:
    other = {"platform": "Linux-6.2", "load_average": [9.0, 9.0, 9.0], "garbage_collector": {"frozen": 7}}
    base = read_measured(save("base.json", simulated(1, 20)))
    new = read_measured(save("new.json", simulated(2, 40, environment=other, created="2026-03-02T12:00:00+00:00")))
    assert differences(base, new) == ()
