"""Applications that do what they should not."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller, body, saying, start, streaming
from tests.serving.guarded import ADDRESS, ANSWER, guarding, outcomes
from tests.serving.upstream import asking, chat_chunk, chat_stream, content_of, frames

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

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

    # To GET chats is to ask for those that were kept, which is guarded.
    caller = Caller(b"", "/v1/completions", method=method, extensions=extensions)
    await caller.call(guarding(application, profiler))
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
