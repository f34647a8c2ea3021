"""Completions and chats of one choice and of several, whole and streamed, read with OpenAI's own classes."""

from __future__ import annotations

import json
from typing import Any

from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from tests.serving.calling import body, saying, start, streaming
from tests.serving.stages import BLOCK, REDACT, ask, both_stages
from tests.serving.upstream import asking, chat_chunk, content_of, frames

from aligntax import Profiler
from aligntax.guards import FunctionGuard

COMPLETIONS = "/v1/completions"


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


async def test_a_stream_is_measured_where_only_its_prompt_is_guarded(profiler: Profiler) -> None:
    stream = frames(chat_chunk({"role": "assistant", "content": ""}), *[chat_chunk({"content": "word "})] * 4)
    await ask(profiler, streaming(*stream), FunctionGuard(str.lower, name="lower"), asking("hello", stream=True))
    profiler.drain()
    ledger = profiler.ledger
    row = ledger.model_row("app")
    assert (ledger.upstream_first[row].sum(), ledger.first[row].sum()) == (1, 1)
    assert (ledger.upstream_gaps[row].sum(), ledger.gaps[row].sum()) == (4, 4)  # `[DONE]` is one, too
