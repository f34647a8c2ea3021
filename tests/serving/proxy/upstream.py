"""A small server that speaks enough of OpenAI's API, and tells what it was sent."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ["Hello", ", ", "wörld", "!"]


async def echo(request: Request) -> Response:
    """Tell what was sent."""
    digest = hashlib.sha256()
    size = 0
    async for piece in request.stream():
        digest.update(piece)
        size += len(piece)
    said = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.scope["query_string"].decode(),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.scope["headers"]],
        "size": size,
        "sha256": digest.hexdigest(),
    }
    return JSONResponse(said, headers={"x-method": request.method})


async def status(request: Request) -> Response:
    """Answer with a status, and a body where it may have one."""
    code = int(request.path_params["code"])
    return Response(b"" if code in (204, 304) else b"some body", code, {"etag": '"1"'})


async def zipped(request: Request) -> Response:
    """Answer in gzip, whatever was asked for."""
    return Response(gzip.compress(b"text " * 1000), headers={"content-encoding": "gzip"}, media_type="text/plain")


async def large(request: Request) -> Response:
    """Answer with so many bytes, in pieces."""
    count = int(request.query_params["megabytes"])

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(count):
            yield bytes([number % 256]) * 2**20

    return StreamingResponse(pieces(), headers={"content-length": str(count * 2**20)})


async def cookies(request: Request) -> Response:
    """Set two cookies."""
    response = Response(b"")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def chat(request: Request) -> Response:
    """Answer as a model would."""
    asked = await request.json()
    common = {"id": "c1", "created": 1, "model": asked["model"]}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}
        return JSONResponse({**common, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def events() -> AsyncIterator[bytes]:
        for number, word in enumerate([*WORDS, None]):
            delta = {} if word is None else {"content": word} if number else {"role": "assistant", "content": word}
            choice = {"index": 0, "delta": delta, "finish_reason": None if word else "stop"}
            event = {**common, "object": "chat.completion.chunk", "choices": [choice]}
            yield f"data: {json.dumps(event)}\n\n".encode()
            await asyncio.sleep(0)
        yield b"data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def slash(request: Request) -> Response:
    """Send the client somewhere else on this server, by its whole address."""
    return RedirectResponse(str(request.url.replace(path="/echo", query="x=1")), 307)


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
application = Starlette(
    routes=[
        Route("/status/{code}", status, methods=METHODS),
        Route("/zipped", zipped),
        Route("/large", large),
        Route("/cookies", cookies),
        Route("/slash", slash),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/{rest:path}", echo, methods=METHODS),
    ]
)
