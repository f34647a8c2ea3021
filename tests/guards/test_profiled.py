"""`profiler.guard(guard)`: name, stage and verdict come from the guard itself, and everything else stays."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.guards import PII, Blocklist, Judgement

CALLS = {
    "pii": ("input", "mail jo@example.com", Verdict.MODIFY),
    "secrets": ("output", "nothing", Verdict.ALLOW),
    "blocklist": ("input", "a forbidden word", Verdict.BLOCK),
    "linear_classifier": ("input", "you awful stupid fool", Verdict.BLOCK),
    "onnx_classifier": ("parallel", "x" * 30, Verdict.BLOCK),
    "token_ban": ("decode", np.zeros((1, 8), np.float32), Verdict.ALLOW),
    "entropy_gate": ("decode", np.zeros((1, 8), np.float32), Verdict.BLOCK),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_guard_says_itself_what_it_is(profiler: Profiler, guards: dict[str, Any], name: str) -> None:
    stage, argument, verdict = CALLS[name]
    guard = guards[name]
    timed = profiler.guard(guard)
    assert isinstance(timed, type(guard))
    with profiler.request():
        said = timed(argument.copy() if isinstance(argument, np.ndarray) else argument)
    assert isinstance(said, Judgement)
    assert said.verdict is verdict
    (trace,) = profiler.traces()
    (span,) = trace.spans
    assert (span.layer.name, span.layer.kind, span.layer.stage, span.verdict) == (name, "guard", stage, verdict)
    guard(argument.copy() if isinstance(argument, np.ndarray) else argument)  # and the guard itself stays untimed
    assert profiler.report().to_dict()["self"]["dropped"] == 0


def test_arguments_come_before_what_the_guard_says(profiler: Profiler) -> None:
    profiler.guard(PII(), name="personal")
    profiler.guard(PII(), stage="output")
    profiler.guard(PII(), name="third", stage="parallel")
    layers = profiler.report().to_dict()["layers"]
    assert [(layer["layer"], layer["stage"]) for layer in layers] == [
        ("personal", "input"),
        ("pii", "output"),
        ("third", "parallel"),
    ]


def test_a_name_stands_for_one_guard(profiler: Profiler) -> None:
    profiler.guard(PII())
    with pytest.raises(ValueError, match="layer name 'pii' is taken"):
        profiler.guard(PII())


def test_whole_texts_and_streams_are_one_layer(profiler: Profiler) -> None:
    guard = Blocklist(["foo"], on_hit="redact", stage="stream", name="filter")
    timed = profiler.guard(guard)
    with profiler.request() as whole:
        assert timed("a foo").text == "a [removed]"
    with profiler.request() as streamed:
        stream = timed.stream()
        next(stream)
        assert [stream.send("a f").text, stream.send("oo").text, *(rest.text for rest in stream)] == [
            "a ",
            "[removed]",
            "",
        ]
    assert whole.outcome is streamed.outcome is Outcome.MODIFIED
    assert {span.layer.name for span in streamed.trace.spans} == {"filter"}
    assert streamed.trace.spans[-1].verdict is Verdict.MODIFY
    (layer,) = profiler.report().to_dict()["layers"]
    assert (layer["stage"], layer["calls"], layer["verdicts"]) == ("stream", 2, {"modify": 2})
    list(guard.stream())
    assert profiler.report().to_dict()["self"]["dropped"] == 0


def test_a_stream_method_alone_is_timed_under_the_name_that_it_is_given(profiler: Profiler) -> None:
    stream = profiler.guard(Blocklist(["foo"]).stream, name="filter", stage="stream")
    with profiler.request() as request:
        filtering = stream()
        next(filtering)
        filtering.send("foo")
        list(filtering)
    assert request.outcome is Outcome.BLOCKED_OUTPUT


def test_a_verdict_mapper_replaces_the_guards_own_verdict(profiler: Profiler) -> None:
    timed = profiler.guard(Blocklist(["foo"]), verdict=lambda said: "allow" if said.hits < 2 else "block")
    with profiler.request() as request:
        timed("foo")
        stream = timed.stream()
        next(stream)
        stream.send("foo")
        list(stream)
    assert request.outcome is Outcome.ALLOWED


def test_the_timed_guard_is_the_guard_in_all_else(profiler: Profiler) -> None:
    guard = PII(stage="stream")
    timed = profiler.guard(guard)
    assert (timed.name, timed.stage, timed.on_hit) == ("pii", "stream", "redact")
    assert (repr(timed), timed.__doc__) == (repr(guard), PII.__doc__)
    assert timed == guard
    assert "stream" in dir(timed)
    thawed = pickle.loads(pickle.dumps(profiler.guard(Blocklist(["foo"]))))  # noqa: S301 (made here)
    assert thawed("foo").verdict is Verdict.BLOCK


class Custom:
    """A guard of a user's, with slots, that takes streams, too."""

    __slots__ = ("name", "stage")

    def __init__(self) -> None:
        self.name, self.stage = "custom", "output"

    def __call__(self, text: str) -> str:
        return text.upper()

    async def stream(self) -> Any:
        yield Verdict.BLOCK


async def test_guards_of_the_users_are_treated_alike(profiler: Profiler) -> None:
    timed = profiler.guard(Custom())
    async with profiler.request() as request:
        assert timed("a") == "A"
        assert [item async for item in timed.stream()] == [Verdict.BLOCK]
    assert [(span.layer.name, span.layer.stage) for span in request.trace.spans] == [("custom", "output")] * 3
    assert request.outcome is Outcome.BLOCKED_OUTPUT


def plain(text: str) -> str:
    return text


OTHERS: dict[str, tuple[Any, str]] = {
    "a function": (plain, "plain"),
    "a name alone": (type("Named", (), {"name": "other", "__call__": lambda self: None})(), "Named"),
    "a stage alone": (type("Staged", (), {"stage": "output", "__call__": lambda self: None})(), "Staged"),
    "names that are none": (type("Odd", (), {"name": 3, "stage": 4, "__call__": lambda self: None})(), "Odd"),
    "a mock": (Mock(), "Mock"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_does_not_say_both_is_named_as_ever_and_stands_at_the_input(profiler: Profiler, case: str) -> None:
    function, name = OTHERS[case]
    profiler.guard(function)
    (layer,) = profiler.report().to_dict()["layers"]
    assert (layer["layer"], layer["stage"]) == (name, "input")


def test_a_stage_that_there_is_not_is_refused(profiler: Profiler) -> None:
    guard = type("Wrong", (), {"name": "wrong", "stage": "nowhere", "__call__": lambda self: None})()
    with pytest.raises(ValueError, match="stage 'nowhere' is unknown"):
        profiler.guard(guard)
    with pytest.raises(TypeError, match="is not callable"):
        profiler.guard(SimpleNamespace(name="a", stage="input"))


def test_a_decorator_is_still_one(profiler: Profiler) -> None:
    @profiler.guard(stage="output")
    def check(text: str) -> str:
        return text

    assert check("a") == "a"
    assert profiler.report().to_dict()["layers"][0]["stage"] == "output"
