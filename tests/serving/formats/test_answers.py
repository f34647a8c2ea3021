"""Complete answers: every text is found, and what repeats its tokens is removed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aligntax.serving.formats import Kind, answer_places, drop_tokens

from .documents import check_answer, check_event, chunk, delta, message, output_text, response

TOKENS = [{"token": "T1", "logprob": -1.0, "bytes": None, "top_logprobs": []}]
RESPONSE_TOKENS = [{"token": "T1", "logprob": -1.0, "bytes": [84], "top_logprobs": []}]


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    choices = [
        {"index": index, "message": {"role": "assistant", **each}, "finish_reason": "stop", **more}
        for index, each in enumerate(messages)
    ]
    return {"id": "i", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}


ANSWERS: dict[str, tuple[Kind, dict[str, Any], list[str]]] = {
    "chat": ("chat", chat({"content": "T1"}, {"content": None, "refusal": "T2"}), ["T1", "T2"]),
    "chat, what servers add": (
        "chat",
        chat(
            {
                "content": "T1",
                "reasoning_content": "T2",
                "reasoning": "T3",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "T4"},
                    {"type": "reasoning.encrypted", "data": "A"},
                ],
            }
        ),
        ["T1", "T2", "T3", "T4"],
    ),
    "chat, tools and sound": (
        "chat",
        chat(
            {
                "content": "",
                "tool_calls": [
                    {"id": "i", "type": "function", "function": {"name": "n", "arguments": "T1"}},
                    {"id": "j", "type": "custom", "custom": {"name": "n", "input": "T2"}},
                ],
                "function_call": {"name": "n", "arguments": "T3"},
                "audio": {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "T4"},
            }
        ),
        ["T1", "T2", "T3", "T4"],
    ),
    "completions": (
        "completions",
        {
            "id": "i",
            "object": "text_completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": n, "text": f"T{n}", "logprobs": None, "finish_reason": "length"} for n in range(3)],
        },
        ["T0", "T1", "T2"],
    ),
    "responses": (
        "responses",
        response(
            "completed",
            {
                "id": "rs_1",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "T1"}],
                "content": [{"type": "reasoning_text", "text": "T2"}],
            },
            message("msg_1", output_text("T3"), {"type": "refusal", "refusal": "T4"}),
            {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "n", "arguments": "T5"},
            {"id": "ct_1", "type": "custom_tool_call", "call_id": "c", "name": "n", "input": "T6"},
            {
                "id": "ci_1",
                "type": "code_interpreter_call",
                "container_id": "c",
                "status": "completed",
                "code": "T7",
                "outputs": [{"type": "logs", "logs": "T8"}],
            },
            {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "AAAA"},
        ),
        [f"T{n}" for n in range(1, 9)],
    ),
    "embeddings": (
        "embeddings",
        {
            "object": "list",
            "model": "m",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        },
        [],
    ),
}


@pytest.mark.parametrize(("kind", "document", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_every_text_of_an_answer_is_found_once(kind: Kind, document: dict[str, Any], expected: list[str]) -> None:
    check_answer(kind, document)
    assert sorted(place.text for place in answer_places(kind, document)) == expected


@pytest.mark.parametrize(("kind", "document", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_nothing_else_of_an_answer_changes(kind: Kind, document: dict[str, Any], expected: list[str]) -> None:
    changed = copy.deepcopy(document)
    for place in answer_places(kind, changed):
        place.put(place.text.replace("T", "other "))
    assert repr(changed) == repr(document).replace("'T", "'other ")
    check_answer(kind, changed)


def test_arguments_may_be_an_object() -> None:
    call = {"function": {"name": "n", "arguments": {"id": "T1", "list": ["T2", {"type": "T3"}]}}}
    places = answer_places("chat", chat({"content": None, "tool_calls": [call]}))
    assert [place.text for place in places] == ["T1", "T2", "T3"]


def test_tokens_of_chat_are_dropped() -> None:
    sound = {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "T"}
    document = chat({"content": "x", "audio": sound}, logprobs={"content": TOKENS, "refusal": None}, token_ids=[1])
    document |= {"prompt_logprobs": [None, {"1": {}}], "prompt_token_ids": [1]}
    drop_tokens("chat", document)
    check_answer("chat", document)
    assert "T1" not in repr(document)
    assert document == chat({"content": "x", "audio": sound | {"data": ""}}, logprobs=None, token_ids=None)


def test_tokens_of_a_chunk_are_dropped() -> None:
    document = chunk(delta(content="x") | {"logprobs": {"content": TOKENS}})
    drop_tokens("chat", document)
    assert document == chunk(delta(content="x"))
    check_event("chat", document)


def test_tokens_of_completions_are_dropped() -> None:
    kind, document, _ = ANSWERS["completions"]
    document = copy.deepcopy(document)
    document["choices"][1]["logprobs"] = {"tokens": ["T1"], "token_logprobs": [-1.0]}
    drop_tokens(kind, document)
    assert document == ANSWERS["completions"][1]


def test_tokens_of_a_response_are_dropped() -> None:
    part = output_text("x") | {"logprobs": RESPONSE_TOKENS}
    plain = output_text("x")
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "sequence_number": 1}
    answer, changed = response("completed", message("msg_1", part)), response("completed", message("msg_1", plain))
    for document, expected in (
        (answer, changed),
        ({"type": "response.completed", "response": answer}, {"type": "response.completed", "response": changed}),
        ({"type": "response.content_part.done", "part": part}, {"type": "response.content_part.done", "part": plain}),
        ({"type": "response.output_item.done", "item": message("msg_1", part)}, {"item": message("msg_1", plain)}),
        ({"type": "response.output_text.delta", "delta": "x", "logprobs": RESPONSE_TOKENS}, {"logprobs": []}),
        ({"type": "response.output_text.done", "text": "x", "logprobs": RESPONSE_TOKENS}, {"logprobs": []}),
    ):
        changed_document = copy.deepcopy(document) | at
        drop_tokens("responses", changed_document)
        assert changed_document == document | at | expected


def test_where_there_are_no_tokens_nothing_changes() -> None:
    for kind, document, _ in ANSWERS.values():
        if "sound" not in repr(document) and "audio" not in repr(document):
            same = copy.deepcopy(document)
            drop_tokens(kind, same)
            assert same == document
