"""A session that is a guard is left out whichever way it is run, also where its results come to a callback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest

from aligntax import Profiler, Verdict
from aligntax.experiment.target import Target, prepare
from aligntax.recording.taps import Tap

from .session_runs import Answer, FloatArray, by_keywords, by_run, by_run_async

Prepare = Callable[..., Target]


class Counted(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A real session that counts how often it is run."""

    runs = 0

    def run(self, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return super().run(*args, **kwargs)

    def run_async(self, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return super().run_async(*args, **kwargs)


@pytest.fixture
def counted(graph: bytes, options: onnxruntime.SessionOptions) -> Counted:
    return Counted(graph, options, providers=["CPUExecutionProvider"])


@pytest.fixture
def profiler() -> Iterator[Profiler]:
    with Profiler(drain_seconds=0) as real_time:
        yield real_time


@pytest.fixture
def prepared(profiler: Profiler) -> Iterator[Prepare]:
    """A target of which each prompt is scored by a session, in one of the ways to run it."""
    made = []

    def make(session: Any, way: Callable[..., Any], **settings: Any) -> Target:
        profiler.guard(session, name="score", stage="input", **settings)

        def pipeline(prompt: float) -> list[float]:
            with profiler.request():
                return list(way(session, np.full(3, prompt, dtype=np.float32)))

        made.append(prepare("target", pipeline, [1.0, 2.0]))
        return made[-1]

    yield make
    for target in made:
        target.caller.close()


def run_tap(profiler: Profiler) -> Tap:
    """Return the tap of `run_async`, the last one of a session."""
    return profiler.recorder.taps[0][-1]


@pytest.mark.parametrize("way", [by_run, by_keywords, by_run_async])
def test_one_bypass_stands_in_for_every_call_that_takes_names_and_a_feed(
    way: Callable[..., Any], prepared: Prepare, counted: Counted
) -> None:
    seen = []

    def bypass(output_names: Any, input_feed: Any, run_options: Any = None) -> list[FloatArray]:
        seen.append((output_names, run_options is not None))
        return [input_feed["values"] * 2]

    target = prepared(counted, way, bypass=bypass)
    assert list(target.guards) == ["score"]
    assert list(target.always_on) == []
    runs = counted.runs
    seen.clear()
    target.leave_out(frozenset({"score"}))
    left_out = target.caller(3.0, keep_output=True)
    assert left_out.output == [6.0] * 3
    assert left_out.attribution is not None
    assert left_out.attribution.layers["score"].calls == 1
    assert counted.runs == runs
    assert seen == [(None if way is by_run else ["scores"], way is by_keywords)]
    target.leave_out(frozenset())
    assert target.caller(3.0, keep_output=True).output == [6.0] * 3
    assert counted.runs == runs + 1
    assert len(seen) == 1


@pytest.mark.parametrize("way", [by_run, by_run_async])
def test_a_session_can_say_itself_what_stands_in_for_it(
    way: Callable[..., Any], prepared: Prepare, graph: bytes, options: onnxruntime.SessionOptions
) -> None:
    class Saying(Counted):
        def bypass(self, output_names: Any, input_feed: Any) -> list[FloatArray]:
            return [input_feed["values"] * 2]

    session = Saying(graph, options, providers=["CPUExecutionProvider"])
    target = prepared(session, way)
    runs = session.runs
    target.leave_out(frozenset({"score"}))
    assert target.caller(3.0, keep_output=True).output == [6.0] * 3
    assert session.runs == runs


def test_what_the_callback_gets_of_a_session_left_out_is_learnt_from_its_runs(
    prepared: Prepare, counted: Counted
) -> None:
    target = prepared(counted, lambda session, values: bool(by_run_async(session, values).any()) * [1.0])
    runs = counted.runs
    target.leave_out(frozenset({"score"}))
    assert target.caller(5.0, keep_output=True).output == [1.0]
    assert counted.runs == runs


def test_only_runs_that_allowed_teach(prepared: Prepare, counted: Counted) -> None:
    with pytest.raises(ValueError, match=r"guard 'score' returns when it lets something pass was not seen"):
        prepared(counted, by_run_async, verdict=lambda results: Verdict.BLOCK if results[0].any() else Verdict.ALLOW)


def test_a_caller_may_hold_a_lock_that_its_callback_takes(
    profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    profiler.guard(session, name="score")
    run_tap(profiler).divert(lambda names, feed: [feed["values"]])
    answer = Answer()
    lock = threading.Lock()

    def callback(*given: Any) -> None:
        with lock:
            answer(*given)

    with profiler.request() as request:
        with lock:
            session.run_async(None, {"values": values}, callback, "data")
        assert answer.arrived.wait(10)
    assert answer.results[0] is values
    assert (answer.data, answer.error) == ("data", "")
    (span,) = request.trace.spans
    assert (span.verdict, span.strand) == (Verdict.ALLOW, answer.thread)
    assert answer.thread != threading.get_ident()


@pytest.mark.parametrize(("error", "text"), [(RuntimeError("no scores"), "no scores"), (KeyError(), "KeyError")])
def test_what_goes_wrong_in_its_place_is_told_to_the_callback(
    error: Exception, text: str, profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    def failing(*_: Any) -> None:
        raise error

    profiler.guard(session, name="score")
    run_tap(profiler).divert(failing)
    answer = Answer()
    with profiler.request() as request:
        session.run_async(None, {"values": values}, answer, "data")
        assert answer.arrived.wait(10)
    assert (answer.results, answer.data, answer.error) == ([], "data", text)
    assert [(span.verdict, span.error_type) for span in request.trace.spans] == [(Verdict.ERROR, "run_async")]
    assert profiler.in_progress() == {"score": 0}


def test_what_is_called_in_its_place_belongs_to_the_same_request(
    profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    profiler.guard(session, name="score")
    inner = profiler.guard(lambda feed: [feed["values"]], name="inner")
    run_tap(profiler).divert(lambda names, feed: inner(feed))
    with profiler.request() as request:
        by_run_async(session, values)
    assert sorted(span.layer.name for span in request.trace.spans) == ["inner", "score"]
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
