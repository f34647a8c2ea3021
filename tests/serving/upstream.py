"""A model's server that answers what it is told to, behind the middleware, and a client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from aligntax.serving.asgi import TaxMiddleware


def chat_answer(content: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def chat_chunk(delta: dict[str, Any], finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "tiny",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
    }


def frames(*documents: dict[str, Any], done: bool = True) -> list[bytes]:
    found = [b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents]
    return [*found, b"data: [DONE]\n\n"] if done else found


def chat_stream(*pieces: str) -> list[bytes]:
    first, last = chat_chunk({"role": "assistant", "content": ""}), chat_chunk({}, "stop")
    return frames(first, *(chat_chunk({"content": piece}) for piece in pieces), last)


def content_of(body: bytes) -> str:
    """Return the text that a client of a stream of chat chunks puts together."""
    found = []
    for line in body.splitlines():
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:]).get("choices", [])
            found += [choice["delta"].get("content") or "" for choice in choices]
    return "".join(found)


class Upstream:
    """The application: keeps what it was asked, and answers with `answer`, or with the pieces of `stream`."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Any = chat_answer("fine")
        self.status = 200
        self.stream: list[bytes] = chat_stream("all ", "is ", "fine")
        self.sent = 0
        self.application = Starlette(
            routes=[
                Route(path, self.respond, methods=["POST"])
                for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/other")
            ]
        )

    async def respond(self, request: Request) -> Any:
        body = await request.json()
        self.asked.append(body)
        if isinstance(body, dict) and body.get("stream"):
            return StreamingResponse(self.pieces(), media_type="text/event-stream", status_code=self.status)
        return JSONResponse(self.answer, status_code=self.status)

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in self.stream:
            self.sent += 1
            yield piece


@asynccontextmanager
async def client_of(middleware: TaxMiddleware) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(middleware)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    middleware.close()


def asking(content: str, **more: Any) -> dict[str, Any]:
    return {"model": "tiny", "messages": [{"role": "user", "content": content}], **more}
