"""Documents as OpenAI's servers write them, each checked against the models of its client."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx2
from openai import OpenAI
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from aligntax.serving.formats import Kind

ANSWERS: dict[Kind, TypeAdapter[Any]] = {
    "chat": TypeAdapter(ChatCompletion),
    "completions": TypeAdapter(Completion),
    "responses": TypeAdapter(Response),
    "embeddings": TypeAdapter(CreateEmbeddingResponse),
}
EVENTS: dict[Kind, TypeAdapter[Any]] = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "completions": TypeAdapter(Completion),
    "responses": TypeAdapter(ResponseStreamEvent),
}

# What the client's models forbid, and every server sends: chunks of completions that have not finished.
_UNFINISHED: dict[Kind, str] = {"completions": "finish_reason"}


def check_answer(kind: Kind, document: dict[str, Any]) -> Any:
    """Return the answer as the client reads it, and fail where it is none."""
    return ANSWERS[kind].validate_python(document)


def check_event(kind: Kind, document: dict[str, Any]) -> None:
    """Fail where an event is none."""
    checked = json.loads(json.dumps(document))
    if kind in _UNFINISHED:
        for choice in checked["choices"]:
            choice[_UNFINISHED[kind]] = choice[_UNFINISHED[kind]] or "stop"
    EVENTS[kind].validate_python(checked)


def client(body: bytes, content_type: str = "text/event-stream", status: int = 200) -> OpenAI:
    """Return OpenAI's client, in front of a server that always answers the same."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": content_type}, content=body)

    transport = httpx2.MockTransport(answer)
    return OpenAI(
        api_key="none", base_url="http://server/v1", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an event of the chat API."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": list(choices), **more}


def delta(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return a choice of an event of the chat API."""
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def text_chunk(text: str, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    """Return an event of the completions API."""
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}


def response(status: str, *output: dict[str, Any]) -> dict[str, Any]:
    """Return a response."""
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status}
    return {**head, "output": list(output), "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def message(identity: str, *content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """Return an item that is a message."""
    return {"id": identity, "type": "message", "role": "assistant", "status": status, "content": list(content)}


def output_text(text: str) -> dict[str, Any]:
    """Return a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def numbered(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """Return events of the responses API."""
    return [document | {"sequence_number": number} for number, document in enumerate(documents)]


def streamed_response(pieces: Iterable[str]) -> list[dict[str, Any]]:
    """Return the events with which a server streams reasoning, a message and a call of a function, of the same text."""
    pieces = list(pieces)
    text = "".join(pieces)
    part = output_text(text)
    summary = {"type": "summary_text", "text": text}
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": [summary]}
    call = {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "c",
        "name": "n",
        "arguments": text,
        "status": "completed",
    }
    at_reasoning = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    at_message = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    at_call = {"item_id": "fc_1", "output_index": 2}
    answer = message("msg_1", part)
    return numbered(
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": {**reasoning, "summary": []}},
        {"type": "response.reasoning_summary_part.added", **at_reasoning, "part": {**summary, "text": ""}},
        *({"type": "response.reasoning_summary_text.delta", **at_reasoning, "delta": piece} for piece in pieces),
        {"type": "response.reasoning_summary_text.done", **at_reasoning, "text": text},
        {"type": "response.reasoning_summary_part.done", **at_reasoning, "part": summary},
        {"type": "response.output_item.done", "output_index": 0, "item": reasoning},
        {"type": "response.output_item.added", "output_index": 1, "item": message("msg_1", status="in_progress")},
        {"type": "response.content_part.added", **at_message, "part": output_text("")},
        *({"type": "response.output_text.delta", **at_message, "delta": each, "logprobs": []} for each in pieces),
        {"type": "response.output_text.done", **at_message, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at_message, "part": part},
        {"type": "response.output_item.done", "output_index": 1, "item": answer},
        {"type": "response.output_item.added", "output_index": 2, "item": {**call, "arguments": ""}},
        *({"type": "response.function_call_arguments.delta", **at_call, "delta": piece} for piece in pieces),
        {"type": "response.function_call_arguments.done", **at_call, "name": "n", "arguments": text},
        {"type": "response.output_item.done", "output_index": 2, "item": call},
        {"type": "response.completed", "response": response("completed", reasoning, answer, call)},
    )
