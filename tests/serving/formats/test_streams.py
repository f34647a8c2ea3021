"""Streams through a guard that holds back: OpenAI's client reads what it would read of a redacted answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.serving.formats import (
    Key,
    Kind,
    delta_places,
    drop_tokens,
    dump,
    ending_keys,
    flush,
    renumber,
    tail,
    whole_places,
)
from aligntax.serving.sse import event

from .documents import check_event, chunk, client, delta, output_text, response, streamed_response, text_chunk

WORD = "secret"


def redacted(text: str) -> str:
    return text.replace(WORD, "[x]")


class Redaction:
    """Holds back what may become a secret, or all of a text."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.held = ""
        self.released: list[str] = []

    def feed(self, text: str) -> str:
        self.held = redacted(self.held + text)
        at = max(len(self.held) - self.holds, 0)
        piece, self.held = self.held[:at], self.held[at:]
        self.released.append(piece)
        return piece

    def rest(self) -> str:
        rest, self.held = self.held, ""
        self.released.append(rest)
        return rest


def through(kind: Kind, documents: Iterable[dict[str, Any]], holds: int) -> list[dict[str, Any]]:
    """Send a stream through redactions, as the package's documentation says."""
    texts: dict[Key, Redaction] = {}
    open_keys: dict[Key, None] = {}
    sent: list[dict[str, Any]] = []
    moved = 0
    document: dict[str, Any] = {}
    for original in documents:
        document = copy.deepcopy(original)
        name = document.get("type")
        renumber(kind, document, moved)
        for key, place in delta_places(kind, document, name):
            text = texts.setdefault(key, Redaction(holds))
            open_keys[key] = None
            place.put(text.feed(place.text))
        rests = {}
        for key in ending_keys(kind, document, name, open_keys):
            rests[key] = texts[key].rest()
            del open_keys[key]
        extra = flush(kind, document, name, rests)
        moved += len(extra)
        for key, place in whole_places(kind, document, name):
            if key not in texts:
                texts[key] = Redaction(0)
                texts[key].feed(place.text)
            assert key not in open_keys
            place.put("".join(texts[key].released))
        if document != original:
            drop_tokens(kind, document)
        sent += [*extra, document]
    return sent + tail(kind, document, {key: texts[key].rest() for key in open_keys})


def body(documents: Iterable[dict[str, Any]], done: bool = True) -> bytes:
    return b"".join(event(dump(each), each.get("type")) for each in documents) + (event(b"[DONE]") if done else b"")


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


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "sec", "ret", "secret", "s", " "]), min_size=1, max_size=6),
    st.sampled_from([5, 10**9]),
)
def test_a_client_reads_the_redacted_response(pieces: list[str], holds: int) -> None:
    sent = through("responses", streamed_response(pieces), holds)
    for each in sent:
        check_event("responses", each)
    assert [each["sequence_number"] for each in sent] == [*range(len(sent))]
    expected = redacted("".join(pieces))
    read: dict[str, str] = {}
    with client(body(sent, done=False)).responses.stream(model="m", input="") as stream:
        for each in stream:
            if each.type.endswith(".delta"):
                read[each.type] = read.get(each.type, "") + each.delta
            elif each.type.endswith("_text.done"):
                assert each.text == expected
            elif each.type == "response.function_call_arguments.done":
                assert each.arguments == expected
        final = stream.get_final_response()
    names = ("reasoning_summary_text", "output_text", "function_call_arguments")
    assert read == {f"response.{name}.delta": expected for name in names}
    reasoning, answer, call = json.loads(final.model_dump_json())["output"]
    assert [reasoning["summary"][0]["text"], answer["content"][0]["text"], call["arguments"]] == [expected] * 3
    assert WORD not in body(sent).decode()


def test_a_text_is_sent_as_soon_as_it_may_be() -> None:
    sent = through("responses", streamed_response(["a very long ", "text"]), 5)
    assert [each["delta"] for each in sent if each["type"] == "response.output_text.delta"] == [
        "a very ",
        "long",
        " text",
    ]


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


def test_a_server_may_number_nothing() -> None:
    sent = through(
        "responses", [{k: v for k, v in each.items() if k != "sequence_number"} for each in streamed_response(["T"])], 5
    )
    assert not any("sequence_number" in each for each in sent)


def test_sound_is_no_text() -> None:
    assert delta_places("responses", {"type": "response.audio.delta", "delta": "AAAA"}, None) == []


def test_a_response_that_breaks_off_leaves_its_texts_to_the_tail() -> None:
    events = [
        each for each in streamed_response(["a sec", "ret"]) if not each["type"].endswith((".done", ".completed"))
    ]
    sent = through("responses", events, 5)
    for each in sent:
        check_event("responses", each)
    text = "".join(each["delta"] for each in sent if each["type"] == "response.output_text.delta")
    assert text == "a [x]"
    assert [each["sequence_number"] for each in sent[-3:]] == [events[-1]["sequence_number"] + n for n in (1, 2, 3)]


def test_identities_that_do_not_agree_make_a_text_of_its_own() -> None:
    events = streamed_response(["a sec", "ret"])
    events[-1]["response"]["output"][1]["id"] = "msg_other"
    (before,) = (key for key, _ in whole_places("responses", events[-2] | {"type": ""}, None))
    keys = [key for key, _ in whole_places("responses", events[-1], None)]
    assert before in keys
    streamed = [key for each in events for key, _ in delta_places("responses", each, None)]
    assert [key in streamed for key in keys] == [True, False, True]
    assert through("responses", events, 5)[-1]["response"]["output"][1]["content"][0]["text"] == "a [x]"
