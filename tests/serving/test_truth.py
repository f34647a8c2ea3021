"""Guards, a model and a client of known length: what is measured is what was made up, to the nanosecond.

Time passes on a made-up clock, in which event loop, guards, application and client take their time; see the tests of
calibration, from which the lengths and the shares of guards beside the model are.
"""

from __future__ import annotations

import asyncio
import json
import time as real_time
from collections.abc import Generator
from typing import Any

import pytest
from tests.calibration.made_up_time import MadeUpTime
from tests.serving.calling import Caller, body, start
from tests.serving.upstream import asking, chat_answer, chat_chunk, content_of, frames

from aligntax import Profiler, Verdict
from aligntax.attribution import Attribution, attribute
from aligntax.guards import Judgement
from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.settings import GuardSettings
from aligntax.trace import Outcome, Trace

US = 1000
ANSWER = json.dumps(chat_answer("fine")).encode()


async def passes(us: int) -> None:
    await asyncio.sleep(us / 1e6)


class Timed:
    """A guard that takes so many microseconds."""

    def __init__(self, name: str, stage: str, us: int, verdict: Verdict = Verdict.ALLOW) -> None:
        self.name, self.stage = name, stage
        self._us = us
        self._verdict = verdict

    async def __call__(self, text: str) -> Judgement:
        await passes(self._us)
        return Judgement(self._verdict, "" if self._verdict is Verdict.BLOCK else text)


class TimedStream:
    """A guard that takes so many microseconds for each piece, and gives back each piece with the next one."""

    def __init__(self, time: MadeUpTime, us: int, *, holds: bool) -> None:
        self.name, self.stage = "filter", "stream"
        self._time = time
        self._us = us
        self._holds = holds

    def __call__(self, text: str) -> Judgement:
        self._time.sleep(self._us * US)
        return Judgement(Verdict.ALLOW, text)

    def stream(self) -> Generator[Any, str | None, None]:
        held = ""
        text = yield None
        while text is not None:
            self._time.sleep(self._us * US)
            said, held = (held, text) if self._holds else (text, "")
            text = yield Judgement(Verdict.ALLOW, said, held=len(held))
        yield Judgement(Verdict.ALLOW, held)


class Model:
    """An application of known length, of which the profiler is told or not."""

    def __init__(self, us: int, marked: Profiler | None = None) -> None:
        self._us = us
        self._profiler = marked

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if self._profiler is None:
            await passes(self._us)
        else:
            await passes(7)  # routing, and what else a framework does
            with self._profiler.layer("net", kind="model"):
                await passes(self._us)
            with self._profiler.layer("own", kind="guard", stage="output"):
                await passes(11)
        await send(start())
        await send(body(ANSWER))


def played(time: MadeUpTime, application: Any, guards: list[Any], client_us: int = 0, **asked: Any) -> Trace:
    async def slowly(_: Any) -> None:
        await passes(client_us)

    async def play() -> Trace:
        profiler = time_profiler(time)
        middleware = TaxMiddleware(
            application(profiler) if isinstance(application, type) else application, profiler=profiler, guards=guards
        )
        await Caller(asking("hello", **asked), on_send=slowly if client_us else None).call(middleware)
        (trace,) = profiler.traces()
        profiler.drain()
        assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
        found = attribute(trace)
        assert sum(each.critical_ns for each in found.layers.values()) + found.unattributed_ns == trace.duration_ns
        assert sum(each.share_ns for each in found.layers.values()) == found.tax_ns
        time.ledger = profiler.ledger  # type: ignore[attr-defined]
        middleware.close()
        return trace

    return time.run(play())


def time_profiler(time: MadeUpTime) -> Profiler:
    return Profiler(cpu_share=0, drain_seconds=0, clock=time.clock)


def shares(found: Attribution) -> dict[str, float]:
    return {name: each.share_ns / US for name, each in found.layers.items() if each.layer.kind == "guard"}


@pytest.fixture
def time() -> MadeUpTime:
    return MadeUpTime()


def test_in_series(time: MadeUpTime) -> None:
    guards = [Timed("asked", "input", 50), Timed("said", "output", 20)]
    found = attribute(played(time, Model(300), guards))
    assert (found.tax_ns, found.raw_ns) == (70 * US, 300 * US)
    assert shares(found) == {"asked": 50, "said": 20}
    assert found.layers["app"].critical_ns == 300 * US
    assert found.unattributed_ns == 0


def test_beside_the_model(time: MadeUpTime) -> None:
    guards = [
        Timed("A", "input", 50),
        Timed("B", "parallel", 400),
        Timed("C", "parallel", 350),
        Timed("D", "output", 20),
    ]
    trace = played(time, Model(300), guards)
    found = attribute(trace)
    assert trace.duration_ns == (50 + 400 + 20) * US
    assert found.tax_ns == 170 * US
    assert shares(found) == {"A": 50, "B": 75, "C": 25, "D": 20}
    assert found.layers["app"].busy_ns == 300 * US


def test_hidden_behind_the_model(time: MadeUpTime) -> None:
    found = attribute(played(time, Model(300), [Timed("hidden", "parallel", 100)]))
    assert (found.tax_ns, found.raw_ns) == (0, 300 * US)
    assert found.layers["hidden"].busy_ns == 100 * US


@pytest.mark.parametrize("order", ["series", "parallel"])
def test_several_at_one_stage(time: MadeUpTime, order: str) -> None:
    async def play() -> Trace:
        profiler = time_profiler(time)
        guards = [Timed("A", "input", 50), Timed("B", "input", 80)]
        middleware = TaxMiddleware(Model(300), profiler=profiler, guards=guards, order={"input": order})
        await Caller(asking("hello")).call(middleware)
        middleware.close()
        return profiler.traces()[0]

    trace = time.run(play())
    assert attribute(trace).tax_ns == (130 if order == "series" else 80) * US


def test_a_block_beside_the_model_discards_what_it_has_done(time: MadeUpTime) -> None:
    trace = played(time, Model(300), [Timed("B", "parallel", 100, Verdict.BLOCK)])
    assert trace.outcome is Outcome.BLOCKED_INPUT
    assert trace.duration_ns == 100 * US
    assert attribute(trace).discarded_ns == {"B": 100 * US}


def test_a_block_of_an_answer_discards_the_model(time: MadeUpTime) -> None:
    trace = played(time, Model(300), [Timed("D", "output", 20, Verdict.BLOCK)])
    assert trace.outcome is Outcome.BLOCKED_OUTPUT
    assert trace.duration_ns == 320 * US
    assert attribute(trace).discarded_ns == {"D": 300 * US}


def test_a_model_that_is_marked(time: MadeUpTime) -> None:
    class Marked(Model):
        def __init__(self, profiler: Profiler) -> None:
            super().__init__(300, profiler)

    for guards in ([], [Timed("asked", "input", 50), Timed("B", "parallel", 10), Timed("said", "output", 20)]):
        trace = played(time, Marked, guards)
        found = attribute(trace)
        expected = {"own": 11.0} | ({"asked": 50.0, "B": 0.0, "said": 20.0} if guards else {})
        assert shares(found) == expected
        assert found.layers["net"].critical_ns == 300 * US
        assert "app" not in found.layers


def test_a_model_that_a_guard_has_is_not_the_applications(time: MadeUpTime) -> None:
    class Judge(Timed):
        def __init__(self, profiler: Profiler) -> None:
            super().__init__("judge", "input", 0)
            self._profiler = profiler

        async def __call__(self, text: str) -> Judgement:
            with self._profiler.layer("judge-net", kind="model"):
                await passes(40)
            return Judgement(Verdict.ALLOW, text)

    async def play() -> Trace:
        profiler = time_profiler(time)
        middleware = TaxMiddleware(Model(300), profiler=profiler, guards=[Judge(profiler)])
        await Caller(asking("hello")).call(middleware)
        middleware.close()
        return profiler.traces()[0]

    found = attribute(time.run(play()))
    assert found.layers["app"].busy_ns == 300 * US


# -- streams ---------------------------------------------------------------------------------------------------------

CHUNKS, MODEL_US, GUARD_US, CLIENT_US = 10, 30, 10, 20


async def streamed(scope: Any, receive: Any, send: Any) -> None:
    """Answer in chunks that take time, with a comment in between that is no piece of the text."""
    await receive()
    await send(start("text/event-stream"))
    for piece in frames(*[chat_chunk({"content": "word "})] * CHUNKS, done=False):
        await passes(MODEL_US // 2)
        await send(body(b": ping\n\n", more=True))
        await passes(MODEL_US // 2)
        await send(body(piece, more=True))
    await send(body(b""))


@pytest.mark.parametrize("client_us", [0, CLIENT_US])
@pytest.mark.parametrize("holds", [False, True])
def test_a_stream(time: MadeUpTime, holds: bool, client_us: int) -> None:
    guard = GuardSettings(TimedStream(time, GUARD_US, holds=holds), thread=False)
    trace = played(time, streamed, [guard], client_us, stream=True)
    found = attribute(trace)
    assert found.tax_ns == CHUNKS * GUARD_US * US
    assert found.layers["app"].critical_ns == CHUNKS * MODEL_US * US
    assert shares(found) == {"filter": CHUNKS * GUARD_US}
    # The head, the comments, the pieces, and the end.
    assert found.unattributed_ns == (1 + CHUNKS + CHUNKS + 1) * client_us * US
    ledger = time.ledger  # type: ignore[attr-defined]
    row, filter_row = ledger.model_row("app"), next(r for r, each in enumerate(ledger.layers) if each.name == "filter")
    assert ledger.upstream_first_ns[row] == MODEL_US * US
    assert ledger.upstream_gaps_ns[row] == (CHUNKS - 1) * MODEL_US * US
    # A piece that is held goes on when the next one has been read, and the last one with the end, which takes no time.
    # Before each piece a comment goes on, before everything the head, and in the place of a held piece an empty one.
    before = 2 if holds else 1
    assert ledger.first_ns[row] == before * (MODEL_US + GUARD_US + 2 * client_us) * US
    assert ledger.gaps_ns[row] == (CHUNKS - before) * (MODEL_US + GUARD_US) * US
    assert ledger.holds[filter_row].sum() == CHUNKS
    waits = (CHUNKS - 1) * (MODEL_US + GUARD_US) if holds else 0
    assert ledger.holds_ns[filter_row] == (CHUNKS * GUARD_US + waits) * US


def test_a_stream_that_nobody_guards(time: MadeUpTime) -> None:
    for guards in ([], [Timed("asked", "input", 50)]):
        trace = played(time, streamed, guards, stream=True)
        found = attribute(trace)
        assert found.tax_ns == 50 * US * len(guards)
        assert found.layers["app"].critical_ns == CHUNKS * MODEL_US * US
        ledger = time.ledger  # type: ignore[attr-defined]
        row = ledger.model_row("app")
        assert ledger.upstream_first_ns[row] == MODEL_US * US
        assert ledger.first_ns[row] == (MODEL_US + 50 * len(guards)) * US
        assert ledger.upstream_gaps_ns[row] == ledger.gaps_ns[row] == (CHUNKS - 1) * MODEL_US * US


def test_a_stream_that_is_kept_as_a_whole(time: MadeUpTime) -> None:
    trace = played(time, streamed, [Timed("said", "output", 25)], CLIENT_US, stream=True)
    found = attribute(trace)
    assert found.tax_ns == 25 * US
    assert found.layers["app"].critical_ns == CHUNKS * MODEL_US * US
    ledger = time.ledger  # type: ignore[attr-defined]
    row = ledger.model_row("app")
    assert ledger.upstream_first_ns[row] == MODEL_US * US
    assert ledger.first_ns[row] == (CHUNKS * MODEL_US + 25 + CLIENT_US) * US  # the head goes before
    assert ledger.gaps[row].sum() == 0


def test_what_is_held_is_not_lost(time: MadeUpTime) -> None:
    async def play() -> bytes:
        profiler = time_profiler(time)
        guard = GuardSettings(TimedStream(time, GUARD_US, holds=True), thread=False)
        middleware = TaxMiddleware(streamed, profiler=profiler, guards=[guard])
        caller = await Caller(asking("hello", stream=True)).call(middleware)
        middleware.close()
        return caller.body

    assert content_of(time.run(play())) == "word " * CHUNKS


# -- in real time ----------------------------------------------------------------------------------------------------


async def test_guards_on_threads_lie_between_what_was_noted_inside_and_around() -> None:
    """Bounds that hold however busy the machine is, as in the tests of calibration."""
    inside: dict[str, tuple[int, int]] = {}
    with Profiler(cpu_share=0, drain_seconds=0) as profiler:
        clock = profiler.recorder.clock

        class Noted:
            def __init__(self, name: str, stage: str) -> None:
                self.name, self.stage = name, stage

            def __call__(self, text: str) -> Judgement:
                begun_ns = clock()
                real_time.sleep(0.005)
                inside[self.name] = (begun_ns, clock())
                return Judgement(Verdict.ALLOW, text)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            begun_ns = clock()
            await asyncio.sleep(0.02)
            inside["app"] = (begun_ns, clock())
            await send(start())
            await send(body(ANSWER))

        guards = [Noted("asked", "input"), Noted("beside", "parallel"), Noted("said", "output")]
        middleware = TaxMiddleware(application, profiler=profiler, guards=guards)
        await Caller(asking("hello")).call(middleware)
        before_ns = clock()
        await Caller(asking("hello")).call(middleware)
        after_ns = clock()
        trace = profiler.traces()[-1]
        middleware.close()
    found = attribute(trace)
    for name, (begun_ns, ended_ns) in inside.items():
        spans = [span for span in trace.spans if span.layer.name == name]
        assert min(span.start_ns for span in spans) <= begun_ns
        assert ended_ns <= max(span.end_ns for span in spans)
    took = {name: ended_ns - begun_ns for name, (begun_ns, ended_ns) in inside.items()}
    assert took["asked"] + took["said"] <= found.tax_ns <= after_ns - before_ns - took["app"]
    layers_ns = sum(layer.critical_ns for layer in found.layers.values())
    assert layers_ns + found.unattributed_ns == trace.duration_ns <= after_ns - before_ns
