"""The middleware around an application that answers what it is told to."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from tests.serving.calling import CHAT
from tests.serving.upstream import (
    Upstream,
    asking,
    chat_stream,
    client_of,
)

from aligntax import Profiler, Verdict
from aligntax.guards import PII, Blocklist, FunctionGuard, Judgement
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome


def outcomes(profiler: Profiler) -> list[Outcome]:
    profiler.drain()
    return [trace.outcome for trace in profiler.traces()]


def layers(profiler: Profiler) -> list[list[str]]:
    """Return the layers of each request, in the order of their first runs."""
    return [
        list(dict.fromkeys(span.layer.name for span in sorted(trace.spans, key=lambda span: span.start_ns)))
        for trace in profiler.traces()
    ]


def verdicts(profiler: Profiler, name: str) -> list[Verdict | None]:
    return [span.verdict for trace in profiler.traces() for span in trace.spans if span.layer.name == name]


# -- without guards --------------------------------------------------------------------------------------------------


async def test_without_guards_nothing_is_changed_and_the_application_is_the_model(
    upstream: Upstream, profiler: Profiler
) -> None:
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, model="tiny")) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
        other = await client.post("/other", json={"messages": []})
    assert answer.json() == upstream.answer
    assert streamed.content == b"".join(upstream.stream)
    assert other.status_code == 200
    assert outcomes(profiler) == [Outcome.ALLOWED, Outcome.ALLOWED]
    assert layers(profiler) == [["tiny"], ["tiny"]]
    trace = profiler.traces()[0]
    assert trace.model == "tiny"
    assert trace.start_ns <= trace.spans[0].start_ns <= trace.spans[0].end_ns <= trace.end_ns


async def test_a_model_that_the_application_marks_is_the_only_one(upstream: Upstream, profiler: Profiler) -> None:
    model = profiler.model(lambda text: text.upper(), name="net")
    check = profiler.guard(lambda text: text, name="own-check")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        check(model("x"))
        await upstream.application(scope, receive, send)

    async with client_of(TaxMiddleware(application, profiler=profiler)) as client:
        await client.post(CHAT, json=asking("hello"))
    assert outcomes(profiler) == [Outcome.ALLOWED]
    assert layers(profiler) == [["net", "own-check"]]
    assert all(span.parent is None for span in profiler.traces()[0].spans)


async def test_guards_of_the_application_are_part_of_the_model_that_it_does_not_mark(
    upstream: Upstream, profiler: Profiler
) -> None:
    check = profiler.guard(lambda text: text, name="own-check")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        check("x")
        await upstream.application(scope, receive, send)

    async with client_of(TaxMiddleware(application, profiler=profiler)) as client:
        await client.post(CHAT, json=asking("hello"))
    profiler.drain()
    (trace,) = profiler.traces()
    by_name = {span.layer.name: span for span in trace.spans}
    assert by_name["own-check"].parent == trace.spans.index(by_name["app"])


@pytest.mark.parametrize(
    ("status", "counted"), [(200, [Outcome.ALLOWED]), (401, []), (422, []), (503, [Outcome.ERROR])]
)
@pytest.mark.parametrize("guards", [[], [PII()]], ids=["watched", "guarded"])
async def test_rejected_requests_are_no_model_requests(
    upstream: Upstream, profiler: Profiler, status: int, counted: list[Outcome], guards: list[Any]
) -> None:
    upstream.status = status
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=guards)) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert (answer.status_code, answer.json()) == (status, upstream.answer)
    assert outcomes(profiler) == counted
    assert not profiler.in_progress() or not any(profiler.in_progress().values())


async def test_an_application_that_raises_is_an_error_and_raises(profiler: Profiler) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("broken")

    for guards in ([], [PII(name="again")]):
        async with client_of(TaxMiddleware(application, profiler=profiler, guards=guards)) as client:
            with pytest.raises(LookupError):
                await client.post(CHAT, json=asking("hello"))
    assert outcomes(profiler) == [Outcome.ERROR, Outcome.ERROR]


# -- guards on prompts -----------------------------------------------------------------------------------------------


async def test_an_input_guard_changes_what_the_application_is_asked(upstream: Upstream, profiler: Profiler) -> None:
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[PII()])) as client:
        answer = await client.post(CHAT, json=asking("write to jo@example.com, schön"))
    assert upstream.asked[0]["messages"][0]["content"] == "write to [email], schön"
    assert answer.json() == upstream.answer
    assert outcomes(profiler) == [Outcome.MODIFIED]
    assert layers(profiler) == [["pii", "app"]]


async def test_a_blocked_prompt_never_reaches_the_application(upstream: Upstream, profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("a forbidden word"))
        streamed = await client.post(CHAT, json=asking("a forbidden word", stream=True))
    assert upstream.asked == []
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT] * 2


async def test_a_block_can_be_an_error(upstream: Upstream, profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block")
    middleware = TaxMiddleware(
        upstream.application, profiler=profiler, guards=[guard], on_block="error", block_message="Not here."
    )
    async with client_of(middleware) as client:
        answer = await client.post(CHAT, json=asking("a forbidden word"))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Not here."
    assert answer.json()["error"]["code"] == "content_filter"


@pytest.mark.parametrize("order", ["series", "parallel"])
async def test_several_guards_all_change_a_prompt(upstream: Upstream, profiler: Profiler, order: str) -> None:
    guards = [
        PII(),
        Blocklist(["secretproject"], on_hit="redact", replacement="[x]"),
        FunctionGuard(str.title, name="title"),
    ]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=guards, order={"input": order})
    async with client_of(middleware) as client:
        await client.post(CHAT, json=asking("jo@example.com on secretproject"))
    assert upstream.asked[0]["messages"][0]["content"] == "[Email] On [X]"


async def test_a_parallel_guard_that_blocks_cancels_the_model(upstream: Upstream, profiler: Profiler) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def ask(text: str) -> Judgement:
        await begun.wait()
        return Judgement(Verdict.BLOCK, "")

    class Slow:
        name, stage, on_error = "slow", "parallel", "closed"

        async def __call__(self, text: str) -> Judgement:
            return await ask(text)

    async with client_of(TaxMiddleware(application, profiler=profiler, guards=[Slow()])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.json()["choices"][0]["finish_reason"] == "content_filter"
    assert cancelled.is_set()
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT]
    assert profiler.ledger.discarded_ns.sum() > 0


async def test_nothing_is_sent_before_the_parallel_guards_have_decided(profiler: Profiler) -> None:
    answering = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        answering.set()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for piece in chat_stream("fine"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    class Slow:
        name, stage, on_error = "slow", "parallel", "closed"

        async def __call__(self, text: str) -> Judgement:
            await answering.wait()
            for _ in range(20):  # the application waits meanwhile, with what it has to send
                await asyncio.sleep(0)
            return Judgement(Verdict.BLOCK, "")

    async with client_of(TaxMiddleware(application, profiler=profiler, guards=[Slow()])) as client:
        answer = await client.post(CHAT, json=asking("hello", stream=True))
    assert b"fine" not in answer.content
    assert b"content_filter" in answer.content
    assert outcomes(profiler) == [Outcome.BLOCKED_INPUT]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b"[1]", {}, 400, "invalid_json"),
        (b'{"messages": [], "messages": [{"role": "user", "content": "twice"}]}', {}, 400, "invalid_json"),
        (b"[" * 100_000, {}, 400, "invalid_json"),
        (b"\xff{}", {}, 400, "invalid_json"),
        (b"{}", {"content-encoding": "gzip"}, 415, "unsupported_encoding"),
        (json.dumps(asking("x" * 3000)).encode(), {}, 413, "body_too_large"),
        (b'{"prompt": [1, 2, 3]}', {}, 400, "unreadable_prompt"),
    ],
)
async def test_what_guards_cannot_read_is_refused(
    upstream: Upstream, profiler: Profiler, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=[PII()], max_body_bytes=2000)
    path = "/v1/completions" if code == "unreadable_prompt" else CHAT
    if code == "invalid_json" and len(body) > 2000:
        body = body[:2000]
    async with client_of(middleware) as client:
        answer = await client.post(path, content=body, headers={"content-type": "application/json", **headers})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert upstream.asked == []
    assert outcomes(profiler) == []


# -- guards that fail ------------------------------------------------------------------------------------------------


def failing(text: str) -> str:
    raise LookupError(f"about {text}")


@pytest.mark.parametrize("thread", [False, True])
async def test_a_guard_that_fails_closed_refuses_without_quoting(
    upstream: Upstream, profiler: Profiler, thread: bool
) -> None:
    from aligntax.serving.settings import GuardSettings

    guard = GuardSettings(FunctionGuard(failing, name="fails"), thread=thread)
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("private matter"))
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "guard_error"
    assert "private" not in answer.text
    assert upstream.asked == []
    assert outcomes(profiler) == [Outcome.ERROR]
    assert verdicts(profiler, "fails") == [Verdict.ERROR]


async def test_a_guard_that_fails_open_lets_pass(upstream: Upstream, profiler: Profiler) -> None:
    guard = FunctionGuard(failing, name="fails", on_error="open")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.json() == upstream.answer
    assert verdicts(profiler, "fails") == [Verdict.ERROR]


@pytest.mark.parametrize(("policy", "status"), [("closed", 504), ("open", 200)])
async def test_a_guard_that_hangs_times_out(upstream: Upstream, profiler: Profiler, policy: Any, status: int) -> None:
    released = asyncio.get_running_loop().create_future()

    def hang(text: str) -> str:
        while not released.done():
            time.sleep(0.001)
        return text

    from aligntax.serving.settings import GuardSettings

    guard = GuardSettings(FunctionGuard(hang, name="hangs", on_error=policy), timeout_seconds=0.05)
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        released.set_result(None)
    assert answer.status_code == status
    profiler.drain()
    assert verdicts(profiler, "hangs") == [Verdict.TIMEOUT]


@pytest.mark.parametrize("nonsense", [None, 7, "text", Verdict.ALLOW, (1, 2)])
async def test_a_guard_that_returns_nonsense_fails(upstream: Upstream, profiler: Profiler, nonsense: Any) -> None:
    class Odd:
        name, stage = "odd", "input"

        def __call__(self, text: str) -> Any:
            return nonsense

    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[Odd()])) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert answer.status_code == 500
    assert upstream.asked == []
