"""What is set beside a prediction, from measurements that a test makes up, and which pipelines can be run changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest

from aligntax import Profiler, Verdict
from aligntax.experiment.paired import Design
from aligntax.experiment.whatif import Drop, predict, verify, verify_target
from aligntax.experiment.whatif.variants import changing_of
from aligntax.testing import sleeping

from .test_prediction import TEN

ARMS: dict[str, Callable[[Any], Any]] = dict.fromkeys(("raw", "guarded", "changed"), str)
RAW = [0.1 + 0.001 * number for number in range(10)]


def measured(before: float, after: float) -> Callable[[Mapping[str, Any]], dict[str, list[float]]]:
    """What measures a tax of `before` seconds, and of `after` with the change."""

    def measure(arms: Mapping[str, Any]) -> dict[str, list[float]]:
        assert arms == ARMS
        return {
            "raw": RAW,
            "guarded": [seconds + before for seconds in RAW],
            "changed": [seconds + after for seconds in RAW],
        }

    return measure


def test_prediction_and_measurement_side_by_side() -> None:
    """Without pii, 5.5 of 7.5 milliseconds are left; they were 5."""
    found = verify(predict(TEN, [Drop("pii")]), "a target", ARMS, measured(0.0075, 0.005))
    assert (found.target, found.n) == ("a target", 10)
    for figures, predicted, seconds in (
        (found.before["p50"], 0.0075, 0.0075),
        (found.tax["mean"], 0.0055, 0.005),
        (found.tax["p50"], 0.0055, 0.005),
        (found.saving["mean"], -0.002, -0.0025),
        (found.saving["p50"], -0.002, -0.0025),
        (found.request["p50"], 0.1055, 0.1095),
        (found.request["p99"], 0.10991, 0.11391),
    ):
        assert figures.predicted.value == pytest.approx(predicted)
        assert figures.measured.value == pytest.approx(seconds)
    assert found.error_of_tax == pytest.approx(0.1)
    assert found.error_of_request == pytest.approx(0.1055 / 0.1095 - 1)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["error"] == {"tax": found.error_of_tax, "request": found.error_of_request}
    assert data["tax"]["p50_seconds"].keys() == {"predicted", "measured"}


def test_a_tax_that_cannot_be_told_from_nothing_has_no_relative_error() -> None:
    found = verify(predict(TEN, [Drop("pii")]), "a target", ARMS, measured(0.0075, 0.0))
    assert found.error_of_tax is None
    assert found.to_dict()["error"]["tax"] is None


def test_too_few_pairs_for_an_interval_give_no_error() -> None:
    few = {name: seconds[:5] for name, seconds in measured(0.0075, 0.005)(ARMS).items()}
    found = verify(predict(TEN, [Drop("pii")]), "a target", ARMS, lambda arms: few)
    assert found.to_dict()["error"] == {"tax": None, "request": None}


def test_refused() -> None:
    prediction = predict(TEN, [Drop("pii")])
    with pytest.raises(ValueError, match="arms changed are missing; give raw, guarded and changed"):
        verify(prediction, "a target", {"raw": str, "guarded": str}, measured(1, 1))
    with pytest.raises(ValueError, match="a target: nothing was measured"):
        verify(prediction, "a target", ARMS, lambda arms: {name: [] for name in arms})


def test_looking_at_a_target_takes_no_longer_than_the_budget_and_can_be_ended(asked: set[Any]) -> None:
    prediction, name = predict(TEN, [Drop("pii")]), "tests.experiment.whatif.sleepers:pipeline"
    design = Design(width=1e-9, budget_seconds=1e-6)
    found = verify_target(prediction, name, None, design, lambda stage, done, detail: True)
    assert found.n == 1
    assert asked == {"prompt 0"}
    assert found.design["stopped"] == "budget"
    assert found.design["prompts"]["count"] == 1
    assert list(found.warnings) == [
        "1 of 5 prompts were looked at within 1e-06 s, and are all that was asked; give it more time"
    ]
    with pytest.raises(KeyboardInterrupt):
        verify_target(prediction, name, None, Design(), lambda stage, done, detail: stage != "looking at the target")


def test_pairs_that_do_not_count_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two prompts is blocked, but not without its guard."""
    profiler = Profiler(drain_seconds=0)
    pii = profiler.guard(
        lambda text: Verdict.BLOCK if text == "bad" else Verdict.ALLOW,
        name="pii",
        stage="input",
        bypass=lambda text: text,
    )
    model = profiler.model(sleeping(0.0005), name="model")

    def pipeline(prompt: str) -> Any:
        with profiler.request():
            return None if pii(prompt) is Verdict.BLOCK else model(prompt)

    module = ModuleType("blocking")
    module.pipeline, module.prompts = pipeline, ["good", "bad"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blocking", module)
    design = Design(width=1e-9, max_pairs=20)
    found = verify_target(predict(TEN, [Drop("pii")]), "blocking:pipeline", None, design, lambda *_: True)
    assert (found.n, found.design["pairs"], found.design["stopped"]) == (10, 20, "pairs")
    assert "10 of 20 pairs are left out: in one of the arms they were blocked, or failed" in found.warnings
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["warnings"] == list(found.warnings)
    assert data["design"]["prompts"]["count"] == 2


def test_what_changes_a_target_is_its_own_or_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("changeable")
    monkeypatch.setitem(sys.modules, "changeable", module)

    def pipeline(prompt: str) -> str:
        return prompt

    pipeline.__module__ = "changeable"
    assert changing_of(pipeline) is None
    module.changed = of_module = lambda changes: None  # type: ignore[attr-defined]
    assert changing_of(pipeline) is of_module
    pipeline.changed = own = lambda changes: None  # type: ignore[attr-defined]
    assert changing_of(pipeline) is own
    pipeline.changed = 17  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="changed=17 cannot be called"):
        changing_of(pipeline)
