"""Requests that come in the context of another one: they are requests of their own, guarded and counted as such."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import httpx
import pytest
from tests.serving.calling import CHAT, running
from tests.serving.guarded import outcomes
from tests.serving.upstream import asking, chat_answer

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

INNER = "/inner"
WATCHED_AND_GUARDED = pytest.mark.parametrize("guarded", [False, True], ids=["watched", "guarded"])


@asynccontextmanager
async def behind(profiler: Profiler, guarded: bool, app: fastapi.FastAPI) -> AsyncIterator[str]:
    """Serve an application behind the middleware, with guards or without; it finds itself in its state."""
    guards = [Blocklist(["forbidden"], on_hit="block"), PII(stage="output")] if guarded else []
    app.state.itself = TaxMiddleware(app, profiler=profiler, guards=guards, routes={INNER: "chat"})
    async with running(app.state.itself) as url:
        yield url


@WATCHED_AND_GUARDED
@pytest.mark.parametrize("in_a_task", [False, True], ids=["in its task", "in another task"])
async def test_an_application_may_ask_itself(profiler: Profiler, guarded: bool, in_a_task: bool) -> None:
    app = fastapi.FastAPI()
    net = profiler.model(lambda text: text, name="net")

    @app.post(INNER)
    async def inner(asked: dict[str, Any]) -> Any:
        return chat_answer(net(f"{asked['messages'][0]['content']}, jo@example.com"))

    @app.post(CHAT)
    async def outer(asked: dict[str, Any]) -> Any:
        net("before")
        transport = httpx.ASGITransport(app.state.itself)
        async with httpx.AsyncClient(transport=transport, base_url="http://itself") as client:
            asking_it = client.post(INNER, json=asking(asked["inside"]))
            answer = await (asyncio.create_task(asking_it) if in_a_task else asking_it)
        net("after")
        message = answer.json()["choices"][0]["message"]
        return chat_answer(message["content"] or message["refusal"])

    said = []
    async with behind(profiler, guarded, app) as url, httpx.AsyncClient(base_url=url) as client:
        for inside in ("fine", "forbidden"):
            answer = await client.post(CHAT, json=asking("hello", inside=inside))
            assert answer.status_code == 200, answer.text
            said.append(answer.json()["choices"][0]["message"]["content"])
    found = outcomes(profiler)
    calls = [[span.layer.name for span in trace.spans].count("net") for trace in profiler.traces()]
    if guarded:
        assert said == ["fine, [email]", "This request was blocked by a safety guard."]
        assert found == [Outcome.MODIFIED, Outcome.ALLOWED, Outcome.BLOCKED_INPUT, Outcome.ALLOWED]
        assert calls == [1, 2, 0, 2]
    else:
        assert said == ["fine, jo@example.com", "forbidden, jo@example.com"]
        assert found == [Outcome.ALLOWED] * 4
        assert calls == [1, 2, 1, 2]


@WATCHED_AND_GUARDED
async def test_a_client_need_not_wait_for_an_answer_to_ask_again(profiler: Profiler, guarded: bool) -> None:
    """Servers start such a request while the one before it is still in its background tasks, and in its context."""
    app = fastapi.FastAPI()
    rest = asyncio.Event()

    @app.post(CHAT)
    async def chat(asked: dict[str, Any], tasks: fastapi.BackgroundTasks) -> Any:
        if asked["messages"][0]["content"] == "first":
            tasks.add_task(rest.wait)
        return chat_answer("write to jo@example.com")

    def request(content: str) -> bytes:
        body = json.dumps(asking(content)).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        return head.encode() + b"\r\n\r\n" + body

    async with behind(profiler, guarded, app) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request("first") + request("second") + request("forbidden"))
        answers = []
        async with asyncio.timeout(30):
            for _ in range(3):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                assert head.startswith(b"http/1.1 200")
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                answers.append(json.loads(await reader.readexactly(length))["choices"][0]["message"]["content"])
        rest.set()
        writer.close()
        await writer.wait_closed()
    if guarded:
        assert answers == ["write to [email]", "write to [email]", None]
        assert sorted(outcomes(profiler)) == [Outcome.BLOCKED_INPUT, Outcome.MODIFIED, Outcome.MODIFIED]
    else:
        assert answers == ["write to jo@example.com"] * 3
        assert outcomes(profiler) == [Outcome.ALLOWED] * 3
