"""Prompts: every text that the model would read is found, and what is no text is said to be there."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aligntax.serving.formats import Kind, model_name, prompt, prompt_places, unreadable, wants_stream

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {
    "type": "object",
    "title": "T1",
    "properties": {
        "description": {"type": "string", "description": "T2", "enum": ["T3", "T4"]},
        "nested": {"type": "array", "items": {"anyOf": [{"type": "null"}, {"const": "T5", "default": {"a": ["T6"]}}]}},
    },
}

# By what is in them: the kind, the request, its texts.
READABLE: dict[str, tuple[Kind, dict[str, Any], list[str]]] = {
    "chat, text": ("chat", {"messages": [{"role": "user", "content": "T1", "name": "n"}]}, ["T1"]),
    "chat, parts": (
        "chat",
        {
            "messages": [
                {
                    "role": "system",
                    "content": [{"type": "text", "text": "T1"}, {"type": "input_text", "text": "T2"}, "T3"],
                },
                {"role": "user", "content": [{"text": "T4"}, {"type": "thinking", "thinking": "T5"}]},
                {"role": "user", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "T6"}]}]},
            ]
        },
        ["T1", "T2", "T3", "T4", "T5", "T6"],
    ),
    "chat, tools used": (
        "chat",
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": "T1",
                    "reasoning_content": "T2",
                    "tool_calls": [
                        {"id": "i", "type": "function", "function": {"name": "n", "arguments": "T3"}},
                        {"id": "j", "type": "custom", "custom": {"name": "n", "input": "T4"}},
                        {"id": "k", "type": "function", "function": {"name": "n", "arguments": {"id": "T5"}}},
                    ],
                    "function_call": {"name": "n", "arguments": "T6"},
                },
                {"role": "tool", "tool_call_id": "i", "content": "T7"},
                {"role": "function", "name": "n", "content": "T8"},
            ]
        },
        [f"T{n}" for n in range(1, 9)],
    ),
    "chat, tools defined": (
        "chat",
        {
            "messages": [],
            "tools": [
                {"type": "function", "function": {"name": "n", "description": "T7", "parameters": SCHEMA}},
                {
                    "type": "custom",
                    "custom": {
                        "name": "n",
                        "description": "T8",
                        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "T9"}},
                    },
                },
            ],
            "functions": [
                {"name": "n", "description": "T10", "parameters": {"properties": {"a": {"description": "T11"}}}}
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "T12", "schema": {"description": "T13"}},
            },
            "prediction": {"type": "content", "content": [{"type": "text", "text": "T14"}]},
        },
        [f"T{n}" for n in range(1, 15)],
    ),
    "chat, what servers add": (
        "chat",
        {
            "messages": [{"role": "T1", "content": ""}],
            "documents": [{"title": "T2", "text": "T3"}],
            "chat_template": "T4",
            "chat_template_kwargs": {"persona": "T5"},
        },
        ["T1", "T2", "T3", "T4", "T5"],
    ),
    "completions, text": ("completions", {"prompt": "T1", "suffix": "T2"}, ["T1", "T2"]),
    "completions, texts": ("completions", {"prompt": ["T1", "", "T2"]}, ["T1", "T2"]),
    "completions, nothing": ("completions", {"prompt": None}, []),
    "embeddings, text": ("embeddings", {"input": "T1"}, ["T1"]),
    "embeddings, texts": ("embeddings", {"input": ["T1", "T2"]}, ["T1", "T2"]),
    "embeddings, messages": ("embeddings", {"messages": [{"role": "user", "content": "T1"}]}, ["T1"]),
    "responses, text": ("responses", {"input": "T1", "instructions": "T2"}, ["T1", "T2"]),
    "responses, messages": (
        "responses",
        {
            "input": [
                {"role": "user", "content": "T1"},
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "T2"}]},
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "assistant",
                    "status": "completed",
                    "content": [
                        {"type": "output_text", "text": "T3", "annotations": []},
                        {"type": "refusal", "refusal": "T4"},
                    ],
                },
                {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [{"type": "summary_text", "text": "T5"}],
                    "content": [{"type": "reasoning_text", "text": "T6"}],
                    "encrypted_content": "gAAAA",
                },
                {"type": "item_reference", "id": "msg_0"},
                {"id": "msg_0"},
            ]
        },
        [f"T{n}" for n in range(1, 7)],
    ),
    "responses, tools used": (
        "responses",
        {
            "input": [
                {"type": "function_call", "call_id": "c", "name": "n", "arguments": "T1"},
                {"type": "function_call_output", "call_id": "c", "output": "T2"},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "T3"}]},
                {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "T4"},
                {"type": "custom_tool_call_output", "call_id": "c", "output": "T5"},
                {"type": "mcp_call", "id": "i", "name": "n", "server_label": "l", "arguments": "T6", "output": "T7"},
                {"type": "local_shell_call", "action": {"type": "exec", "command": ["T8"], "env": {"a": "T9"}}},
                {"type": "local_shell_call_output", "id": "i", "output": "T10"},
                {"type": "shell_call", "call_id": "c", "action": {"commands": ["T11", "T12"]}},
                {
                    "type": "shell_call_output",
                    "output": [{"stdout": "T13", "stderr": "T14", "outcome": {"type": "exit"}}],
                },
                {"type": "apply_patch_call", "operation": {"type": "create_file", "path": "T15", "diff": "T16"}},
                {"type": "apply_patch_call_output", "status": "failed", "output": "T17"},
                {"type": "code_interpreter_call", "code": "T18", "outputs": [{"type": "logs", "logs": "T19"}]},
                {"type": "file_search_call", "queries": ["T20"], "results": [{"file_id": "f", "text": "T21"}]},
                {"type": "web_search_call", "action": {"type": "search", "query": "T22"}},
                {"type": "computer_call", "action": {"type": "type", "text": "T23"}},
                {
                    "type": "mcp_list_tools",
                    "tools": [{"name": "n", "description": "T24", "input_schema": {"title": "T25"}}],
                },
                {"type": "mcp_approval_response", "approve": False, "reason": "T26"},
                {"type": "program", "code": "T27"},
                {"type": "program_output", "result": "T28"},
                {"type": "tool_search_call", "arguments": {"id": "T29"}},
            ]
        },
        [f"T{n}" for n in range(1, 30)],
    ),
    "responses, tools defined": (
        "responses",
        {
            "tools": [
                {"type": "function", "name": "n", "description": "T7", "parameters": SCHEMA},
                {"type": "custom", "name": "n", "description": "T8", "format": {"type": "grammar", "definition": "T9"}},
                {"type": "mcp", "server_label": "l", "server_description": "T10"},
                {
                    "type": "namespace",
                    "name": "n",
                    "description": "T11",
                    "tools": [{"name": "n", "description": "T12"}],
                },
            ],
            "text": {"format": {"type": "json_schema", "name": "n", "description": "T13", "schema": {"title": "T14"}}},
            "prompt": {"id": "p", "variables": {"a": "T15", "b": {"type": "input_text", "text": "T16"}}},
        },
        [f"T{n}" for n in range(1, 17)],
    ),
}


@pytest.mark.parametrize(("kind", "document", "expected"), READABLE.values(), ids=READABLE)
def test_every_text_of_a_prompt_is_found_once(kind: Kind, document: dict[str, Any], expected: list[str]) -> None:
    assert sorted(place.text for place in prompt_places(kind, document)) == sorted(expected)
    assert not unreadable(kind, document)


@pytest.mark.parametrize(("kind", "document", "expected"), READABLE.values(), ids=READABLE)
def test_other_texts_stand_where_they_stood(kind: Kind, document: dict[str, Any], expected: list[str]) -> None:
    changed = copy.deepcopy(document)
    for place in prompt_places(kind, changed):
        place.put(place.text.replace("T", "other "))
    assert repr(changed) == repr(document).replace("'T", "'other ")


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "T"}, IMAGE]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A"}}]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"image_url": "http://a/b"}]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": ["text"], "text": "T"}]}]}),
        ("chat", {"messages": [{"role": "user", "content": [5]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": {"type": "T"}}]}]}),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": [5]}]}]}),
        ("chat", {"messages": [{"role": "user", "content": {"type": "text", "text": "T"}}]}),
        ("chat", {"messages": [{"role": "user", "content": 5}]}),
        ("chat", {"messages": ["T"]}),
        ("chat", {"messages": {"role": "user", "content": "T"}}),
        ("chat", {"messages": "T"}),
        ("chat", {"input_ids": [1]}),
        ("chat", []),
        ("chat", None),
        ("completions", {"prompt": [1, 2]}),
        ("completions", {"prompt": [[1, 2], [3]]}),
        ("completions", {"prompt": ["T", 2]}),
        ("completions", {"prompt": 5}),
        ("completions", {"prompt": {"text": "T"}}),
        ("completions", {"prompt": "T", "prompt_embeds": "AAAA"}),
        ("embeddings", {"input": [1, 2]}),
        ("embeddings", {"input": [[1, 2]]}),
        ("embeddings", {"input": [{"image": "AAAA"}]}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}),
        ("responses", {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}]}),
        ("responses", {"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]}),
        ("responses", {"input": [{"type": "code_interpreter_call", "outputs": [{"type": "image", "url": "u"}]}]}),
        ("responses", {"input": [{"type": "image_generation_call", "result": "AAAA"}]}),
        ("responses", {"input": [{"type": "a_new_item", "text": "T"}]}),
        ("responses", {"input": [{"type": 5}]}),
        ("responses", {"input": ["T"]}),
        ("responses", {"input": 5}),
        ("responses", {"instructions": ["T"]}),
        ("responses", {"prompt": {"id": "p", "variables": {"a": {"type": "input_image", "image_url": "u"}}}}),
        *((kind, {}) for kind in ("chat", "completions", "responses", "embeddings")),
        ("chat", {"asked": {"messages": [{"role": "user", "content": "T"}]}}),
        ("completions", {"request": {"prompt": "T"}}),
    ],
)
def test_what_is_no_text_is_unreadable(kind: Kind, document: Any) -> None:
    assert unreadable(kind, document)
    assert prompt(kind, document).unreadable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o", "gpt-4o"),
        ("meta-llama/Llama 3", "meta-llama/Llama 3"),
        ("é" * 120, "é" * 120),
        ("x" * 121, None),
        ("", None),
        ("a\nb", None),
        ("a\x00", None),
        ("\ud800", None),
        (5, None),
        (["gpt"], None),
        (None, None),
    ],
)
def test_a_model_has_a_name_that_can_be_shown(name: Any, expected: str | None) -> None:
    assert model_name({"model": name}) == expected


@pytest.mark.parametrize("document", [{}, [], None, "model", 5])
def test_a_document_may_name_no_model(document: Any) -> None:
    assert model_name(document) is None
    assert not wants_stream(document)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (None, False),
        (1, True),
        (1.0, True),
        (0, False),
        (2, False),
        ("true", True),
        ("ON", True),
        ("false", False),
        ([True], False),
        ({}, False),
    ],
)
def test_a_stream_is_wanted_as_servers_understand_it(value: Any, expected: bool) -> None:
    assert wants_stream({"stream": value}) is expected


def test_a_schema_may_be_as_deep_as_it_likes() -> None:
    schema: dict[str, Any] = {"description": "T"}
    for _ in range(100_000):
        schema = {"items": schema}
    tool = {"type": "function", "function": {"name": "n", "parameters": schema}}
    assert [place.text for place in prompt_places("chat", {"tools": [tool]})] == ["T"]
    while schema:  # taken apart, because to free it at once recurses
        schema = schema.pop("items", {})


def test_nothing_of_a_text_is_in_a_place_s_representation() -> None:
    (place,) = prompt_places("completions", {"prompt": "secret"})
    assert repr(place) == "Place(<6 characters>)"
