"""Real ONNX Runtime sessions: every way to run one is timed, and each returns what it returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest

from aligntax import Profiler, Verdict
from aligntax.adapters.onnxruntime import detach
from aligntax.testing import FakeClock

from .session_runs import SIZE, WAYS, Answer, FloatArray, by_io_binding, by_ort_values, by_run, by_run_async


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run_is_timed(
    way: Callable[[onnxruntime.InferenceSession, FloatArray], Any],
    profiler: Profiler,
    session: onnxruntime.InferenceSession,
    values: FloatArray,
) -> None:
    timed = profiler.model(session, name="classifier")
    assert timed is session
    assert isinstance(timed, onnxruntime.InferenceSession)
    with profiler.request() as request:
        assert np.array_equal(way(timed, values), values * 2)
    (span,) = request.trace.spans
    assert (span.layer.name, span.verdict, span.parent) == ("classifier", Verdict.ALLOW, None)
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
    way(timed, values)
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {"orphan_span": 1}


def test_the_rest_of_the_session_is_untouched(
    profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    profiler.guard(session)
    assert [it.name for it in session.get_inputs()] == ["values"]
    assert session.get_providers() == ["CPUExecutionProvider"]
    with profiler.request() as request:
        by_run(session, values)
    assert request.trace.spans[0].layer.name == "InferenceSession"


@pytest.mark.parametrize("way", [by_run, by_ort_values, by_run_async])
def test_a_wrong_call_raises_what_it_raised(
    way: Callable[[onnxruntime.InferenceSession, FloatArray], Any],
    profiler: Profiler,
    session: onnxruntime.InferenceSession,
) -> None:
    wrong = np.zeros((SIZE, 2), dtype=np.float64)

    def message() -> str:
        if way is by_run_async:
            answer = Answer()
            session.run_async(["scores"], {"values": wrong}, answer, None)
            assert answer.arrived.wait(10)
            assert answer.error
            return str(answer.error)
        with pytest.raises(Exception, match="Unexpected input data type") as caught:
            way(session, wrong)
        return f"{type(caught.value)} {caught.value}"

    untimed = message()
    profiler.model(session, name="classifier")
    with profiler.request() as request:
        assert message() == untimed
    (span,) = request.trace.spans
    assert span.verdict is Verdict.ERROR
    assert span.error_type == ("run_async" if way is by_run_async else "InvalidArgument")


def test_an_asynchronous_run_that_cannot_begin(
    profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    profiler.model(session, name="classifier")
    with profiler.request() as request:
        with pytest.raises(TypeError):
            session.run_async(["scores"])
        with pytest.raises(ValueError, match="Required inputs"):
            session.run_async(["scores"], {}, Answer(), None)
        assert profiler.in_progress() == {"classifier": 0}
    assert [span.error_type for span in request.trace.spans] == ["ValueError"]


def test_an_asynchronous_run_belongs_to_the_request_that_began_it(
    profiler: Profiler, session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    answer = Answer()
    profiler.model(session, name="classifier")
    check = profiler.guard(len, name="check")
    with profiler.request() as request:
        session.run_async(["scores"], {"values": values}, answer, None)
        check([])
        assert answer.arrived.wait(10)
    (run,) = (span for span in request.trace.spans if span.layer.name == "classifier")
    assert run.strand == answer.thread
    # What the caller does meanwhile runs beside it, not inside of it.
    assert [span.parent for span in request.trace.spans] == [None, None]
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}


class Held(onnxruntime.InferenceSession):  # type: ignore[misc]
    """A session whose asynchronous runs end when they are told to."""

    def run_async(self, names: Any, feed: Any, callback: Callable[..., None], data: Any, options: Any = None) -> None:
        self.end = lambda error="": callback([1.0], data, error)


def test_an_asynchronous_run_lasts_until_its_callback(profiler: Profiler, graph: bytes, clock: FakeClock) -> None:
    session = profiler.model(Held(graph, providers=["CPUExecutionProvider"]), name="classifier")
    answer = Answer()
    with profiler.request() as request:
        for error in ("", "out of memory"):
            session.run_async(None, {}, callback=answer, user_data="data")
            clock.advance(30)
            assert profiler.in_progress() == {"classifier": 1}
            session.end(error)
            assert (answer.results, answer.data, answer.error) == ([1.0], "data", error)
            assert profiler.in_progress() == {"classifier": 0}
        session.run_async(None, {}, answer, None)
    assert [(span.duration_ns, span.verdict) for span in request.trace.spans] == [
        (30, Verdict.ALLOW),
        (30, Verdict.ERROR),
    ]
    session.end()
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {"late_span": 1}


@pytest.mark.parametrize("way", WAYS)
def test_a_session_can_be_a_guard_with_a_mapper(
    way: Callable[[onnxruntime.InferenceSession, FloatArray], Any],
    profiler: Profiler,
    session: onnxruntime.InferenceSession,
    values: FloatArray,
) -> None:
    seen = []

    def mapper(outputs: Any) -> str:
        seen.append(outputs)
        return "block"

    profiler.guard(session, name="toxicity", stage="output", verdict=mapper)
    with profiler.request() as request:
        way(session, values)
    assert request.outcome == "blocked_output"
    assert len(seen) == 1
    assert seen[0] is None if way is by_io_binding else len(seen[0]) == 1


def test_two_profilers_time_one_session_and_detaching_takes_both_off(
    make_profiler: Callable[..., Profiler], session: onnxruntime.InferenceSession, values: FloatArray
) -> None:
    one, other = make_profiler(), make_profiler()
    assert one.model(other.model(session, name="inner"), name="outer") is session
    with one.request() as first, other.request() as second:
        by_run(session, values)
        by_run_async(session, values)
    assert [span.layer.name for span in first.trace.spans] == ["outer"] * 2
    assert [span.layer.name for span in second.trace.spans] == ["inner"] * 2
    detach(session)
    with one.request() as first, other.request() as second:
        for way in WAYS:
            way(session, values)
    assert first.trace.spans == second.trace.spans == ()
    detach(session)
