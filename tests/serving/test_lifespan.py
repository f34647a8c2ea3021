"""Start and end: of the application, and of what the middleware has of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.serving.calling import CHAT, Caller, body, running, saying, start
from tests.serving.upstream import asking, chat_answer

from aligntax import Profiler
from aligntax.guards import PII, FunctionGuard
from aligntax.serving.asgi import TaxMiddleware

ANSWER = json.dumps(chat_answer("fine")).encode()


class Server:
    """A server's side of a lifespan."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._to_application: asyncio.Queue[Any] = asyncio.Queue()
        self._from_application: asyncio.Queue[Any] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    async def tell(self, what: str) -> str:
        if self._running is None:
            scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
            run = self._application(scope, self._to_application.get, self._from_application.put)
            self._running = asyncio.create_task(run)
        await self._to_application.put({"type": f"lifespan.{what}"})
        async with asyncio.timeout(5):
            message = await self._from_application.get()
        self.message = message.get("message")
        kind: str = message["type"].removeprefix("lifespan.")
        return kind

    async def over(self) -> None:
        assert self._running is not None
        await asyncio.wait_for(self._running, 5)
        self._running = None


def read(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310 (our own server)
        text: str = answer.read().decode()
    return text


async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await saying(start(), body(ANSWER))(scope, receive, send)


async def that_reads_first(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        assert (await receive())["type"] == "lifespan.startup"
        raise KeyError("type")
    await saying(start(), body(ANSWER))(scope, receive, send)


async def that_returns(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await saying(start(), body(ANSWER))(scope, receive, send)


def with_lifespan() -> Any:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield

    async def respond(_: Request) -> JSONResponse:
        return JSONResponse(chat_answer("fine"))

    return Starlette(routes=[Route(CHAT, respond, methods=["POST"])], lifespan=lifespan)


@pytest.mark.parametrize("application", [without_lifespan, that_reads_first, that_returns, with_lifespan()])
async def test_outlets_are_open_until_the_server_ends(application: Any, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    traces = tmp_path / "traces.jsonl"
    guard = FunctionGuard(str.strip, name="strip")
    middleware = TaxMiddleware(
        application, guards=[guard], metrics_port=0, traces_file=str(traces), traces_share=1.0, model="tiny"
    )
    for _ in range(2):  # a server may start again
        server = Server(middleware)
        assert await server.tell("startup") == "startup.complete"
        await Caller(asking("hello")).call(middleware)
        url = middleware.metrics_url
        assert url is not None
        assert 'aligntax_layer_calls_in_progress{layer="strip"' in await asyncio.to_thread(read, url)
        assert await server.tell("shutdown") == "shutdown.complete"
        await server.over()
        assert middleware.metrics_url is None
        with pytest.raises(urllib.error.URLError):
            await asyncio.to_thread(read, url)
        middleware.close()
        left = {each for each in threading.enumerate() if each.name.startswith("aligntax")} - before
        for each in left:
            await asyncio.to_thread(each.join, 5)
            assert not each.is_alive()
    assert len(traces.read_text().splitlines()) == 2
    # After its end requests are still guarded, and no longer measured.
    caller = await Caller(asking("hello")).call(middleware)
    assert caller.ended
    middleware.close()


async def test_a_profiler_of_the_users_outlives_the_server(profiler: Profiler) -> None:
    middleware = TaxMiddleware(that_returns, profiler=profiler, guards=[PII()])
    for _ in range(2):
        server = Server(middleware)
        await server.tell("startup")
        await Caller(asking("hello")).call(middleware)
        await server.tell("shutdown")
        await server.over()
    profiler.drain()
    assert len(profiler.traces()) == 2


async def test_workers_may_start_again(tmp_path: Path) -> None:
    middleware = TaxMiddleware(that_returns, metrics_port=0, ledger_dir=str(tmp_path / "ledgers"), model="tiny")
    for served in (1, 2):
        server = Server(middleware)
        assert await server.tell("startup") == "startup.complete"
        await Caller(asking("hello")).call(middleware)
        text = await asyncio.to_thread(read, str(middleware.metrics_url))
        assert f'aligntax_request_duration_seconds_count{{model="tiny",outcome="allowed"}} {served}\n' in text
        await server.tell("shutdown")
        await server.over()


async def test_a_port_that_is_taken_stops_the_server(profiler: Profiler) -> None:
    first = TaxMiddleware(that_returns, profiler=profiler, metrics_port=0)
    port = int(str(first.metrics_url).rpartition(":")[2])
    with pytest.raises(OSError, match=f"cannot serve metrics on 127.0.0.1:{port}"):
        TaxMiddleware(that_returns, metrics_port=port)
    first.close()
    second = TaxMiddleware(that_returns, metrics_port=port)
    second.close()
    first = TaxMiddleware(that_returns, metrics_port=port, model="other")
    server = Server(second)
    assert await server.tell("startup") == "startup.failed"
    assert f"cannot serve metrics on 127.0.0.1:{port}" in server.message
    await server.over()
    first.close()


async def test_an_application_that_cannot_start_says_so_itself(profiler: Profiler) -> None:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise LookupError("no weights")
        yield

    middleware = TaxMiddleware(Starlette(lifespan=lifespan), profiler=profiler, metrics_port=0)
    server = Server(middleware)
    assert await server.tell("startup") == "startup.failed"
    assert "no weights" in server.message
    with pytest.raises(LookupError):
        await server.over()
    assert middleware.metrics_url is None


@pytest.mark.parametrize("lifespan", ["auto", "on", "off"])
async def test_a_real_server_starts_and_ends(lifespan: str) -> None:
    middleware = TaxMiddleware(without_lifespan, metrics_port=0)
    async with running(middleware, lifespan=lifespan):
        assert middleware.metrics_url is not None
    assert (middleware.metrics_url is None) == (lifespan != "off")
    middleware.close()


async def test_other_connections_pass_untouched(profiler: Profiler) -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "websocket", "path": "/v1/chat/completions"}

    async def receive() -> Any:
        return {}

    async def send(_: Any) -> None:
        return None

    await TaxMiddleware(application, profiler=profiler, guards=[PII()])(scope, receive, send)
    assert seen == [(scope, receive, send)]


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guarded", [False, True], ids=["watched", "guarded"])
async def test_a_thousand_models_make_no_series_of_their_own(profiler: Profiler, guarded: bool) -> None:
    middleware = TaxMiddleware(
        that_returns,
        profiler=profiler,
        guards=[PII()] if guarded else [],
        model="any",
        models=["llama", "qwen"],
        metrics_port=0,
    )
    for number in range(1000):
        await Caller(asking("hello", model=f"m{number}")).call(middleware)
    for odd in ("llama", "llama", "qwen", "", None, 3, ["llama"], "x" * 5000, 'a"} 1\nb{c="', "\x00"):
        await Caller(asking("hello", model=odd)).call(middleware)
    profiler.drain()
    text = await asyncio.to_thread(read, str(middleware.metrics_url))
    middleware.close()
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith("aligntax_request_duration_seconds_count{model="):
            found[line.partition('model="')[2].partition('"')[0]] += int(line.rpartition(" ")[2])
    expected = {"any": 1007, "llama": 2, "qwen": 1} if guarded else {"any": 1010}
    assert {name: count for name, count in found.items() if count} == expected


async def test_as_many_models_as_are_named_have_series() -> None:
    names = [f"m{number}" for number in range(40)]
    middleware = TaxMiddleware(that_returns, guards=[PII()], models=names)
    for name in names:
        await Caller(asking("hello", model=name)).call(middleware)
    middleware.profiler.drain()
    assert set(names) <= set(middleware.profiler.ledger.models)
    middleware.close()
