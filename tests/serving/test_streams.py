"""Every kind of API, whole and streamed, read with OpenAI's own classes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tests.serving.calling import CHAT, Caller, body, saying, start, streaming
from tests.serving.upstream import asking, chat_chunk, content_of, frames

from aligntax import Profiler
from aligntax.guards import PII, Blocklist, FunctionGuard
from aligntax.serving.asgi import TaxMiddleware
from aligntax.trace import Outcome

COMPLETIONS, RESPONSES, EMBEDDINGS = "/v1/completions", "/v1/responses", "/v1/embeddings"
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REDACT = [PII(stage="stream"), PII(stage="output")]
BLOCK = [Blocklist(["forbidden"], on_hit="block", stage=stage) for stage in ("stream", "output")]  # type: ignore[arg-type]
both_stages = pytest.mark.parametrize("at", [0, 1], ids=["stream", "output"])


async def ask(profiler: Profiler, application: Any, guard: Any, document: Any, path: str = CHAT, **more: Any) -> Caller:
    middleware = TaxMiddleware(application, profiler=profiler, guards=[guard], **more)
    caller = await Caller(document, path).call(middleware)
    assert caller.ended
    middleware.close()
    return caller


def outcome(profiler: Profiler) -> Outcome:
    profiler.drain()
    (trace,) = profiler.traces()
    return trace.outcome


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


# -- responses -------------------------------------------------------------------------------------------------------


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


# -- completions -----------------------------------------------------------------------------------------------------


def completion(text: str, finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}
    return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "tiny", "choices": [choice]}


@both_stages
async def test_completions_are_redacted_for_every_choice(profiler: Profiler, at: int) -> None:
    stream = frames(
        completion("write to j"),
        completion("call a", index=1),
        completion("o@example.com"),
        completion("l@example.com", index=1),
        completion("", "length", index=1),
        completion("", "stop"),
    )
    caller = await ask(profiler, streaming(*stream), REDACT[at], {"prompt": "hello", "stream": True}, COMPLETIONS)
    texts = ["", ""]
    for event in caller.events:  # OpenAI's client does not validate these either: no reason to finish is none of theirs
        for choice in Completion.construct(**event).choices:
            texts[choice.index] += choice.text
    assert texts == ["write to [email]", "call [email]"]
    assert caller.body.endswith(b"data: [DONE]\n\n")


@both_stages
async def test_completions_are_redacted_whole_and_blocked(profiler: Profiler, at: int) -> None:
    document = {"prompt": "hello"}
    for guards, text, expected in (
        (REDACT, "write to jo@example.com", "write to [email]"),
        (BLOCK, "forbidden", "Not here."),
    ):
        application = saying(start(), body(json.dumps(completion(text, "stop")).encode()))
        caller = await ask(profiler, application, guards[at], document, COMPLETIONS, block_message="Not here.")
        (choice,) = Completion.model_validate(caller.document).choices
        assert choice.text == expected
        assert choice.finish_reason == ("stop" if guards is REDACT else "content_filter")


# -- chat ------------------------------------------------------------------------------------------------------------


def call(arguments: str, index: int = 0, **first: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": first.pop("name")} if first else {})
    return {"tool_calls": [{"index": index, **first, "function": function}]}


@both_stages
async def test_arguments_of_tools_are_redacted_and_stay_json(profiler: Profiler, at: int) -> None:
    head = {"id": "call_1", "type": "function", "name": "send"}
    stream = frames(
        chat_chunk({"role": "assistant", "content": None}),
        chat_chunk(call("", **head)),
        chat_chunk(call("", index=1, **head | {"id": "call_2"})),
        chat_chunk(call('{"to": "jo@exa')),
        chat_chunk(call('{"to": "nobo', index=1)),
        chat_chunk(call('mple.com"}')),
        chat_chunk(call('dy"}', index=1)),
        chat_chunk({}, "tool_calls"),
    )
    caller = await ask(profiler, streaming(*stream), REDACT[at], asking("hello", stream=True))
    arguments = ["", ""]
    for event in map(ChatCompletionChunk.model_validate, caller.events):
        for choice in event.choices:
            for each in choice.delta.tool_calls or ():
                arguments[each.index] += (each.function and each.function.arguments) or ""
    assert [json.loads(each) for each in arguments] == [{"to": "[email]"}, {"to": "nobody"}]


async def test_a_block_in_one_choice_ends_both(profiler: Profiler) -> None:
    stream = frames(
        chat_chunk({"role": "assistant", "content": "one "}),
        chat_chunk({"role": "assistant", "content": "two "}, index=1),
        chat_chunk({"content": "forbidden "}, index=1),
        chat_chunk({"content": "more "}),
    )
    caller = await ask(profiler, streaming(*stream), BLOCK[0], asking("hello", stream=True, n=2))
    chunks = [ChatCompletionChunk.model_validate(event) for event in caller.events]
    assert [(choice.index, choice.finish_reason) for choice in chunks[-1].choices] == [
        (0, "content_filter"),
        (1, "content_filter"),
    ]
    assert content_of(caller.body) == "one two "


async def test_one_blocked_choice_of_a_whole_answer_blocks_it(profiler: Profiler) -> None:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(("fine", "forbidden"))
    ]
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "tiny", "choices": choices}
    application = saying(start(), body(json.dumps(answer).encode()))
    caller = await ask(profiler, application, BLOCK[0], asking("hello", n=2))
    found = ChatCompletion.model_validate(caller.document)
    assert [choice.finish_reason for choice in found.choices] == ["content_filter"]


async def test_log_probabilities_go_where_a_text_was_changed(profiler: Profiler) -> None:
    tokens = {"content": [{"token": "jo@example.com", "logprob": -1.0, "bytes": None, "top_logprobs": []}]}
    chunk = chat_chunk({"content": "jo@example.com "})
    chunk["choices"][0]["logprobs"] = tokens
    caller = await ask(profiler, streaming(*frames(chunk)), REDACT[0], asking("hello", stream=True))
    assert b"jo@example.com" not in caller.body


# -- embeddings ------------------------------------------------------------------------------------------------------

EMBEDDED = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "tiny",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


@pytest.mark.parametrize("given", ["jo@example.com", ["jo@example.com", "fine"]])
async def test_what_is_embedded_is_redacted(profiler: Profiler, given: Any) -> None:
    asked = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(json.loads((await receive())["body"]))
        await send(start())
        await send(body(json.dumps(EMBEDDED).encode()))

    caller = await ask(profiler, application, PII(), {"model": "tiny", "input": given}, EMBEDDINGS)
    assert asked[0]["input"] == ("[email]" if isinstance(given, str) else ["[email]", "fine"])
    assert CreateEmbeddingResponse.model_validate(caller.document).data[0].embedding == [0.5]


@pytest.mark.parametrize("on_block", ["answer", "error"])
async def test_a_blocked_embedding_is_an_error(profiler: Profiler, on_block: str) -> None:
    caller = await ask(
        profiler,
        saying(),
        Blocklist(["forbidden"], on_hit="block"),
        {"input": "forbidden"},
        EMBEDDINGS,
        on_block=on_block,
    )
    assert (caller.status, caller.document["error"]["code"]) == (400, "content_filter")
    assert outcome(profiler) is Outcome.BLOCKED_INPUT


async def test_no_guard_of_answers_stands_in_the_way_of_embeddings(profiler: Profiler) -> None:
    middleware = TaxMiddleware(
        saying(start("application/octet-stream"), body(b"\x00\x01")), profiler=profiler, guards=[PII(), REDACT[0]][1:]
    )
    caller = await Caller({"input": "hello"}, EMBEDDINGS).call(middleware)
    assert caller.body == b"\x00\x01"
    both = TaxMiddleware(
        saying(start("application/octet-stream"), body(b"\x00\x01")),
        profiler=profiler,
        model="other",
        guards=[PII(name="in"), PII(name="out", stage="output")],
    )
    caller = await Caller({"input": "hello"}, EMBEDDINGS).call(both)
    assert caller.body == b"\x00\x01"


# -- times -----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_measured_where_only_its_prompt_is_guarded(profiler: Profiler) -> None:
    stream = frames(chat_chunk({"role": "assistant", "content": ""}), *[chat_chunk({"content": "word "})] * 4)
    await ask(profiler, streaming(*stream), FunctionGuard(str.lower, name="lower"), asking("hello", stream=True))
    profiler.drain()
    ledger = profiler.ledger
    row = ledger.model_row("app")
    assert (ledger.upstream_first[row].sum(), ledger.first[row].sum()) == (1, 1)
    assert (ledger.upstream_gaps[row].sum(), ledger.gaps[row].sum()) == (4, 4)  # `[DONE]` is one, too
