"""The middleware in servers that nobody here wrote, asked by a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fastapi
import litserve
import openai
import pytest
from fastapi.responses import StreamingResponse
from litserve.utils import wrap_litserve_start
from openai.types.chat import ChatCompletionChunk
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from tests.serving.calling import CHAT, Caller, body, running, saying, start
from tests.serving.upstream import asking, chat_answer, chat_chunk, frames

from aligntax import Profiler
from aligntax.attribution import attribute
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

TEXT = "write to jo@example.com, or call the [forbidden] number."


def outcomes(profiler: Profiler) -> list[Outcome]:
    profiler.drain()
    assert not any(profiler.in_progress().values())
    return [trace.outcome for trace in profiler.traces()]


def fastapi_server(profiler: Profiler, marked: bool, **settings: Any) -> fastapi.FastAPI:
    """Return a server that streams and does not, with layers of its own if it marks any."""
    app = fastapi.FastAPI()
    app.add_middleware(TaxMiddleware, profiler=profiler, **settings)
    own = profiler.guard(lambda text: text.replace("[forbidden]", "secret"), name="own", stage="output")
    net = profiler.model(lambda text: TEXT, name="net")

    async def words(text: str) -> AsyncIterator[bytes]:
        for word in text.split(" "):
            await asyncio.sleep(0)
            yield frames(chat_chunk({"content": word + " "}), done=False)[0]
        yield b"data: [DONE]\n\n"

    async def marked_words(text: str) -> AsyncIterator[bytes]:
        with profiler.layer("stream-net", kind="model"):
            async for each in words(text):
                yield each

    @app.post(CHAT)
    async def chat(asked: dict[str, Any]) -> Any:
        text = own(net("x")) if marked else TEXT
        if asked.get("stream"):
            pieces = (marked_words if marked else words)(text)
            return StreamingResponse(pieces, media_type="text/event-stream")
        return chat_answer(text)

    return app


def text_of(stream: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices).rstrip()


@pytest.mark.parametrize("marked", [False, True], ids=["unmarked", "marked"])
@pytest.mark.parametrize("guards", [[], ["stream"], ["output"], ["input", "stream", "output"]], ids=str)
async def test_openais_client_asks_a_guarded_fastapi(profiler: Profiler, marked: bool, guards: list[Any]) -> None:
    found = [PII(name=f"pii-{stage}", stage=stage) for stage in guards]
    app = fastapi_server(profiler, marked, guards=found)
    messages: Any = [{"role": "user", "content": "hello"}]
    async with running(app) as url:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
            whole = await client.chat.completions.create(model="tiny", messages=messages)
            stream = await client.chat.completions.create(model="tiny", messages=messages, stream=True)
            chunks = [chunk async for chunk in stream]
        whole_sync, chunks_sync = await asyncio.to_thread(_asked_sync, url, messages)
    expected = TEXT.replace("[forbidden]", "secret") if marked else TEXT
    if guards:
        expected = expected.replace("jo@example.com", "[email]")
    for answer in (whole, whole_sync):
        assert answer.choices[0].message.content == expected
    for each in (chunks, chunks_sync):
        assert text_of(each) == expected
    changed = bool(guards) or marked
    assert outcomes(profiler) == [Outcome.MODIFIED if changed else Outcome.ALLOWED] * 4
    for trace in profiler.traces():
        names = {span.layer.name for span in trace.spans}
        assert ("net" in names) == marked
        assert ("app" in names) != marked
        closed = attribute(trace)
        layers_ns = sum(layer.critical_ns for layer in closed.layers.values())
        assert layers_ns + closed.unattributed_ns == trace.duration_ns


def _asked_sync(url: str, messages: Any) -> tuple[Any, list[ChatCompletionChunk]]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        whole = client.chat.completions.create(model="tiny", messages=messages)
        with client.chat.completions.create(model="tiny", messages=messages, stream=True) as stream:
            return whole, list(stream)


async def test_openais_client_understands_every_refusal(profiler: Profiler) -> None:
    guards = [
        Blocklist(["forbidden"], on_hit="block"),
        Blocklist(["forbidden"], name="mid", stage="stream", on_hit="block"),
    ]
    app = fastapi_server(profiler, marked=False, guards=guards, block_message="Not here.")
    good: Any = [{"role": "user", "content": "hello"}]
    bad: Any = [{"role": "user", "content": "forbidden"}]
    async with (
        running(app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        for messages in (good, bad):
            whole = await client.chat.completions.create(model="tiny", messages=messages)
            (choice,) = whole.choices
            assert (choice.finish_reason, choice.message.refusal) == ("content_filter", "Not here.")
            stream = await client.chat.completions.create(model="tiny", messages=messages, stream=True)
            chunks = [chunk async for chunk in stream]
            assert chunks[-1].choices[0].finish_reason == "content_filter"
            assert ("write to" in text_of(chunks)) == (messages is good)
            assert "forbidden" not in text_of(chunks)
    said = [Outcome.BLOCKED_OUTPUT] * 2 + [Outcome.BLOCKED_INPUT] * 2
    assert outcomes(profiler) == said


async def test_openais_client_raises_what_it_has_for_errors(profiler: Profiler) -> None:
    guard = Blocklist(["forbidden"], on_hit="block")
    app = fastapi_server(profiler, marked=False, guards=[guard], on_block="error")
    async with (
        running(app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "forbidden"}])
        assert caught.value.code == "content_filter"
        picture: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="tiny", messages=picture)
        assert caught.value.code == "unreadable_prompt"


async def test_openais_client_sees_an_error_in_mid_stream(profiler: Profiler) -> None:
    application = saying(start("text/event-stream"), body(b"data: {broken\n\n", more=True))
    middleware = TaxMiddleware(application, profiler=profiler, guards=[PII(stage="stream")])
    async with (
        running(middleware) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
    ):
        stream = await client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        with pytest.raises(openai.APIError, match="no JSON"):
            await stream.__anext__()
    middleware.close()


# -- Starlette -------------------------------------------------------------------------------------------------------


async def respond(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(chat_answer(TEXT))


@pytest.mark.parametrize("how", ["constructor", "add_middleware", "around", "mounted"])
def test_starlette(profiler: Profiler, how: str) -> None:
    routes: list[Any] = [Route(CHAT, respond, methods=["POST"])]
    settings: dict[str, Any] = {"profiler": profiler, "guards": [PII(stage="output")]}
    path = CHAT
    if how == "constructor":
        app: Any = Starlette(routes=routes, middleware=[Middleware(TaxMiddleware, **settings)])
    elif how == "add_middleware":
        app = Starlette(routes=routes)
        app.add_middleware(TaxMiddleware, **settings)
    elif how == "around":
        app = TaxMiddleware(Starlette(routes=routes), **settings)
    else:
        app = Starlette(routes=[Mount("/models/tiny", TaxMiddleware(Starlette(routes=routes), **settings))])
        path = f"/models/tiny{CHAT}"
    for _ in range(2):  # an application may be started again
        with TestClient(app) as client:
            answer = client.post(path, json=asking("hello"))
        assert "[email]" in answer.json()["choices"][0]["message"]["content"]
    assert outcomes(profiler) == [Outcome.MODIFIED] * 2


# -- LitServe --------------------------------------------------------------------------------------------------------


class Echo(litserve.LitAPI):  # type: ignore[misc]
    """An API of LitServe's own, at a path of its own."""

    def setup(self, device: str) -> None:
        self.text = TEXT

    def decode_request(self, request, **_):  # type: ignore[no-untyped-def]  # LitServe reads what is annotated
        return str(request["messages"][-1]["content"])

    def predict(self, x: str, **_: Any) -> str:
        return self.text

    def encode_response(self, output: str, **_: Any) -> dict[str, Any]:
        return chat_answer(output)


def test_litserve(profiler: Profiler) -> None:
    server = litserve.LitServer(
        Echo(api_path="/predict"),
        accelerator="cpu",
        middlewares=[
            (
                TaxMiddleware,
                {"profiler": profiler, "routes": {"/predict": "chat"}, "guards": [PII(stage="output")], "model": "lit"},
            )
        ],
    )
    with wrap_litserve_start(server) as started, TestClient(started.app) as client:
        answer = client.post("/predict", json=asking("hello"))
    assert "[email]" in answer.json()["choices"][0]["message"]["content"]
    assert outcomes(profiler) == [Outcome.MODIFIED]
    (trace,) = profiler.traces()
    assert {span.layer.name for span in trace.spans} == {"pii", "lit"}


# -- vLLM ------------------------------------------------------------------------------------------------------------


def test_vllms_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--middleware` names a class, which is imported by its path and made with nothing but the application."""
    import importlib
    import inspect

    path = tmp_path / "aligntax.toml"
    path.write_text('[serving]\nmodel = "tiny"\nmetrics_port = 0\n\n[[guards]]\nuse = "pii"\nstage = "output"\n')
    monkeypatch.setenv("ALIGNTAX_CONFIG", str(path))
    module_path, name = ["aligntax.serving.asgi", "TaxMiddleware"]
    imported = getattr(importlib.import_module(module_path), name)
    assert inspect.isclass(imported)  # a coroutine function would be put around as one for HTTP only
    app = fastapi.FastAPI()
    app.add_middleware(imported)
    app.add_api_route(CHAT, _chat, methods=["POST"])
    with TestClient(app) as client:
        answer = client.post(CHAT, json=asking("hello"))
    assert "[email]" in answer.json()["choices"][0]["message"]["content"]


async def _chat(asked: dict[str, Any]) -> Any:
    return chat_answer(TEXT)


def made_as_vllm_does(app: Starlette) -> TaxMiddleware:
    """For the type checker: the middleware goes where Starlette has a place for one."""
    app.add_middleware(TaxMiddleware)
    return TaxMiddleware(app)


# -- an application that answers in its own way ----------------------------------------------------------------------


async def test_a_background_task_runs_and_is_nobodys_time(profiler: Profiler) -> None:
    app = fastapi.FastAPI()
    app.add_middleware(TaxMiddleware, profiler=profiler, guards=[PII()])
    over = asyncio.Event()

    async def later() -> None:
        await asyncio.sleep(0.05)
        over.set()

    @app.post(CHAT)
    async def chat(asked: dict[str, Any], tasks: fastapi.BackgroundTasks) -> Any:
        tasks.add_task(later)
        return chat_answer("fine")

    caller = await Caller(asking("hello")).call(app)
    assert over.is_set()
    assert caller.document == json.loads(json.dumps(chat_answer("fine")))
    (trace,) = profiler.traces()
    assert trace.duration_ns < 45_000_000
