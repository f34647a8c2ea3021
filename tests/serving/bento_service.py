"""A service of BentoML's, whose mounted application and own APIs stand behind the middleware; a test serves it."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from aligntax import Profiler
from aligntax.serving.asgi import TaxMiddleware

TEXT = "write to jo@example.com, or do not"
Messages = list[dict[str, Any]]
Events = ContentType("text/event-stream")

workers = int(os.environ["WORKERS"])
profiler = Profiler(cpu_share=0) if workers == 1 else None
app = FastAPI()
released = asyncio.Event()


def model(text: str) -> str:
    """Stand for a model; its answer says which process it was."""
    return f"{TEXT} ({os.getpid()})"


net = profiler.model(model, name="net") if profiler else model


def answer(messages: Messages) -> dict[str, Any]:
    message = {"role": "assistant", "content": net(json.dumps(messages)), "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice]}


def event(word: str) -> str:
    choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


async def events() -> AsyncIterator[str]:
    """Say the first word, and the others when somebody has asked for them."""
    first, *others = TEXT.split()
    yield event(first)
    await released.wait()
    released.clear()
    for word in others:
        yield event(word)
    yield "data: [DONE]\n\n"


@bentoml.service(workers=workers)
@bentoml.asgi_app(app, path="/v1")
class Chat:
    """A chat, by OpenAI's path in an application of its own, and by APIs of BentoML's."""

    @app.post("/chat/completions")
    async def completions(self, asked: dict[str, Any]) -> Any:
        if asked.get("stream"):
            return StreamingResponse(events(), media_type="text/event-stream")
        return answer(asked["messages"])

    @bentoml.api(route="/say")
    async def say(self, messages: Messages, model: str = "") -> dict[str, Any]:
        return answer(messages)

    @bentoml.api(route="/say_on_a_thread")
    def say_on_a_thread(self, messages: Messages, model: str = "") -> dict[str, Any]:
        return answer(messages)

    @bentoml.api(route="/stream")
    async def stream(self, messages: Messages, model: str = "") -> AsyncGenerator[Annotated[str, Events], None]:
        async for each in events():
            yield each

    @bentoml.api(route="/stream_from_a_thread")
    def stream_from_a_thread(
        self, messages: Messages, model: str = ""
    ) -> Generator[Annotated[str, Events], None, None]:
        yield from map(event, TEXT.split())
        yield "data: [DONE]\n\n"

    @bentoml.api(route="/ask_itself")
    async def ask_itself(self, messages: Messages, inside: str, model: str = "") -> dict[str, Any]:
        return await self.to_async.say(messages=[{"role": "user", "content": inside}], model="inside")

    @bentoml.api(route="/fail")
    async def fail(self, messages: Messages, model: str = "") -> dict[str, Any]:
        raise RuntimeError("no weights")

    @bentoml.api(route="/release")
    async def release(self) -> None:
        released.set()

    @bentoml.api(route="/echo")
    async def echo(self, text: str) -> str:
        return text


Chat.add_asgi_middleware(TaxMiddleware, profiler=profiler)
