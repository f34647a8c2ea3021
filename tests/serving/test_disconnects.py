"""Clients that leave, and clients that are slow, over real connections to a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from tests.serving.calling import CHAT, Caller, body, running, saying, start
from tests.serving.upstream import asking, chat_answer, chat_chunk, frames

from aligntax import Profiler
from aligntax.attribution import attribute
from aligntax.guards import PII
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

GUARDS: list[Callable[[], list[Any]]] = [
    list,
    lambda: [PII(stage="stream")],
    lambda: [PII(), PII(name="out", stage="output")],
]
all_guards = pytest.mark.parametrize("guards", GUARDS, ids=["none", "stream", "whole"])


class Waiting:
    """An application that listens to its client, and waits until it is cancelled or let go on."""

    def __init__(self) -> None:
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()
        self.routes = [Route(CHAT, self.respond, methods=["POST"])]

    async def respond(self, request: Request) -> Any:
        asked = await request.json()
        if asked.get("stream"):
            return StreamingResponse(self.pieces(), media_type="text/event-stream")
        return await self.until_it_leaves(request)

    async def until_it_leaves(self, request: Request) -> Any:
        self.begun.set()
        while not await request.is_disconnected():  # noqa: ASYNC110 (as many applications do)
            await asyncio.sleep(0.005)
        self.cancelled.set()
        return JSONResponse(chat_answer("too late"))

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            yield frames(chat_chunk({"role": "assistant", "content": "word "}))[0]
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


@asynccontextmanager
async def served(profiler: Profiler, application: Any, guards: list[Any]) -> AsyncIterator[tuple[str, int]]:
    middleware = TaxMiddleware(application, profiler=profiler, guards=guards)
    before = asyncio.all_tasks()
    async with running(middleware) as url:
        yield "127.0.0.1", int(url.rpartition(":")[2])
    middleware.close()
    assert asyncio.all_tasks() <= before


def request_of(document: Any, *, sent: float = 1.0) -> bytes:
    content = json.dumps(document).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content[: round(sent * len(content))]


async def until(reached: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0.005)


async def settled(profiler: Profiler) -> list[Outcome]:
    """Return the outcomes once no request is running any more."""
    await until(lambda: not profiler._intake.running)
    profiler.drain()
    assert not any(profiler.in_progress().values())
    return [trace.outcome for trace in profiler.traces()]


@all_guards
async def test_one_that_leaves_before_its_body_is_there(profiler: Profiler, guards: Any) -> None:
    application = Starlette(routes=Waiting().routes)
    async with served(profiler, application, guards()) as address:
        _, writer = await asyncio.open_connection(*address)
        writer.write(request_of(asking("hello" * 100), sent=0.5))
        await writer.drain()
        await until(lambda: profiler._intake.running)
        writer.close()
        assert await settled(profiler) == [Outcome.CANCELLED]


@all_guards
@pytest.mark.parametrize("streams", [False, True], ids=["before the first chunk", "in mid-stream"])
async def test_one_that_leaves_ends_the_application(profiler: Profiler, guards: Any, streams: bool) -> None:
    waiting = Waiting()
    async with served(profiler, Starlette(routes=waiting.routes), guards()) as address:
        _, writer = await asyncio.open_connection(*address)
        writer.write(request_of(asking("hello", stream=streams)))
        await asyncio.wait_for(waiting.begun.wait(), 5)
        assert sum(profiler.in_progress().values()) >= 1
        writer.close()
        await asyncio.wait_for(waiting.cancelled.wait(), 5)
        # Also where the application has answered all the same: uvicorn takes what is sent to nobody.
        assert await settled(profiler) == [Outcome.CANCELLED]


@pytest.mark.parametrize("guards", GUARDS[:2], ids=["none", "stream"])
async def test_a_server_may_say_so_by_an_error(profiler: Profiler, guards: Any) -> None:
    async def leaving(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client has left")

    application = saying(start("text/event-stream"), body(frames(chat_chunk({"content": "word "}))[0], more=True))
    middleware = TaxMiddleware(application, profiler=profiler, guards=guards())
    with pytest.raises(OSError, match="left"):
        await Caller(asking("hello", stream=True), on_send=leaving).call(middleware)
    assert await settled(profiler) == [Outcome.CANCELLED]


@all_guards
async def test_one_whose_request_the_server_gives_up(profiler: Profiler, guards: Any) -> None:
    begun = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    calling = asyncio.create_task(
        Caller(asking("hello")).call(TaxMiddleware(application, profiler=profiler, guards=guards()))
    )
    await begun.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert await settled(profiler) == [Outcome.CANCELLED]


# -- slow ones -------------------------------------------------------------------------------------------------------

WAIT = 0.03


@all_guards
async def test_a_slow_one_is_charged_to_nobody(profiler: Profiler, guards: Any) -> None:
    waits: list[float] = []

    async def slowly(message: Any) -> None:
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(WAIT)
        waits.append(asyncio.get_running_loop().time() - begun)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(start("text/event-stream"))
        for piece in frames(*[chat_chunk({"content": "word "})] * 4):
            await asyncio.sleep(0.002)
            await send(body(piece, more=True))
        await send(body(b""))

    middleware = TaxMiddleware(application, profiler=profiler, guards=guards())
    await Caller(asking("hello", stream=True), on_send=slowly).call(middleware)
    (trace,) = profiler.traces()
    found = attribute(trace)
    layers_ns = sum(layer.critical_ns for layer in found.layers.values())
    assert layers_ns + found.unattributed_ns == trace.duration_ns
    # The clock of the event loop is the profiler's, but for its resolution.
    assert found.unattributed_ns >= (sum(waits) - 0.001) * 1e9
    assert layers_ns <= trace.duration_ns - (sum(waits) - 0.001) * 1e9
    profiler.drain()
    row = profiler.ledger.model_row("app")
    assert profiler.ledger.gaps_ns[row] <= trace.duration_ns - (sum(waits) - 0.001) * 1e9
    assert profiler.ledger.upstream_first_ns[row] < WAIT * 1e9


@all_guards
async def test_a_slow_upload_is_charged_to_nobody(profiler: Profiler, guards: Any) -> None:
    document = json.dumps(asking("hello")).encode()

    class SlowCaller(Caller):
        async def receive(self) -> Any:
            if self._incoming:
                await asyncio.sleep(WAIT)
            return await super().receive()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await saying(start(), body(json.dumps(chat_answer("fine")).encode()))(scope, receive, send)

    middleware = TaxMiddleware(application, profiler=profiler, guards=guards())
    await SlowCaller([document[:20], document[20:40], document[40:]]).call(middleware)
    (trace,) = profiler.traces()
    found = attribute(trace)
    assert found.unattributed_ns >= (3 * WAIT - 0.001) * 1e9
    assert found.layers["app"].critical_ns < WAIT * 1e9
