"""A small OpenAI-compatible server on a port of its own, as slow, full, stalling or broken as a test wants it.

Run as a program, it serves until it is stopped: that is how the files under `data/` were made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "tiny"


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        first_seconds: until the first chunk, or the whole answer.
        gap_seconds: between chunks.
        chunks: of an answer.
        stall_every_seconds: how often it stops altogether, for `stall_seconds`, counted from `began`.
        stall_seconds: how long it then stops. 0: never.
        places: requests that it works on at a time; others wait.
        began: when the count of the stalls begins, on `time.monotonic`.
        bodies: what it was asked.
        headers: that came with it.
        open_now: requests that it has not answered yet.
    """

    first_seconds: float = 0.0
    gap_seconds: float = 0.0
    chunks: int = 4
    stall_every_seconds: float = 2.0
    stall_seconds: float = 0.0
    places: int = 1000
    began: float = field(default_factory=time.monotonic)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    open_now: int = 0


class ChatServer:
    """The application. What a prompt says decides what becomes of it: see `_misbehave`."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._places = asyncio.Semaphore(behaviour.places)
        self.application = web.Application()
        self.application.add_routes(
            [
                web.get("/health", self.healthy),
                web.get("/v1/models", self.models),
                web.post("/v1/chat/completions", self.chat),
                web.post("/v1/completions", self.chat),
            ]
        )

    async def healthy(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    async def models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1}]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        said = self.behaviour
        body = await request.json()
        said.bodies.append(body)
        said.headers.append(dict(request.headers))
        said.open_now += 1
        try:
            async with self._places:
                return await self._answer(request, body)
        finally:
            said.open_now -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        said = self.behaviour
        text = _text(body)
        await self._wait(said.first_seconds)
        refused = _misbehave(text, stream=bool(body.get("stream")))
        if refused is not None:
            return refused
        if "hang" in text:
            for _ in range(600):
                if request.transport is None:  # nobody waits any more
                    break
                await asyncio.sleep(0.1)
        usage = {"prompt_tokens": len(text.split()), "completion_tokens": said.chunks}
        usage["total_tokens"] = sum(usage.values())
        if not body.get("stream"):
            await self._wait(said.gap_seconds * (said.chunks - 1))
            return web.json_response(_whole("".join(f"word{n} " for n in range(said.chunks)), "stop", usage))
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(_event(_chunk({"role": "assistant", "content": ""})))
        for number in range(said.chunks):
            if number:
                await self._wait(said.gap_seconds)
            if number == 2 and "cut" in text:
                request.transport.abort()
                return answer
            if number == 2 and "broken" in text:
                await answer.write(_event({"error": {"message": "out of memory", "type": "server_error", "code": 500}}))
                return answer
            if number == 2 and "unfinished" in text:
                return answer
            await answer.write(_event(_chunk({"content": f"word{number} "})))
        await answer.write(_event(_chunk({}, "stop")))
        if (body.get("stream_options") or {}).get("include_usage"):
            await answer.write(_event({**_chunk({}), "choices": [], "usage": usage}))
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async def _wait(self, seconds: float) -> None:
        said = self.behaviour
        await asyncio.sleep(seconds)
        if said.stall_seconds:
            into = (time.monotonic() - said.began) % said.stall_every_seconds
            left = said.stall_seconds - into
            if left > 0:
                await asyncio.sleep(left)


def _misbehave(text: str, *, stream: bool) -> web.StreamResponse | None:
    if "forbidden" in text:
        error = {"message": "no", "type": "invalid_request_error", "code": "content_filter"}
        return web.json_response({"error": error}, status=400)
    if "refused" in text:
        if not stream:
            return web.json_response(_whole(None, "content_filter", {}, refusal="no"))
        events = _event(_chunk({"role": "assistant", "content": None, "refusal": "no"}))
        events += _event(_chunk({}, "content_filter")) + b"data: [DONE]\n\n"
        return web.Response(body=events, headers={"Content-Type": "text/event-stream"})
    if "busy" in text:
        return web.json_response({"error": {"message": "later", "type": "rate_limit_error"}}, status=429)
    if "crash" in text:
        return web.Response(status=500, text="oh")
    if "elsewhere" in text:
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"})
    if "nonsense" in text:
        return web.Response(text="<html>", headers={"Content-Type": "application/json"})
    return None


def _text(body: dict[str, Any]) -> str:
    if "messages" not in body:
        return str(body.get("prompt", ""))
    return " ".join(str(message.get("content")) for message in body["messages"])


def _whole(content: str | None, reason: str, usage: dict[str, int], refusal: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "text": content, "finish_reason": reason}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": usage}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "text": delta.get("content"), "finish_reason": reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve on a thread of its own, and yield the URL."""
    loop = asyncio.new_event_loop()
    started: list[int] = []
    ready = threading.Event()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(ChatServer(behaviour).application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        started.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, name="chat-server", daemon=True)
    thread.start()
    if not ready.wait(20):
        raise TimeoutError("the server did not start")
    try:
        yield f"http://127.0.0.1:{started[0]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first-seconds", type=float, default=0.01)
    parser.add_argument("--gap-seconds", type=float, default=0.005)
    parser.add_argument("--chunks", type=int, default=6)
    arguments = parser.parse_args()
    behaviour = Behaviour(arguments.first_seconds, arguments.gap_seconds, arguments.chunks)
    web.run_app(ChatServer(behaviour).application, host="127.0.0.1", port=arguments.port, access_log=None)


if __name__ == "__main__":
    main()
