"""The demo as the target of `aligntax sweep`: every parameter that it knows is one that changes something."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aligntax.demo import target as target_module
from aligntax.demo.pipeline import Pipeline
from aligntax.demo.target import sweep
from aligntax.experiment.call import Measurement
from aligntax.experiment.target import Target, prepare


@pytest.fixture
def measured(
    make_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, float], Measurement]]:
    """What makes the demo of a size, with a small model, and measures an answer of it."""
    monkeypatch.setattr(target_module, "_unmeasured", make_pipeline())
    targets: list[Target] = []

    def measure(parameter: str, value: float) -> Measurement:
        pipeline, prompts = sweep(parameter, value)
        targets.append(prepare("demo", pipeline, prompts[:1]))
        return targets[-1].caller(prompts[0])

    yield measure
    for target in targets:
        target.caller.close()


def layers(measurement: Measurement) -> dict[str, Any]:
    assert measurement.attribution is not None
    return {name: part.calls for name, part in measurement.attribution.layers.items()}


@pytest.mark.parametrize("parameter", ["batch_size", "concurrency"])
def test_so_many_answers_are_one_request(measured: Callable[[str, float], Measurement], parameter: str) -> None:
    once, thrice = (layers(measured(parameter, value)) for value in (1, 3))
    assert {"pii", "blocklist", "decoder"} <= once.keys() == thrice.keys()
    assert all(thrice[name] == 3 * calls for name, calls in once.items())


@pytest.mark.parametrize(("parameter", "patience"), [("concurrency", 20.0), ("batch_size", 0.2)])
def test_concurrent_answers_are_worked_on_side_by_side_and_those_of_a_batch_are_not(
    monkeypatch: pytest.MonkeyPatch, parameter: str, patience: float
) -> None:
    both_there = threading.Barrier(2, timeout=patience)

    def waiting(self: Pipeline, prompt: str) -> Iterator[str]:
        both_there.wait()
        yield prompt

    monkeypatch.setattr(Pipeline, "stream", waiting)
    pipeline, _ = sweep(parameter, 2)
    if parameter == "concurrency":
        assert pipeline("hello") == "hello\nhello"
    else:
        with pytest.raises(threading.BrokenBarrierError):
            pipeline("hello")


def test_a_model_has_as_many_blocks_as_were_asked_for() -> None:
    one, two, three = (sweep("model_size", value)[0].__self__.parameter_count for value in (1, 2, 3))  # type: ignore[attr-defined]
    assert three - two == two - one > 1_000_000


def test_prompts_have_the_length_that_was_asked_for() -> None:
    assert [len(sweep("prompt_length", value)[1][0].split()) for value in (3, 1000)] == [3, 1000]


def test_patterns_are_varied_too(measured: Callable[[str, float], Measurement]) -> None:
    assert "blocklist" in layers(measured("patterns", 7))


@pytest.mark.parametrize(("parameter", "value", "message"), [("colour", 1, "batch_size"), ("patterns", 0.5, "least 1")])
def test_what_cannot_be_varied_is_refused(parameter: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep(parameter, value)
