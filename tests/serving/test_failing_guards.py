"""Guards that do what they should not, and the threads that they run on."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest
from tests.serving.calling import Caller, body, saying, start, streaming
from tests.serving.guarded import ADDRESS, ANSWER, guarding, outcomes
from tests.serving.upstream import asking, chat_answer, chat_stream, content_of

from aligntax import Profiler, Verdict
from aligntax.guards import PII, FunctionGuard, Judgement
from aligntax.serving.settings import GuardSettings
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Outcome


def guard_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("aligntax-guard")]


# -- guards ----------------------------------------------------------------------------------------------------------


class Odd:
    """A guard that does what it is told, at whatever stage, whole and streamed, synchronous or not."""

    def __init__(self, how: Any, stage: str, on_error: str = "closed") -> None:
        self.name, self.stage, self.on_error = "odd", stage, on_error
        self.how = how

    def __call__(self, text: str) -> Any:
        return self.how(text)

    def stream(self) -> Generator[Any, str | None, None]:
        text = yield None
        while text is not None:
            text = yield self.how(text)
        yield Judgement(Verdict.ALLOW, "")


class OddLater(Odd):
    async def __call__(self, text: str) -> Any:
        return self.how(text)


def raising(text: str) -> Any:
    raise LookupError(f"about {text}")


def exiting(text: str) -> Any:
    sys.exit(f"about {text}")


def blocking_by_raising(text: str) -> Any:
    error = LookupError(f"about {text}")
    error.verdict = Verdict.BLOCK  # type: ignore[attr-defined]
    raise error


HOWS = [raising, lambda text: None, lambda text: text, lambda text: Verdict.ALLOW, lambda text: Judgement("x", 1)]  # type: ignore[arg-type]
STAGES = ["input", "parallel", "stream", "output"]


@pytest.mark.parametrize("kind", [Odd, OddLater])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("policy", ["closed", "open"])
@pytest.mark.parametrize("how", HOWS, ids=["raises", "None", "str", "Verdict", "Judgement"])
@pytest.mark.parametrize("stage", STAGES)
async def test_one_that_fails_follows_its_policy(
    profiler: Profiler, caplog: pytest.LogCaptureFixture, stage: str, how: Any, policy: str, streams: bool, kind: Any
) -> None:
    application = streaming(*chat_stream("private ", "matter")) if streams else saying(start(), body(ANSWER))
    guard = kind(how, stage, policy)
    caller = Caller(asking("private matter", stream=streams))
    await caller.call(guarding(application, profiler, guard))
    assert caller.ended
    if policy == "open":
        assert caller.status == 200
        assert (content_of(caller.body) == "private matter") if streams else (caller.body == ANSWER)
    else:
        assert b"guard_error" in caller.body
        assert b"private" not in caller.body
        assert ADDRESS.encode() not in caller.body
    assert outcomes(profiler) == [Outcome.ALLOWED if policy == "open" else Outcome.ERROR]
    assert "private" not in caplog.text


@pytest.mark.parametrize("thread", [None, True, False])
@pytest.mark.parametrize("stage", STAGES)
async def test_one_that_blocks_by_raising_blocks(profiler: Profiler, stage: str, thread: bool | None) -> None:
    guard = GuardSettings(Odd(blocking_by_raising, stage, "open"), thread=thread)
    application = streaming(*chat_stream("private"))
    caller = await Caller(asking("private", stream=True)).call(guarding(application, profiler, guard))
    assert caller.events[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert b"private" not in caller.body
    said = [Outcome.BLOCKED_OUTPUT if stage in ("stream", "output") else Outcome.BLOCKED_INPUT]
    assert outcomes(profiler) == said


async def test_one_that_wants_to_end_the_server_only_fails(profiler: Profiler) -> None:
    caller = await Caller(asking("private")).call(guarding(saying(), profiler, Odd(exiting, "input")))
    assert caller.document["error"]["code"] == "guard_error"
    assert outcomes(profiler) == [Outcome.ERROR]


async def test_one_that_is_cancelled_from_within_only_fails(profiler: Profiler) -> None:
    def cancelling(text: str) -> Any:
        raise asyncio.CancelledError

    caller = await Caller(asking("private")).call(guarding(saying(), profiler, OddLater(cancelling, "input")))
    assert caller.document["error"]["code"] == "guard_error"


async def test_one_beside_the_model_cannot_change_what_the_model_has(profiler: Profiler) -> None:
    guard = FunctionGuard(str.upper, name="upper", stage="parallel")
    caller = await Caller(asking("hello")).call(guarding(saying(start(), body(ANSWER)), profiler, guard))
    assert caller.document["error"]["code"] == "guard_error"


async def test_one_that_fails_open_in_mid_stream_gives_back_what_it_held(profiler: Profiler) -> None:
    class Holding(Odd):
        def stream(self) -> Generator[Any, str | None, None]:
            text = yield None
            yield Judgement(Verdict.ALLOW, text[:2], held=len(text.encode()) - 2)  # type: ignore[index,union-attr]
            raise LookupError

    guard = Holding(None, "stream", "open")
    application = streaming(*chat_stream("schöne", " Worte", " hier"))
    caller = await Caller(asking("hello", stream=True)).call(
        guarding(application, profiler, guard, PII(stage="stream"))
    )
    assert content_of(caller.body) == "schöne Worte hier"
    assert outcomes(profiler) == [Outcome.ALLOWED]


@pytest.mark.parametrize("policy", ["closed", "open"])
async def test_a_stream_that_goes_on_after_its_end_has_failed(profiler: Profiler, policy: Any) -> None:
    class Endless(Odd):
        def stream(self) -> Generator[Any, str | None, None]:
            text: str | None = ""
            while True:
                text = yield Judgement(Verdict.ALLOW, text or "")

    guard = Endless(None, "stream", policy)
    application = streaming(*chat_stream("some ", "words"))
    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler, guard))
    assert content_of(caller.body) == "some words"
    assert (b"guard_error" in caller.body) == (policy == "closed")


@pytest.fixture
async def hang() -> AsyncIterator[Any]:
    released = threading.Event()

    def hanging(text: str) -> Any:
        released.wait(30)
        return Judgement(Verdict.ALLOW, text)

    yield hanging
    released.set()


@pytest.mark.parametrize("policy", ["closed", "open"])
@pytest.mark.parametrize("stage", STAGES)
async def test_one_that_hangs_times_out(profiler: Profiler, hang: Any, stage: str, policy: str) -> None:
    guard = GuardSettings(Odd(hang, stage, policy), timeout_seconds=0.05)
    application = streaming(*chat_stream("fine"))
    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler, guard))
    closed = policy == "closed" or stage == "stream"  # what a stream holds cannot be told apart
    assert (b"guard_timeout" in caller.body) == closed
    assert content_of(caller.body) == ("" if closed else "fine")
    profiler.drain()
    (trace,) = profiler.traces()
    assert trace.outcome is (Outcome.TIMEOUT if closed else Outcome.ALLOWED)
    assert Verdict.TIMEOUT in [span.verdict for span in trace.spans if span.layer.name == "odd"]
    assert not any(profiler.in_progress().values())


async def test_the_event_loop_goes_on_while_guards_hang(profiler: Profiler, hang: Any) -> None:
    guards = [GuardSettings(Odd(hang, "input"), timeout_seconds=0.3)]
    middleware = guarding(saying(start(), body(ANSWER)), profiler, *guards, threads=2)
    begun = time.perf_counter()
    callers = [Caller(asking("hello")) for _ in range(20)]
    tasks = [asyncio.create_task(caller.call(middleware)) for caller in callers]
    turns = 0
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10
    assert time.perf_counter() - begun < 5
    assert [caller.document["error"]["code"] for caller in callers] == ["guard_timeout"] * 20
    # Two are lost to the hanging calls; nobody waits in line any more, and the next one is refused in time.
    assert not middleware._threads._waiting
    assert middleware._threads._threads == 2
    caller = await Caller(asking("hello")).call(middleware)
    assert caller.document["error"]["code"] == "guard_timeout"
    assert outcomes(profiler) == [Outcome.TIMEOUT] * 21


@pytest.mark.parametrize("where", ["prompt", "answer", "stream"])
async def test_long_texts_are_read_on_a_thread(profiler: Profiler, where: str) -> None:
    long = "word " * 8000 + ADDRESS
    guard = PII(stage="input" if where == "prompt" else "stream")
    asked: list[Any] = []
    answer = json.dumps(chat_answer(long)).encode()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(json.loads((await receive())["body"]))
        pieces = chat_stream(long)
        if where == "stream":
            await streaming(*pieces)(scope, _nothing, send)
        else:
            await saying(start(), body(answer))(scope, _nothing, send)

    caller = await Caller(asking(long, stream=where == "stream")).call(guarding(application, profiler, guard))
    text = {
        "prompt": lambda: asked[0]["messages"][0]["content"],
        "answer": lambda: caller.document["choices"][0]["message"]["content"],
        "stream": lambda: content_of(caller.body),
    }[where]()
    assert text == "word " * 8000 + "[email]"
    (trace,) = profiler.traces()
    strands = {span.strand for span in trace.spans if span.layer.name == "pii"}
    if where == "stream":
        assert threading.get_ident() not in strands or len(strands) > 1
    assert any(each.name.startswith("aligntax-guard") for each in threading.enumerate())
    assert outcomes(profiler) == [Outcome.MODIFIED]


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


# -- threads ---------------------------------------------------------------------------------------------------------


async def test_threads_hand_results_and_errors_back() -> None:
    before = guard_threads()
    threads = GuardThreads(2)
    assert await threads.run(str.upper, "text") == "TEXT"
    with pytest.raises(ValueError, match="no number"):
        await threads.run(_no_number, "text")
    assert await asyncio.gather(*(threads.run(str.upper, str(number)) for number in range(50))) == [
        str(number) for number in range(50)
    ]
    threads.close()
    assert await threads.run(str.upper, "again") == "AGAIN"
    mine = [each for each in guard_threads() if each not in before]
    assert 1 <= len(mine) <= 3
    threads.close()
    threads.close()
    for each in mine:
        each.join(5)
        assert not each.is_alive()


def _no_number(text: str) -> None:
    raise ValueError("no number")


async def test_a_call_that_is_given_up_while_it_waits_is_never_made() -> None:
    threads = GuardThreads(1)
    released = threading.Event()
    made = []
    first = asyncio.create_task(threads.run(lambda _: released.wait(30), None))
    await asyncio.sleep(0)
    second = asyncio.create_task(threads.run(made.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    released.set()
    assert await first is True
    assert await threads.run(len, "third") == 5
    assert made == []
    threads.close()


async def test_threads_without_work_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.serving.threads.IDLE_SECONDS", 0.01)
    before = guard_threads()
    threads = GuardThreads(2)
    for _ in range(3):
        assert await threads.run(len, "text") == 4
        for each in [each for each in guard_threads() if each not in before]:
            each.join(5)
        assert threads._threads == threads._idle == 0


def test_threads_outlive_an_event_loop() -> None:
    threads = GuardThreads(1)
    released = threading.Event()

    async def leave() -> None:
        async with asyncio.timeout(0.01):
            await threads.run(lambda _: released.wait(30), None)

    with pytest.raises(TimeoutError):
        asyncio.run(leave())
    released.set()
    assert asyncio.run(threads.run(len, "text")) == 4
    threads.close()


def test_a_process_ends_though_a_guard_hangs(tmp_path: Any) -> None:
    import subprocess

    script = tmp_path / "hanging.py"
    script.write_text(
        "import asyncio, threading\n"
        "from aligntax.serving.threads import GuardThreads\n"
        "async def main():\n"
        "    try:\n"
        "        async with asyncio.timeout(0.05):\n"
        "            await GuardThreads(1).run(lambda _: threading.Event().wait(), None)\n"
        "    except TimeoutError:\n"
        "        print('timed out')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "timed out\n"


def test_a_stage_for_streams_needs_streams(profiler: Profiler) -> None:
    class Whole:
        name, stage = "whole", "stream"

        def __call__(self, text: str) -> Judgement:
            return Judgement(Verdict.ALLOW, text)

    with pytest.raises(ValueError, match=re.escape("generator method stream()")):
        guarding(saying(), profiler, Whole())


def test_a_guard_cannot_be_called_as_the_model_is(profiler: Profiler) -> None:
    with pytest.raises(ValueError, match="'llama' is called as a model"):
        guarding(saying(), profiler, PII(name="llama"), model="llama")
