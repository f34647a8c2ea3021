"""Events of the responses API one by one: which texts they hold, end and repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aligntax.serving.formats import (
    delta_places,
    ending_keys,
    flush,
    tail,
    whole_places,
)

from .documents import check_event, output_text, response

RESPONSE_TEXTS = {
    "output_text": ({"content_index": 1, "item_id": "i", "output_index": 2}, "text"),
    "refusal": ({"content_index": 1, "item_id": "i", "output_index": 2}, "refusal"),
    "reasoning_text": ({"content_index": 1, "item_id": "i", "output_index": 2}, "text"),
    "reasoning_summary_text": ({"summary_index": 1, "item_id": "i", "output_index": 2}, "text"),
    "function_call_arguments": ({"item_id": "i", "output_index": 2}, "arguments"),
    "custom_tool_call_input": ({"item_id": "i", "output_index": 2}, "input"),
    "mcp_call_arguments": ({"item_id": "i", "output_index": 2}, "arguments"),
    "code_interpreter_call_code": ({"item_id": "i", "output_index": 2}, "code"),
    "shell_call_command": ({"command_index": 1, "output_index": 2}, "command"),
    "audio.transcript": ({}, "transcript"),
}


@pytest.mark.parametrize(("name", "at", "field"), [(name, *each) for name, each in RESPONSE_TEXTS.items()])
def test_every_text_of_a_response_streams(name: str, at: dict[str, Any], field: str) -> None:
    fragment = {"type": f"response.{name}.delta", **at, "delta": "T", "logprobs": [], "sequence_number": 7}
    check_event("responses", fragment)
    ((key, place),) = delta_places("responses", fragment, None)
    assert place.text == "T"
    assert whole_places("responses", fragment, None) == []
    done = {"type": f"response.{name}.done", **at, field: "T", "name": "n", "logprobs": [], "sequence_number": 8}
    check_event("responses", done)
    other = key._replace(output=99)
    assert ending_keys("responses", done, None, [key, other]) == [key]
    assert [(each, place.text) for each, place in whole_places("responses", done, None)] == [(key, "T")]
    (rest,) = flush("responses", done, None, {key: "rest"})
    check_event("responses", rest)
    assert [(each, place.text) for each, place in delta_places("responses", rest, None)] == [(key, "rest")]
    assert (rest["sequence_number"], done["sequence_number"]) == (8, 9)


def test_the_output_of_a_command_streams_as_an_object() -> None:
    at = {"item_id": "i", "output_index": 0, "command_index": 0}
    fragment = {"type": "response.shell_call_output_content.delta", **at, "delta": {"stdout": "T1", "stderr": "T2"}}
    check_event("responses", fragment | {"sequence_number": 1})
    keys = {key: place.text for key, place in delta_places("responses", fragment, None)}
    assert sorted(keys.values()) == ["T1", "T2"]
    done = {
        "type": "response.shell_call_output_content.done",
        **at,
        "output": [{"stdout": "T1", "stderr": "T2", "outcome": {"type": "exit", "exit_code": 0}}],
        "sequence_number": 3,
    }
    check_event("responses", done)
    assert ending_keys("responses", done, None, keys) == [*keys]
    assert [place.text for _, place in whole_places("responses", done, None)] == ["T1", "T2"]
    for rest in flush("responses", done, None, dict.fromkeys(keys, "rest")):
        check_event("responses", rest)
        ((key, place),) = delta_places("responses", rest, None)
        assert (key in keys, place.text) == (True, "rest")


ITEMS: Sequence[tuple[dict[str, Any], str]] = [
    ({"type": "message", "content": [output_text("T")]}, "output_text"),
    ({"type": "message", "content": [{"type": "refusal", "refusal": "T"}]}, "refusal"),
    ({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "T"}]}, "reasoning_text"),
    ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "T"}]}, "reasoning_summary_text"),
    ({"type": "function_call", "arguments": "T"}, "function_call_arguments"),
    ({"type": "custom_tool_call", "input": "T"}, "custom_tool_call_input"),
    ({"type": "mcp_call", "arguments": "T"}, "mcp_call_arguments"),
    ({"type": "code_interpreter_call", "code": "T"}, "code_interpreter_call_code"),
    ({"type": "shell_call", "action": {"commands": ["T"]}}, "shell_call_command"),
]


@pytest.mark.parametrize(("item", "name"), ITEMS, ids=[name for _, name in ITEMS])
def test_an_item_repeats_its_texts(item: dict[str, Any], name: str) -> None:
    at = {key: 0 if isinstance(value, int) else value for key, value in RESPONSE_TEXTS[name][0].items()}
    ((key, _),) = delta_places("responses", {"type": f"response.{name}.delta", **at, "delta": "T"}, None)
    item = {"id": "i", **item}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    over = {"type": "response.completed", "response": response("completed", item)}
    for document in (done, over):
        assert [(each, place.text) for each, place in whole_places("responses", document, None)] == [(key, "T")]
        assert ending_keys("responses", document, None, [key]) == [key]
    begun = {"type": "response.output_item.added", "output_index": 0, "item": item}
    assert [(each, place.text) for each, place in delta_places("responses", begun, None)] == [(key, "T")]
    assert whole_places("responses", begun, None) == []


def test_a_part_that_is_done_ends_its_text_alone() -> None:
    at = {"item_id": "i", "output_index": 0}
    keys = [
        delta_places("responses", {"type": "response.output_text.delta", **at, "content_index": n, "delta": "T"}, None)[
            0
        ][0]
        for n in range(2)
    ]
    done = {"type": "response.content_part.done", **at, "content_index": 1, "part": output_text("T")}
    assert ending_keys("responses", done, None, keys) == [keys[1]]


def test_what_never_streams_is_known_again_where_it_is_repeated() -> None:
    item = {"id": "i", "type": "mcp_call", "arguments": "", "output": "T", "name": "n", "server_label": "l"}
    done = {"type": "response.output_item.done", "output_index": 5, "item": item}
    over = {"type": "response.completed", "response": response("completed", item)}
    ((first, _),) = whole_places("responses", done, None)
    ((second, place),) = whole_places("responses", over, None)
    assert (first, place.text) == (second, "T")
    assert tail("responses", over, {first: "T"}) == []


def test_an_event_without_a_type_is_what_the_frame_calls_it() -> None:
    document = {"item_id": "i", "output_index": 0, "content_index": 0, "delta": "T"}
    assert [place.text for _, place in delta_places("responses", document, "response.output_text.delta")] == ["T"]
    assert delta_places("responses", document, None) == []


def test_sound_is_no_text() -> None:
    assert delta_places("responses", {"type": "response.audio.delta", "delta": "AAAA"}, None) == []
