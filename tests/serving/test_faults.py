"""Applications and guards that do what they should not."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller, body, saying, start, streaming
from tests.serving.upstream import asking, chat_answer, chat_chunk, chat_stream, content_of, frames

from aligntax import Profiler, Verdict
from aligntax.guards import PII, Blocklist, FunctionGuard, Judgement
from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.settings import GuardSettings
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Outcome

ADDRESS = "jo@example.com"
ANSWER = json.dumps(chat_answer(f"write to {ADDRESS}")).encode()


_open: list[TaxMiddleware] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def guarding(application: Any, profiler: Profiler, *guards: Any, **settings: Any) -> TaxMiddleware:
    guards = guards or (PII(stage="stream"),)
    _open.append(TaxMiddleware(application, profiler=profiler, guards=guards, **settings))
    return _open[-1]


def guard_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("aligntax-guard")]


def outcomes(profiler: Profiler) -> list[Outcome]:
    profiler.drain()
    assert not any(profiler.in_progress().values())
    assert profiler.report().to_dict()["self"]["dropped_by_reason"] == {}
    return [trace.outcome for trace in profiler.traces()]


# -- applications ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("sent", [0, 1, 2, 3])
async def test_one_that_raises_is_an_error_wherever_it_was(profiler: Profiler, guarded: bool, sent: int) -> None:
    messages = [start("text/event-stream"), *(body(each, more=True) for each in chat_stream("fine"))]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await saying(*messages[:sent])(scope, receive, send)
        raise LookupError("broken")

    caller = Caller(asking("hello", stream=True))
    middleware = guarding(application, profiler) if guarded else TaxMiddleware(application, profiler=profiler)
    with pytest.raises(LookupError):
        await caller.call(middleware)
    assert len(caller.messages) == sent
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("messages", [(), (start(),), (start(), body(b"{", more=True))], ids=len)
async def test_one_that_returns_without_an_answer_is_an_error(profiler: Profiler, guarded: bool, messages: Any) -> None:
    caller = Caller(asking("hello"))
    application = saying(*messages)
    await caller.call(guarding(application, profiler) if guarded else TaxMiddleware(application, profiler=profiler))
    assert not caller.ended
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([body(ANSWER)], "before the start"),
        ([start(), start(), body(ANSWER)], "twice"),
        ([start(), body(b"{}"), body(ANSWER)], "after the end"),
        ([start("text/event-stream"), body(frames({"choices": []})[0]), body(ANSWER)], "after the end"),
    ],
)
async def test_what_asgi_does_not_have_is_refused_and_never_sent(profiler: Profiler, messages: Any, named: str) -> None:
    caller = Caller(asking("hello"))
    with pytest.raises(RuntimeError, match=named):
        await caller.call(guarding(saying(*messages), profiler))
    assert ADDRESS.encode() not in caller.body


@pytest.mark.parametrize("stage", ["stream", "output"])
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([start(), body(b"{broken")], id="no JSON"),
        pytest.param([start(), body(b"[1]")], id="no object"),
        pytest.param([start(), body(b"\xff" + ANSWER)], id="no UTF-8"),
        pytest.param([start(), body(b"[" * 100_000)], id="deep"),
        pytest.param([start("text/plain"), body(ANSWER)], id="text"),
        pytest.param([start("application/octet-stream"), body(ANSWER)], id="bytes"),
        pytest.param([{**start(), "headers": []}, body(ANSWER)], id="no type"),
        pytest.param(
            [start("application/json", 200, (b"content-encoding", b"gzip")), body(gzip.compress(ANSWER))], id="gzip"
        ),
        pytest.param([start(), {"type": "http.response.pathsend", "path": "/etc/hostname"}], id="pathsend"),
        pytest.param([start(), {"type": "http.response.zerocopysend", "file": 3}], id="zerocopysend"),
        pytest.param([start(), {"type": "http.response.anything"}], id="unknown"),
    ],
)
async def test_an_answer_that_guards_cannot_read_goes_nowhere(profiler: Profiler, stage: Any, messages: Any) -> None:
    caller = await Caller(asking("hello")).call(guarding(saying(*messages), profiler, PII(stage=stage)))
    assert (caller.status, caller.document["error"]["code"]) == (502, "unreadable_answer")
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize("status", [204, 205, 302, 304, 404, 503])
async def test_an_answer_without_a_text_passes(profiler: Profiler, status: int) -> None:
    messages = [start("text/plain", status), body(b"")]
    caller = await Caller(asking("hello")).call(guarding(saying(*messages), profiler))
    assert caller.messages == messages


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_pass_untouched(profiler: Profiler, method: str) -> None:
    extensions: dict[str, Any] = {"http.response.pathsend": {}}
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await saying(start(), body(b"{broken"))(scope, receive, send)

    caller = await Caller(b"", method=method, extensions=extensions).call(guarding(application, profiler))
    assert seen == [caller.scope]
    assert caller.body == b"{broken"
    assert outcomes(profiler) == []


async def test_ways_past_the_guards_are_not_offered(profiler: Profiler) -> None:
    seen: list[Any] = []
    offered = ["pathsend", "zerocopysend", "trailers", "early_hint"]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        hint = {"type": "http.response.early_hint", "links": [b"</style.css>"]}
        trailers = {
            "type": "http.response.trailers",
            "headers": [(b"x-text", ADDRESS.encode())],
            "more_trailers": False,
        }
        await send(hint)
        await saying({**start(), "trailers": True}, body(ANSWER), trailers)(scope, receive, send)

    early = []

    async def on_send(message: Any) -> None:
        early.append(message["type"])

    caller = Caller(
        asking("hello"),
        headers=[(b"accept-encoding", b"gzip")],
        extensions={f"http.response.{name}": {} for name in offered},
        on_send=on_send,
    )
    caller.send = _without_hints(caller.send)  # type: ignore[method-assign]
    await caller.call(guarding(application, profiler))
    assert seen[0]["extensions"] == {"http.response.early_hint": {}}
    assert dict(seen[0]["headers"])[b"accept-encoding"] == b"identity"
    assert [message["type"] for message in caller.messages] == ["http.response.start", "http.response.body"]
    assert caller.messages[0]["trailers"] is False
    assert caller.document["choices"][0]["message"]["content"] == "write to [email]"


def _without_hints(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] != "http.response.early_hint":
            await send(message)

    return sending


async def test_trailers_and_files_pass_where_no_guard_reads_the_answer(profiler: Profiler) -> None:
    messages = [start(), {"type": "http.response.pathsend", "path": "/nowhere"}]
    caller = await Caller(asking("hello")).call(guarding(saying(*messages), profiler, PII(stage="input")))
    assert caller.messages == messages
    watched = await Caller(asking("hello")).call(TaxMiddleware(saying(*messages), profiler=profiler))
    assert watched.messages == messages
    assert outcomes(profiler) == [Outcome.ALLOWED] * 2


# -- streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["stream", "output"])
async def test_a_stream_may_be_cut_at_every_byte(profiler: Profiler, stage: Any) -> None:
    whole = b"".join([b": ping\r\n\r\n", *chat_stream("write to j", "o@exam", "ple.com", ". Bye")])
    at = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await streaming(whole[:at], whole[at:])(scope, receive, send)

    middleware = guarding(application, profiler, PII(stage=stage))
    for at in range(1, len(whole)):
        caller = await Caller(asking("hello", stream=True)).call(middleware)
        assert content_of(caller.body) == "write to [email]. Bye", at
        assert caller.body.endswith(b"data: [DONE]\n\n")


async def test_every_byte_may_come_alone(profiler: Profiler) -> None:
    whole = b"".join(chat_stream("write to j", "o@exam", "ple.com", ". Bye"))
    application = streaming(*(whole[at : at + 1] for at in range(len(whole))))
    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler))
    assert content_of(caller.body) == "write to [email]. Bye"


async def test_an_error_object_in_mid_stream_goes_on(profiler: Profiler) -> None:
    error = frames({"error": {"message": "out of memory", "type": "server_error", "code": None}})
    application = streaming(*chat_stream("so ")[:2], *error)
    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler))
    assert caller.events[-1]["error"]["message"] == "out of memory"
    assert content_of(caller.body[: caller.body.index(b'data: {"error"')]) == "so "


async def test_good_events_before_a_bad_one_in_the_same_bytes_go_on(profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block", stage="stream")
    coalesced = b"".join(chat_stream("good ", "forbidden ", "more"))
    caller = await Caller(asking("hello", stream=True)).call(guarding(streaming(coalesced), profiler, guard))
    assert content_of(caller.body) == "good "
    assert caller.events[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert outcomes(profiler) == [Outcome.BLOCKED_OUTPUT]


@pytest.mark.parametrize("stage", ["stream", "output"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"data: {broken\n\n", id="no JSON"),
        pytest.param(b"data: \xff\xfe\n\n", id="no UTF-8"),
        pytest.param(b"data: " + b"[" * 1500 + b"\n\n", id="deep"),
        pytest.param(b'data: "text"\n\n', id="no object"),
    ],
)
async def test_a_broken_event_ends_the_stream(profiler: Profiler, stage: Any, bad: bytes) -> None:
    application = streaming(*chat_stream("fine")[:2], bad, *chat_stream("after"))
    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler, PII(stage=stage)))
    assert b"after" not in caller.body
    assert b"unreadable_answer" in caller.body
    assert caller.ended
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize("piece_bytes", [2**16, 2**20])
async def test_a_hundred_megabytes_without_a_line_end_are_refused_early(profiler: Profiler, piece_bytes: int) -> None:
    taken = 0
    piece = b"x" * piece_bytes

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal taken
        await send(start("text/event-stream"))
        for _ in range(100 * 2**20 // piece_bytes):
            taken += piece_bytes
            await send(body(piece, more=True))

    caller = await Caller(asking("hello", stream=True)).call(guarding(application, profiler))
    assert taken <= 2 * 2**20 + piece_bytes
    assert b"unreadable_answer" in caller.body
    assert outcomes(profiler) == [Outcome.ERROR]


async def test_an_application_that_hears_nothing_does_not_keep_the_client_waiting(profiler: Profiler) -> None:
    """It goes on for long after its answer was ended, and swallows every error."""
    told, over = asyncio.Event(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(start("text/event-stream"))
        for piece in chat_stream("forbidden ", "more"):
            try:
                await send(body(piece, more=True))
            except OSError:
                assert (await receive())["type"] == "http.disconnect"
        await over.wait()

    async def on_send(message: Any) -> None:
        if b"content_filter" in message.get("body", b""):
            told.set()

    guard = Blocklist(["forbidden"], on_hit="block", stage="stream")
    caller = Caller(asking("hello", stream=True), on_send=on_send)
    calling = asyncio.create_task(caller.call(guarding(application, profiler, guard)))
    await asyncio.wait_for(told.wait(), 5)
    assert not calling.done()
    assert not any(profiler.in_progress().values())
    over.set()
    await calling
    assert outcomes(profiler) == [Outcome.BLOCKED_OUTPUT]


async def test_an_application_that_is_blocked_at_its_end_need_not_know(profiler: Profiler) -> None:
    after = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await saying(start(), body(ANSWER))(scope, receive, send)
        after.append("background task")

    guard = Blocklist([ADDRESS], on_hit="block", stage="output")
    caller = await Caller(asking("hello")).call(guarding(application, profiler, guard))
    assert caller.document["choices"][0]["finish_reason"] == "content_filter"
    assert after == ["background task"]


@pytest.mark.parametrize("guarded", [False, True])
async def test_what_goes_on_behind_an_answer_is_not_the_requests(profiler: Profiler, guarded: bool) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await saying(start(), body(ANSWER))(scope, receive, send)
        await asyncio.sleep(0.05)
        raise LookupError("in the background")

    guards = [PII()] if guarded else []
    with pytest.raises(LookupError):
        await Caller(asking("hello")).call(TaxMiddleware(application, profiler=profiler, guards=guards))
    (trace,) = profiler.traces()
    assert trace.duration_ns < 40_000_000
    assert all(span.end_ns <= trace.end_ns for span in trace.spans)
    assert outcomes(profiler) == [Outcome.ALLOWED]


# -- texts -----------------------------------------------------------------------------------------------------------


async def test_half_a_surrogate_pair_stays_json(profiler: Profiler) -> None:
    asked = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(json.loads((await receive())["body"].decode("utf-8")))
        await send(start())
        await send(body(b'{"choices": [{"index": 0, "message": {"content": "\\ud83d jo@example.com"}}]}'))

    prompt = b'{"messages": [{"role": "user", "content": "\\ud83d jo@example.com"}]}'
    guards = [PII(), PII(name="again", stage="output")]
    caller = await Caller(prompt).call(guarding(application, profiler, *guards))
    assert asked[0]["messages"][0]["content"] == "\ud83d [email]"
    assert json.loads(caller.body.decode("utf-8"))["choices"][0]["message"]["content"] == "\ud83d [email]"


async def test_no_length_of_a_body_is_believed(profiler: Profiler) -> None:
    headers = [(b"content-length", b"9" * 5000)]
    caller = await Caller(asking("hello"), headers=headers).call(guarding(saying(), profiler, PII()))
    assert caller.document["error"]["code"] == "body_too_large"
    caller = await Caller([b"x" * 600, b"x" * 600], headers=[(b"content-length", b"4")]).call(
        guarding(saying(), profiler, PII(name="other"), max_body_bytes=1000)
    )
    assert caller.status == 413


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


async def test_an_unmarked_chat_path_is_what_it_seems(profiler: Profiler) -> None:
    caller = await Caller(asking(ADDRESS), path=f"//v1/../v1{CHAT[3:]}/").call(
        guarding(saying(start(), body(ANSWER)), profiler, Blocklist([ADDRESS], on_hit="block"))
    )
    assert caller.document["choices"][0]["finish_reason"] == "content_filter"


async def test_a_choice_is_cut_with_the_others(profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block", stage="stream")
    pieces = frames(
        chat_chunk({"role": "assistant", "content": "one "}),
        chat_chunk({"role": "assistant", "content": "two "}, index=1),
        chat_chunk({"content": "forbidden "}, index=1),
        chat_chunk({"content": "more"}),
    )
    caller = await Caller(asking("hello", stream=True, n=2)).call(guarding(streaming(*pieces), profiler, guard))
    last = caller.events[-1]["choices"]
    assert [(choice["index"], choice["finish_reason"]) for choice in last] == [
        (0, "content_filter"),
        (1, "content_filter"),
    ]
    assert content_of(caller.body) == "one two "
