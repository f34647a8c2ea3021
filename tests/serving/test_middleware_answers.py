"""The middleware's guards on answers, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.serving.calling import CHAT
from tests.serving.guarded import outcomes
from tests.serving.upstream import (
    Upstream,
    asking,
    chat_answer,
    chat_chunk,
    chat_stream,
    client_of,
    content_of,
    frames,
)

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_an_answer_is_redacted_whole_and_streamed(upstream: Upstream, profiler: Profiler, stage: Any) -> None:
    upstream.answer = chat_answer("write to jo@example.com")
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ".")
    guards = [PII(stage=stage)]
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=guards)) as client:
        answer = await client.post(CHAT, json=asking("hello"))
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert answer.json()["choices"][0]["message"]["content"] == "write to [email]"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert content_of(streamed.content) == "write to [email]."
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert outcomes(profiler) == [Outcome.MODIFIED] * 2


async def test_events_in_which_nothing_changes_stay_what_they_are(upstream: Upstream, profiler: Profiler) -> None:
    usage = {"id": "x", "choices": [], "usage": {"total_tokens": 3}}
    upstream.stream = [b": ping\n\n", *frames(usage), b'data:  {"odd":  1}\r\n\r\n']
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert streamed.content == b"".join(upstream.stream)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_a_stream_may_be_cut_anywhere(upstream: Upstream, profiler: Profiler, cut: int) -> None:
    whole = b"".join(chat_stream("write to j", "o@exam", "ple.com", ". Bye"))
    upstream.stream = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert content_of(streamed.content) == "write to [email]. Bye"


async def test_a_stream_without_an_end_still_gives_what_was_held(upstream: Upstream, profiler: Profiler) -> None:
    upstream.stream = frames(chat_chunk({"content": "write to jo@example.com"}), done=False)
    async with client_of(
        TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage="stream")])
    ) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert content_of(streamed.content) == "write to [email]"


async def test_a_block_in_mid_stream_ends_the_answer_and_the_application(
    upstream: Upstream, profiler: Profiler
) -> None:
    upstream.stream = chat_stream("good ", "forbidden ", *["more "] * 50)
    guard = Blocklist(["forbidden"], on_hit="block", stage="stream")
    async with client_of(TaxMiddleware(upstream.application, profiler=profiler, guards=[guard])) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert "forbidden" not in content_of(streamed.content)
    assert "more" not in content_of(streamed.content)
    assert b'"content_filter"' in streamed.content
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    assert upstream.sent < 10
    assert outcomes(profiler) == [Outcome.BLOCKED_OUTPUT]


@pytest.mark.parametrize("stage", ["output", "stream"])
@pytest.mark.parametrize("body", [b"data: {broken\n\n", b"data: [1]\n\n", b"data: " + b"x" * 5000])
async def test_a_stream_that_guards_cannot_read_goes_nowhere(
    upstream: Upstream, profiler: Profiler, stage: Any, body: bytes
) -> None:
    upstream.stream = [*chat_stream("fine")[:2], body, *chat_stream("after")]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=[PII(stage=stage)], max_event_bytes=2048)
    async with client_of(middleware) as client:
        streamed = await client.post(CHAT, json=asking("hello", stream=True))
    assert b"after" not in streamed.content
    assert b"broken" not in streamed.content
    assert b"unreadable_answer" in streamed.content
    assert outcomes(profiler) == [Outcome.ERROR]


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_an_answer_that_is_too_large_goes_nowhere(upstream: Upstream, profiler: Profiler, stage: Any) -> None:
    upstream.answer = chat_answer("word " * 1000)
    middleware = TaxMiddleware(
        upstream.application, profiler=profiler, guards=[PII(stage=stage)], max_answer_bytes=1000
    )
    async with client_of(middleware) as client:
        answer = await client.post(CHAT, json=asking("hello"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unreadable_answer")


async def test_streaming_is_measured_before_and_after_the_guards(upstream: Upstream, profiler: Profiler) -> None:
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ". Bye")
    guards = [PII(stage="stream")]
    middleware = TaxMiddleware(upstream.application, profiler=profiler, guards=guards, model="tiny")
    async with client_of(middleware) as client:
        await client.post(CHAT, json=asking("hello", stream=True))
    profiler.drain()
    ledger = profiler.ledger
    row = ledger.model_row("tiny")
    assert ledger.upstream_first[row].sum() == 1
    assert ledger.first[row].sum() == 1
    assert ledger.upstream_gaps[row].sum() == 3
    assert 1 <= ledger.gaps[row].sum() <= 4
    assert ledger.holds.sum() == 4
    assert ledger.first_ns[row] >= ledger.upstream_first_ns[row]
