"""An OpenAI-compatible server that streams twenty chunks, as an application for uvicorn."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

CHUNKS = 20
GAP_VARIABLE = "UPSTREAM_GAP_SECONDS"
TEXT = "The quick brown fox jumps over the lazy dog and then runs back to its den in the old wood"
WORDS = TEXT.split()


def _frame(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "tiny",
        "choices": [choice],
    }
    return b"data: " + json.dumps(document).encode() + b"\n\n"


FRAMES = [
    *(_frame({"role": "assistant", "content": f"{word} "}) for word in WORDS[:CHUNKS]),
    _frame({}, "stop") + b"data: [DONE]\n\n",
]


def application() -> Starlette:
    """Return the server; the gap between two chunks comes from the environment."""
    gap_seconds = float(os.environ.get(GAP_VARIABLE, "0.01"))

    async def stream() -> AsyncIterator[bytes]:
        for frame in FRAMES:
            yield frame
            await asyncio.sleep(gap_seconds)

    async def respond(request: Request) -> StreamingResponse:
        await request.body()
        return StreamingResponse(stream(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", respond, methods=["POST"])])
