"""The responses API, whole and streamed, read with OpenAI's own classes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.serving.calling import Caller, body, saying, start, streaming
from tests.serving.stages import BLOCK, REDACT, ask, both_stages, outcome

from aligntax import Profiler
from aligntax.guards import PII
from aligntax.trace import Outcome

RESPONSES = "/v1/responses"

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def told(*documents: dict[str, Any]) -> list[bytes]:
    """Return the frames of a stream of the responses API."""
    return [f"event: {document['type']}\ndata: {json.dumps(document)}\n\n".encode() for document in documents]


def response(status: str, output: list[Any]) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "tiny",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": None,
        "top_p": None,
    }


def message(text: str, status: str = "completed") -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


def response_stream(*pieces: str) -> list[bytes]:
    whole = "".join(pieces)
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    documents: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.in_progress", "response": response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": message("", "in_progress")},
        {"type": "response.content_part.added", **at, "part": part},
        *({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces),
        {"type": "response.output_text.done", **at, "text": whole, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part | {"text": whole}},
        {"type": "response.output_item.done", "output_index": 0, "item": message(whole)},
        {"type": "response.completed", "response": response("completed", [message(whole)])},
    ]
    return told(*(document | {"sequence_number": number} for number, document in enumerate(documents)))


def events_of(caller: Caller) -> list[Any]:
    """Return the events as OpenAI's client would, numbered without a gap, and called as they are."""
    blocks = [block.splitlines() for block in caller.body.decode().split("\n\n") if block]
    documents = [json.loads(block[-1].removeprefix("data: ")) for block in blocks]
    assert [block[0] for block in blocks] == [f"event: {document['type']}" for document in documents]
    assert [document["sequence_number"] for document in documents] == list(range(len(documents)))
    return [EVENT.validate_python(document) for document in documents]


@both_stages
async def test_a_response_is_redacted_wherever_its_text_is_repeated(profiler: Profiler, at: int) -> None:
    application = streaming(*response_stream("write to jo@exam", "ple.com", " now, or to al@example.com"))
    caller = await ask(profiler, application, REDACT[at], {"input": "hello", "stream": True}, RESPONSES)
    events = events_of(caller)
    expected = "write to [email] now, or to [email]"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == expected
    assert events[-1].response.output_text == expected
    assert {event.text for event in events if event.type == "response.output_text.done"} == {expected}
    assert b"example.com" not in caller.body
    assert outcome(profiler) is Outcome.MODIFIED


async def test_a_response_that_nothing_is_found_in_stays_what_it_is(profiler: Profiler) -> None:
    stream = response_stream("all ", "is ", "fine")
    caller = await ask(profiler, streaming(*stream), BLOCK[0], {"input": "hello", "stream": True}, RESPONSES)
    assert caller.bodies[:-1] == stream


async def test_a_response_is_blocked_in_mid_stream(profiler: Profiler) -> None:
    application = streaming(*response_stream("good ", "forbidden ", "more"))
    caller = await ask(profiler, application, BLOCK[0], {"input": "hello", "stream": True}, RESPONSES)
    events = events_of(caller)
    assert [event.delta for event in events if event.type == "response.output_text.delta"] == ["good "]
    last = events[-1].response
    assert (last.id, last.status, last.incomplete_details.reason) == ("resp_1", "incomplete", "content_filter")
    assert outcome(profiler) is Outcome.BLOCKED_OUTPUT


@pytest.mark.parametrize("coalesced", [False, True])
async def test_a_response_that_breaks_ends_with_a_numbered_error(profiler: Profiler, coalesced: bool) -> None:
    stream = [*response_stream("good ")[:5], b"data: {broken\n\n"]
    application = streaming(*([b"".join(stream)] if coalesced else stream))
    caller = await ask(profiler, application, REDACT[0], {"input": "hello", "stream": True}, RESPONSES)
    events = events_of(caller)
    assert [event.type for event in events[-2:]] == ["response.output_text.delta", "error"]
    assert (events[-1].sequence_number, events[-1].code) == (5, "unreadable_answer")


@both_stages
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_a_blocked_response_is_one_that_refuses(profiler: Profiler, at: int, streams: bool) -> None:
    whole = saying(start(), body(json.dumps(response("completed", [message("forbidden")])).encode()))
    application = streaming(*response_stream("forbidden")) if streams else whole
    caller = await ask(profiler, application, BLOCK[at], {"input": "hello", "stream": streams}, RESPONSES)
    if streams:
        events = events_of(caller)
        last = events[-1].response
        assert last.status == ("incomplete" if at == 0 else "completed")
    else:
        last = Response.model_validate(caller.document)
        assert last.output[0].content[0].type == "refusal"  # type: ignore[union-attr]
    assert b"forbidden" not in caller.body
    assert outcome(profiler) is Outcome.BLOCKED_OUTPUT


async def test_a_response_whose_repetition_differs_is_read_as_well(profiler: Profiler) -> None:
    lying = [frame.replace(b'"text": "fine"', b'"text": "to jo@example.com"') for frame in response_stream("fine")]
    for guard in REDACT:
        with Profiler(cpu_share=0, drain_seconds=0) as fresh:
            caller = await ask(fresh, streaming(*lying), guard, {"input": "hello", "stream": True}, RESPONSES)
        assert b"jo@example.com" not in caller.body
        assert events_of(caller)


async def test_texts_that_a_stream_repeats_are_bounded(profiler: Profiler) -> None:
    application = streaming(*response_stream(*["many words "] * 200))
    caller = await ask(
        profiler, application, REDACT[0], {"input": "hello", "stream": True}, RESPONSES, max_answer_bytes=1000
    )
    assert events_of(caller)[-1].code == "unreadable_answer"


async def test_a_prompt_of_the_responses_api_is_redacted(profiler: Profiler) -> None:
    asked = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(json.loads((await receive())["body"]))
        await send(start())
        await send(body(json.dumps(response("completed", [message("fine")])).encode()))

    document = {
        "model": "tiny",
        "instructions": "Write to al@example.com.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "I am jo@example.com"}]}],
    }
    await ask(profiler, application, PII(), document, RESPONSES)
    assert asked[0]["instructions"] == "Write to [email]."
    assert asked[0]["input"][0]["content"][0]["text"] == "I am [email]"
