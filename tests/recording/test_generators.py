"""Generators: the protocol passes through, and time counts while they run, not while their consumer holds them."""

from __future__ import annotations

import gc
import inspect
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from aligntax import Outcome, Profiler, Verdict
from aligntax.testing import FakeClock

from .reading import dropped, own_ns, parents, spans


class WrongError(Exception):
    """Thrown into generators."""


@pytest.fixture
def talk(profiler: Profiler, clock: FakeClock) -> Callable[..., Generator[Any, Any, str]]:
    @profiler.guard(stage="stream", name="talk")
    def talking(*, stubborn: bool = False) -> Generator[Any, Any, str]:
        """Yield what was sent or thrown, 10 ns a run, until `stop` is sent."""
        heard: Any = "first"
        try:
            while heard != "stop":
                clock.advance(10)
                try:
                    heard = yield heard
                except WrongError as error:
                    heard = error
            clock.advance(5)
            return "bye"
        finally:
            clock.advance(1)
            if stubborn:
                raise RuntimeError("cannot close")

    return talking


def test_items_sent_values_thrown_exceptions_and_the_result_pass_through(
    profiler: Profiler, talk: Callable[..., Any]
) -> None:
    error = WrongError()
    with profiler.request() as request:
        generator = talk()
        assert inspect.isgenerator(generator)
        assert next(generator) == "first"
        assert generator.send("second") == "second"
        assert generator.throw(error) is error
        assert generator.send(None) is None
        with pytest.raises(StopIteration) as stop:
            generator.send("stop")
        with pytest.raises(StopIteration):
            next(generator)
    assert stop.value.value == "bye"
    assert spans(request.trace) == [
        ("talk", 0, 10, None),
        ("talk", 10, 20, None),
        ("talk", 20, 30, None),
        ("talk", 30, 40, None),
        ("talk", 40, 46, Verdict.ALLOW),
    ]
    assert len({span.call for span in request.trace.spans}) == 1
    assert request.trace.spans[0].call


def test_one_streaming_call_is_one_call_of_its_whole_running_time(
    profiler: Profiler, talk: Callable[..., Any], clock: FakeClock
) -> None:
    with profiler.request():
        generator = talk()
        next(generator)
        clock.advance(1_000)
        with pytest.raises(StopIteration):
            generator.send("stop")
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["calls"] == 1
    assert layer["verdicts"] == {"allow": 1}
    assert layer["wall_seconds"]["sum"] == pytest.approx(16e-9)
    assert profiler.ledger.closure_ns.tolist() == [1_016, 16, 0, 1_000]


def test_a_generator_that_never_runs_leaves_nothing(profiler: Profiler, talk: Callable[..., Any]) -> None:
    with profiler.request() as request:
        generator = talk()
        generator.close()
        del generator
        unborn = talk()
        with pytest.raises(WrongError):
            unborn.throw(WrongError())
    assert request.trace.spans == ()


def test_a_closed_stream_was_cancelled(profiler: Profiler, talk: Callable[..., Any], clock: FakeClock) -> None:
    with profiler.request() as request:
        generator = talk()
        next(generator)
        clock.advance(100)
        generator.close()
        generator.close()
    assert spans(request.trace) == [("talk", 0, 10, None), ("talk", 110, 111, Verdict.CANCELLED)]
    assert request.outcome is Outcome.ALLOWED


def test_a_stream_that_fails_to_close_says_so(profiler: Profiler, talk: Callable[..., Any]) -> None:
    with profiler.request() as request:
        generator = talk(stubborn=True)
        next(generator)
        with pytest.raises(RuntimeError, match="cannot close"):
            generator.close()
    assert spans(request.trace)[-1] == ("talk", 10, 11, Verdict.ERROR)


def test_an_exception_from_inside_ends_the_stream(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard(stage="stream")
    def breaks() -> Iterator[int]:
        yield 1
        clock.advance(3)
        raise WrongError

    with profiler.request() as request:
        generator = breaks()
        assert next(generator) == 1
        with pytest.raises(WrongError):
            next(generator)
        assert next(generator, "over") == "over"
    assert spans(request.trace) == [("breaks", 0, 0, None), ("breaks", 0, 3, Verdict.ERROR)]


@pytest.mark.parametrize("within", [True, False])
def test_an_abandoned_stream_is_over_when_it_is_collected(
    within: bool, profiler: Profiler, talk: Callable[..., Any]
) -> None:
    with profiler.request() as request:
        generator = talk()
        next(generator)
        if within:
            del generator
            gc.collect()
        assert profiler.in_progress() == {"talk": 0 if within else 1}
    generator = None
    gc.collect()
    assert [verdict for *_, verdict in spans(request.trace)] == [None, Verdict.CANCELLED][: 1 + within]
    report = profiler.report().to_dict()
    assert report["self"]["dropped_by_reason"] == ({} if within else {"late_span": 1})
    assert report["layers"][0]["verdicts"] == {"cancelled": 1}


def test_the_consumers_own_layers_are_not_the_streams(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.model
    def tokens() -> Iterator[str]:
        for token in "ab":
            clock.advance(10)
            yield token

    @profiler.guard(stage="output")
    def scan(text: str) -> None:
        clock.advance(7)

    with profiler.request() as request:
        for token in tokens():
            scan(token)
            clock.advance(1)
    assert own_ns(request.trace) == {"tokens": 20, "scan": 14}
    assert set(parents(request.trace).values()) == {None}
    assert request.tax.tax_ns == 14
    assert request.trace.duration_ns == 36


def test_a_filter_over_a_model_is_charged_its_own_time_only(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.model
    def tokens() -> Iterator[str]:
        for token in "abc":
            clock.advance(100)
            yield token

    @profiler.guard(stage="stream")
    def filtered(source: Iterator[str]) -> Iterator[str]:
        for token in source:
            clock.advance(5)
            yield token.upper()

    with profiler.request() as request:
        assert "".join(filtered(tokens())) == "ABC"
    assert own_ns(request.trace) == {"tokens": 300, "filtered": 15}
    assert request.tax.tax_ns == 15
    assert parents(request.trace) == {
        ("filtered", 0): None, ("tokens", 0): "filtered",
        ("filtered", 105): None, ("tokens", 105): "filtered",
        ("filtered", 210): None, ("tokens", 210): "filtered",
        ("filtered", 315): None, ("tokens", 315): "filtered",
    }  # fmt: skip


def test_a_stream_may_go_on_in_another_request_and_on_another_thread(
    profiler: Profiler, talk: Callable[..., Any]
) -> None:
    generator = talk()
    assert next(generator) == "first"  # before any request: an orphan
    with profiler.request() as first:
        generator.send("second")
        thread = threading.Thread(target=profiler.bind(generator.send), args=("third",))
        thread.start()
        thread.join()
    with profiler.request() as second:
        generator.close()
    assert spans(first.trace) == [("talk", 10, 20, None), ("talk", 20, 30, None)]
    assert len({span.strand for span in first.trace.spans}) == 2
    assert second.trace.spans == ()
    assert dropped(profiler) == {"orphan_span": 1, "late_span": 1}


def test_streams_delegate_and_recurse(profiler: Profiler, clock: FakeClock) -> None:
    @profiler.guard(stage="stream")
    def countdown(number: int) -> Generator[int, None, int]:
        clock.advance(1)
        yield number
        below = 0
        if number:
            below = yield from countdown(number - 1)
        return below + 1

    with profiler.request() as request:
        assert list(countdown(3)) == [3, 2, 1, 0]
    assert len({span.call for span in request.trace.spans}) == 4
    assert own_ns(request.trace) == {"countdown": 4}
    (layer,) = profiler.report().to_dict()["layers"]
    assert layer["calls"] == 4
    assert layer["busy_seconds_sum"] == pytest.approx(4e-9)
