"""Responses that a server has kept: whoever asks for one again gets what the guards let pass."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.serving.calling import CHAT, Caller, running
from tests.serving.formats.documents import check_answer, message, output_text, response, streamed_response
from tests.serving.guarded import ADDRESS, guarding, outcomes
from tests.serving.upstream import asking, frames

from aligntax import Profiler
from aligntax.guards import PII, Blocklist
from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.formats import Kind, stored_answers

STORED = "/v1/responses/resp_1"
KEPT = response("completed", message("msg_1", output_text(f"write to {ADDRESS}")))
METHODS = ["GET", "HEAD", "POST", "DELETE"]


class Server:
    """A server that keeps one response, and the events that it was made of; it knows what it was asked."""

    def __init__(self, kept: Any = KEPT, pieces: Iterable[str] = ("write to j", "o@exam", "ple.com", ". Bye")) -> None:
        self.kept = kept
        self.events = streamed_response(pieces)
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.application = Starlette(routes=[Route("/{rest:path}", self.respond, methods=METHODS)])

    async def respond(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path))
        self.headers.append(dict(request.headers))
        if request.url.path.endswith("/page"):
            return HTMLResponse("<p>hello</p>")
        if request.url.path.endswith("/gone"):
            return JSONResponse({"error": {"message": "no such response"}}, 404)
        if request.query_params.get("stream") != "true":
            return JSONResponse(self.kept)
        after = int(request.query_params.get("starting_after", -1))
        events = [event for event in self.events if event["sequence_number"] > after]
        return StreamingResponse(iter(frames(*events, done=False)), media_type="text/event-stream")


def stored(path: str = STORED, query: bytes = b"", *, method: str = "GET", **keywords: Any) -> Caller:
    caller = Caller(b"", path, method=method, **keywords)
    caller.scope["query_string"] = query
    return caller


def text_of(document: Any) -> str:
    check_answer("responses", document)
    text: str = document["output"][0]["content"][0]["text"]
    return text


@pytest.mark.parametrize("stage", ["output", "stream"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", STORED), ("GET", "/v1/Responses//resp_1/"), ("POST", f"{STORED}/cancel")]
)
async def test_what_was_kept_passes_the_guards_again(profiler: Profiler, method: str, path: str, stage: Any) -> None:
    server = Server()
    caller = await stored(path, method=method).call(guarding(server.application, profiler, PII(stage=stage)))
    assert text_of(caller.document).startswith("write to [")
    assert ADDRESS.encode() not in caller.body
    assert int(caller.headers[b"content-length"]) == len(caller.body)
    assert server.asked[0][0] == method


def completion(text: str) -> dict[str, Any]:
    """A chat completion that a server has kept."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": {"content": [], "refusal": None}, "message": message}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt2", "choices": [choice]}


def listed(*completions: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [*completions], "first_id": "a", "last_id": "b", "has_more": False}


@pytest.mark.parametrize("stage", ["output", "stream"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_chat_completion_that_was_kept(profiler: Profiler, method: str, stage: Any) -> None:
    server = Server(completion(f"write to {ADDRESS}"))
    middleware = guarding(server.application, profiler, PII(stage=stage))
    caller = await stored("/v1/chat/completions/chatcmpl-1", method=method).call(middleware)
    check_answer("chat", caller.document)
    assert caller.document["choices"][0]["message"]["content"].startswith("write to [")
    assert ADDRESS.encode() not in caller.body
    assert outcomes(profiler) == []


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_a_list_of_chat_completions(profiler: Profiler, stage: Any) -> None:
    server = Server(listed(completion("nothing to hide"), completion(f"write to {ADDRESS}")))
    caller = await stored("/v1/chat/completions").call(guarding(server.application, profiler, PII(stage=stage)))
    found = caller.document
    assert ADDRESS.encode() not in caller.body
    texts = [each["choices"][0]["message"]["content"] for each in found["data"]]
    assert texts[0] == "nothing to hide"
    assert texts[1].startswith("write to [")
    assert found["data"][1]["choices"][0]["logprobs"] is None
    assert {name: value for name, value in found.items() if name != "data"} == {
        name: value for name, value in server.kept.items() if name != "data"
    }


async def test_a_list_with_a_chat_completion_that_a_guard_blocks(profiler: Profiler) -> None:
    server = Server(listed(completion("nothing to hide"), completion(f"write to {ADDRESS}")))
    guard = Blocklist(["example"], stage="output", on_hit="block")
    caller = await stored("/v1/chat/completions").call(guarding(server.application, profiler, guard, on_block="error"))
    assert caller.status == 400
    assert caller.document["error"]["code"] == "content_filter"


async def test_openais_client_asks_for_chat_completions_again(profiler: Profiler) -> None:
    server = Server(completion(f"write to {ADDRESS}"))
    middleware = guarding(server.application, profiler, PII(stage="output"))
    async with running(middleware) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x") as client:
        one = await client.chat.completions.retrieve("chatcmpl-1")
        server.kept = listed(completion(f"write to {ADDRESS}"))
        several = await client.chat.completions.list()
    answers = [one, *several.data]
    assert len(answers) == 2
    assert all(str(each.choices[0].message.content).startswith("write to [") for each in answers)


async def test_it_is_no_request_to_a_model(profiler: Profiler) -> None:
    server = Server()
    middleware = guarding(server.application, profiler, PII(stage="output"))
    for _ in range(3):
        await stored().call(middleware)
    assert outcomes(profiler) == []
    await Caller({"input": "hi"}, "/v1/responses").call(middleware)
    assert len(outcomes(profiler)) == 1


async def test_what_no_guard_changes_is_what_it_was(profiler: Profiler) -> None:
    server = Server(response("in_progress"))
    plain = await stored().call(server.application)
    guarded = await stored().call(guarding(server.application, profiler, PII(stage="output")))
    assert guarded.body == plain.body


@pytest.mark.parametrize("on_block", ["answer", "error"])
@pytest.mark.parametrize("streams", [False, True])
async def test_one_that_a_guard_blocks(profiler: Profiler, on_block: Any, streams: bool) -> None:
    guard = Blocklist(["example"], stage="output", on_hit="block")
    middleware = guarding(Server().application, profiler, guard, on_block=on_block)
    caller = await stored(query=b"stream=true" if streams else b"").call(middleware)
    assert b"example" not in caller.body
    assert caller.status == (200 if on_block == "answer" else 400)
    if on_block == "error":
        assert caller.document["error"]["code"] == "content_filter"
    elif streams:
        assert caller.headers[b"content-type"].startswith(b"text/event-stream")
        assert caller.events[-1]["type"] in ("response.completed", "response.incomplete")
    else:
        check_answer("responses", caller.document)


def streamed_texts(events: list[Any]) -> tuple[str, list[str]]:
    """Return what the pieces of the message make, and what its events repeat of it."""
    pieces, repeated = "", []
    for event in events:
        if event["type"] == "response.output_text.delta":
            pieces += event["delta"]
        elif event["type"] == "response.output_text.done":
            repeated.append(event["text"])
    repeated += [item["content"][0]["text"] for item in events[-1]["response"]["output"] if item["type"] == "message"]
    return pieces, repeated


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_the_events_of_a_stream_from_its_beginning(profiler: Profiler, stage: Any) -> None:
    middleware = guarding(Server().application, profiler, PII(stage=stage))
    caller = await stored(query=b"stream=true").call(middleware)
    assert ADDRESS.encode() not in caller.body
    pieces, repeated = streamed_texts(caller.events)
    assert pieces.startswith("write to [")
    assert repeated == [pieces, pieces]


@pytest.mark.parametrize("stage", ["output", "stream"])
async def test_the_events_of_a_stream_from_its_middle(profiler: Profiler, stage: Any) -> None:
    """Its texts have no beginning any more: the guards read what comes, and what is repeated as a whole."""
    server = Server()
    second = [event["sequence_number"] for event in server.events if event["type"] == "response.output_text.delta"][1]
    query = f"stream=true&starting_after={second - 1}".encode()
    caller = await stored(query=query).call(guarding(server.application, profiler, PII(stage=stage)))
    assert ADDRESS.encode() not in caller.body
    pieces, repeated = streamed_texts(caller.events)
    assert pieces.startswith(("o@exam", "["))
    assert repeated[0].startswith("write to [")
    assert repeated == [repeated[0]] * 2
    assert [event["sequence_number"] for event in caller.events] == [
        event["sequence_number"] for event in server.events if event["sequence_number"] >= second
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", STORED),
        ("HEAD", STORED),
        ("GET", f"{STORED}/input_items"),
        ("POST", f"{STORED}/other"),
        ("POST", STORED),
        ("GET", "/v1/responses"),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages"),
        ("DELETE", "/v1/chat/completions/chatcmpl-1"),
        ("GET", "/page"),
    ],
)
async def test_everything_else_passes_through_untouched(profiler: Profiler, method: str, path: str) -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    caller = stored(path, method=method)
    receive, send = caller.receive, caller.send
    await guarding(application, profiler, PII(stage="output"))(caller.scope, receive, send)
    assert seen == [(caller.scope, receive, send)]
    assert seen[0][0] is caller.scope
    assert outcomes(profiler) == []


@pytest.mark.parametrize("guards", [[], [PII()]])
async def test_without_a_guard_of_answers_it_passes_through_too(profiler: Profiler, guards: list[Any]) -> None:
    server = Server()
    middleware = TaxMiddleware(server.application, profiler=profiler, guards=guards)
    assert middleware.app is server.application
    assert text_of((await stored().call(middleware)).document) == f"write to {ADDRESS}"
    middleware.close()


async def test_below_paths_of_the_settings(profiler: Profiler) -> None:
    routes = {"/ask": "responses", "/talk": "chat"}
    server = Server()
    middleware = guarding(server.application, profiler, PII(stage="output"), routes=routes)
    assert ADDRESS not in text_of((await stored("/ask/resp_1").call(middleware)).document)
    assert ADDRESS in text_of((await stored("/asking/resp_1").call(middleware)).document)
    server.kept = completion(ADDRESS)
    assert ADDRESS.encode() not in (await stored("/talk/chatcmpl-1").call(middleware)).body
    assert ADDRESS.encode() not in (await stored("/talk").call(middleware)).body


async def test_answers_that_are_none(profiler: Profiler) -> None:
    server = Server()
    middleware = guarding(server.application, profiler, PII(stage="output"))
    missing = await stored("/v1/responses/gone").call(middleware)
    assert (missing.status, missing.document) == (404, {"error": {"message": "no such response"}})
    page = await stored("/v1/responses/page").call(middleware)
    assert (page.status, page.document["error"]["code"]) == (502, "unreadable_answer")


async def test_a_request_from_within_another_one(profiler: Profiler) -> None:
    """As an application does that asks itself, and a server that goes on with the next request of a connection."""
    server = Server()
    middleware = guarding(server.application, profiler, PII(stage="output"))
    with profiler.request(model="tiny"):
        caller = await stored().call(middleware)
        with profiler.layer("own", kind="guard", stage="input"):
            pass
    assert ADDRESS not in text_of(caller.document)
    profiler.drain()
    (trace,) = profiler.traces()
    assert [span.layer.name for span in trace.spans] == ["own"]


async def test_a_client_that_stalls_or_leaves(profiler: Profiler) -> None:
    class Stalling(Caller):
        async def receive(self) -> Any:
            await asyncio.Event().wait()

    class Leaving(Caller):
        async def receive(self) -> Any:
            return {"type": "http.disconnect"}

    server = Server()
    middleware = guarding(server.application, profiler, PII(stage="output"), upload_seconds=0.05)
    stalled = await Stalling(b"", STORED, method="GET").call(middleware)
    assert (stalled.status, stalled.document["error"]["code"]) == (408, "body_timeout")
    left = await Leaving(b"", STORED, method="GET").call(middleware)
    assert (left.messages, server.asked) == ([], [])
    assert outcomes(profiler) == []


async def test_after_a_restart_it_is_guarded_as_before() -> None:
    middleware = TaxMiddleware(Server().application, guards=[PII(stage="output")])
    try:
        for _ in range(2):
            assert ADDRESS not in text_of((await stored().call(middleware)).document)
            middleware.close()
            middleware.open()
    finally:
        middleware.close()


async def test_openais_client_behind_a_real_server(profiler: Profiler) -> None:
    middleware = guarding(Server().application, profiler, PII(stage="stream"))
    async with running(middleware) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x") as client:
        whole = await client.responses.retrieve("resp_1")
        assert whole.output_text.startswith("write to [")
        stream = await client.responses.retrieve("resp_1", stream=True)
        texts = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        assert "".join(texts).startswith("write to [")
        cancelled = await client.responses.cancel("resp_1")
        assert cancelled.output_text == whole.output_text
    assert outcomes(profiler) == []


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/v1/responses/resp_1", "responses"),
        ("GET", "/any/prefix/responses/resp_1", "responses"),
        ("GET", "/responses/resp_1", "responses"),
        ("GET", "/v1//RESPONSES/x/../resp_1;v=1/", "responses"),
        ("POST", "/v1/responses/resp_1/cancel", "responses"),
        ("POST", "/v1/responses/cancel", None),
        ("GET", "/v1/responses/resp_1/cancel", None),
        ("GET", "/v1/responses/", None),
        ("GET", "/responses", None),
        ("GET", "/v1/chat/completions", "chat"),
        ("GET", "/v1/chat//Completions/chatcmpl-1/", "chat"),
        ("POST", "/v1/chat/completions/chatcmpl-1", "chat"),
        ("POST", "/v1/chat/completions", None),
        ("DELETE", "/v1/chat/completions/chatcmpl-1", None),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages", None),
        ("GET", "/v1/completions/cmpl-1", None),
        ("GET", "/", None),
        ("GET", "", None),
        ("PUT", "/v1/responses/resp_1", None),
    ],
)
def test_which_requests_ask_for_one(method: str, path: str, found: Kind | None) -> None:
    assert stored_answers(method, path, {}) == found


async def test_requests_to_a_model_are_what_they_were(profiler: Profiler) -> None:
    server = Server({"choices": [{"index": 0, "message": {"role": "assistant", "content": ADDRESS}}]})
    caller = await Caller(asking("hi"), CHAT).call(guarding(server.application, profiler, PII(stage="output")))
    assert ADDRESS.encode() not in caller.body
    assert len(outcomes(profiler)) == 1
    assert json.loads(caller.body)["choices"][0]["message"]["content"].startswith("[")
