"""Streams of chats and completions: OpenAI's client reads what it would read of a redacted answer."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from aligntax.serving.formats import (
    Key,
    delta_places,
    flush,
    tail,
    whole_places,
)

from .documents import check_event, chunk, client, delta, text_chunk
from .redaction import body, redacted, through


def chat_texts(documents: Iterable[dict[str, Any]]) -> dict[Any, str]:
    """Return what OpenAI's client reads of each text of a chat."""
    read: dict[Any, str] = {}
    for each in client(body(documents)).chat.completions.create(model="m", messages=[], stream=True):
        for choice in filter(lambda choice: choice.delta, each.choices):
            said = choice.delta.model_dump(exclude_none=True)
            calls = said.pop("tool_calls", [])
            found = {
                (choice.index, name): text for name, text in said.items() if isinstance(text, str) and name != "role"
            }
            found |= {(choice.index, "tool", call["index"]): call["function"].get("arguments", "") for call in calls}
            for key, text in found.items():
                read[key] = read.get(key, "") + text
    return read


HEAD = {"role": "assistant", "content": ""}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "n", "arguments": ""}}


def more(text: str, index: int = 0) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": text}}


CHATS = {
    "content": [
        chunk(delta(**HEAD)),
        chunk(delta(content="a sec")),
        chunk(delta(content="ret")),
        chunk(delta(content=" z")),
        chunk(delta(finish="stop")),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
    ],
    "text in the last chunk": [chunk(delta(content="a sec")), chunk(delta(finish="stop", content="ret"))],
    "no reason to finish": [chunk(delta(content="a sec")), chunk(delta(content="ret z"))],
    "empty reason to finish": [
        chunk(delta(content="a sec") | {"finish_reason": ""}),
        chunk(delta(content="ret", finish="stop")),
    ],
    "no delta in the last chunk": [
        chunk(delta(content="a sec")),
        chunk(delta(content="re")),
        chunk({"index": 0, "finish_reason": "stop", "delta": None}),
    ],
    "several choices": [
        chunk(delta(0, content="a sec"), delta(1, content="sec")),
        chunk(delta(1, content="ret")),
        chunk(delta(0, finish="stop", content="ret"), delta(1, content="b")),
        chunk(delta(1, finish="length")),
    ],
    "reasoning, content and refusal": [
        chunk(delta(reasoning_content="a sec")),
        chunk(delta(reasoning_content="ret", content="sec")),
        chunk(delta(content="ret", refusal="sec")),
        chunk(delta(finish="stop", refusal="ret")),
    ],
    "calls of tools": [
        chunk(delta(**HEAD)),
        chunk(delta(tool_calls=[CALL, CALL | {"index": 1, "id": "call_2"}])),
        chunk(delta(tool_calls=[more("{sec"), more("sec", 1)])),
        chunk(delta(tool_calls=[more("ret", 1)])),
        chunk(delta(tool_calls=[more("ret}")])),
        chunk(delta(finish="tool_calls")),
    ],
}


@pytest.mark.parametrize("holds", [0, 5, 10**9])
@pytest.mark.parametrize("chunks", CHATS.values(), ids=CHATS)
def test_a_client_reads_the_redacted_chat(chunks: list[dict[str, Any]], holds: int) -> None:
    sent = through("chat", chunks, holds)
    for each in sent:
        if not any(choice.get("delta") is None or choice["finish_reason"] == "" for choice in each["choices"]):
            check_event("chat", each)
    plain = [each for each in chunks if all(choice.get("delta") is not None for choice in each["choices"])]
    expected = chat_texts(plain)
    if holds:
        expected = {key: redacted(text) for key, text in expected.items()}
    assert chat_texts(sent) == expected
    reasons = [[choice["finish_reason"] for choice in each["choices"]] for each in chunks]
    assert [[choice["finish_reason"] for choice in each["choices"]] for each in sent][: len(chunks)] == reasons


def test_openai_s_accumulator_agrees() -> None:
    sent = through("chat", CHATS["calls of tools"], 5)
    with client(body(sent)).chat.completions.stream(model="m", messages=[]) as stream:
        for _ in stream:
            pass
        (choice,) = stream.get_final_completion().choices
    assert [call.function.arguments for call in choice.message.tool_calls or ()] == ["{[x]}", "[x]"]


def test_other_texts_of_a_chat_have_keys_of_their_own() -> None:
    said = {
        "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "T1"}]}, {"type": "text", "text": "T2"}],
        "audio": {"transcript": "T3"},
        "function_call": {"arguments": "T4"},
        "tool_calls": [{"id": "c", "custom": {"input": "T5"}}, {"function": {"arguments": "T6"}}],
        "reasoning_details": [{"index": 0, "text": "T7"}],
    }
    places = dict(delta_places("chat", chunk(delta(**said)), None))
    assert [place.text for place in places.values()] == [f"T{n}" for n in range(1, 8)]
    (rest,) = tail("chat", {}, dict.fromkeys(places, "rest"))
    again = delta_places("chat", rest, None)
    assert {key for key, _ in again} == places.keys()
    assert {place.text for _, place in again} == {"rest"}
    extended = chunk(delta(finish="stop", **copy.deepcopy(said)))
    assert flush("chat", extended, None, dict.fromkeys(places, "+")) == []
    together: dict[Key, str] = {}
    for key, place in delta_places("chat", extended, None):
        together[key] = together.get(key, "") + place.text
    assert together == {key: place.text + "+" for key, place in places.items()}


def test_what_comes_whole_in_a_chat_is_found() -> None:
    document = chunk(
        delta(tool_calls=[{"index": 0, "function": {"arguments": {"a": "T1"}}}]),
        {"index": 1, "message": {"role": "assistant", "content": "T2"}, "finish_reason": "stop"},
    )
    assert delta_places("chat", document, None) == []
    whole = whole_places("chat", document, None)
    assert [place.text for _, place in whole] == ["T1", "T2"]
    assert len({key for key, _ in whole}) == 2


@pytest.mark.parametrize("holds", [0, 5, 10**9])
@pytest.mark.parametrize(
    "chunks",
    [
        [text_chunk("a sec"), text_chunk("ret z"), text_chunk("", finish="stop")],
        [text_chunk("a sec"), text_chunk("ret", finish="stop")],
        [text_chunk("a sec"), text_chunk("ret")],
        [text_chunk("sec", 1), text_chunk("a sec"), text_chunk("ret", 1, "stop"), text_chunk("ret", 0, "length")],
    ],
)
def test_a_client_reads_the_redacted_completion(chunks: list[dict[str, Any]], holds: int) -> None:
    sent = through("completions", chunks, holds)
    for each in sent:
        check_event("completions", each)
    read = {0: "", 1: ""}
    for completion in client(body(sent)).completions.create(model="m", prompt="", stream=True):
        for choice in completion.choices:
            read[choice.index] += choice.text
    plain = ["".join(c["text"] for e in chunks for c in e["choices"] if c["index"] == index) for index in (0, 1)]
    assert [*read.values()] == [redacted(text) if holds else text for text in plain]
