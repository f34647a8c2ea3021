"""Anything may stand anywhere in a document: nothing fails for it, and nothing but texts changes."""

from __future__ import annotations

import copy
import json
import math
import time
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.serving.formats import (
    Kind,
    Place,
    answer_places,
    cut_events,
    delta_places,
    drop_tokens,
    dump,
    ending_keys,
    flush,
    model_name,
    prompt,
    renumber,
    tail,
    wants_stream,
    whole_places,
)

from .documents import chunk, delta

NAMES = """
    choices delta message messages content text type role index id finish_reason tool_calls function arguments custom
    input output item part response summary audio transcript data logprobs output_index content_index item_id prompt
    reasoning_details sequence_number tools parameters description enum action commands results stream model refusal
""".split()  # noqa: SIM905 (a list of words reads better)
VALUES = """
    response.output_text.delta response.output_text.done response.output_item.added response.output_item.done
    response.content_part.done response.completed response.shell_call_output_content.delta error text output_text
    message function_call shell_call reasoning input_text user stop T
""".split()  # noqa: SIM905 (a list of words reads better)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats()
    | st.sampled_from(VALUES)
    | st.just("")
    | st.just("\ud800")
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def shaped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return documents in which much stands where it should, so that what is deeper is reached."""
    maybe = st.one_of(inner, st.just("T"))
    fields = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(VALUES) | inner,
            "content": st.lists(inner | st.fixed_dictionaries({"type": maybe, "text": maybe}), max_size=2) | inner,
            "tool_calls": st.lists(
                st.fixed_dictionaries({"index": inner, "function": inner, "custom": inner}), max_size=2
            )
            | inner,
            "summary": inner,
            "action": inner,
            "arguments": inner,
            "audio": inner,
            "reasoning_details": inner,
            "id": inner,
        },
    )
    choice = st.fixed_dictionaries(
        {},
        optional={
            "index": inner,
            "delta": fields | inner,
            "message": fields | inner,
            "text": inner,
            "finish_reason": inner,
        },
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(VALUES) | inner,
            "choices": st.lists(choice | inner, max_size=3) | inner,
            "messages": st.lists(fields | inner, max_size=2) | inner,
            "input": st.lists(fields | inner, max_size=2) | inner,
            "prompt": inner,
            "tools": inner,
            "item": fields | inner,
            "part": fields | inner,
            "delta": inner,
            "text": inner,
            "response": st.fixed_dictionaries({"output": st.lists(fields | inner, max_size=2) | inner}) | inner,
            "output": st.lists(fields | inner, max_size=2) | inner,
            "item_id": inner,
            "output_index": inner,
            "content_index": inner,
            "sequence_number": inner,
            "logprobs": inner,
        },
    )


DOCUMENTS = ANYTHING | shaped(ANYTHING)
KINDS = st.sampled_from(get_args(Kind))
EVENT_NAMES = st.none() | st.sampled_from(VALUES)


def skeleton(value: Any) -> Any:
    """Return a document without its texts."""
    if isinstance(value, dict):
        return {name: skeleton(each) for name, each in value.items()}
    if isinstance(value, list):
        return [skeleton(each) for each in value]
    return str if isinstance(value, str) else "NaN" if isinstance(value, float) and math.isnan(value) else value


def check_places(places: list[Place]) -> None:
    for place in places:
        assert isinstance(place.text, str)
        assert place.text
        place.put("other")
        assert place.text == "other"


@settings(deadline=None, max_examples=300)
@given(KINDS, DOCUMENTS, EVENT_NAMES)
def test_no_document_is_too_strange(kind: Kind, document: Any, name: str | None) -> None:
    before = skeleton(document)
    same = copy.deepcopy(document)
    assert isinstance(prompt(kind, document).unreadable, bool)
    model_name(document)
    wants_stream(document)
    found = [answer_places(kind, document), prompt(kind, document).places]
    deltas, whole = delta_places(kind, document, name), whole_places(kind, document, name)
    keys = [key for key, _ in (*deltas, *whole)]
    assert all(isinstance(hash(key), int) for key in keys)
    assert set(ending_keys(kind, document, name, keys)) <= set(keys)
    assert skeleton(document) == before
    assert repr(document) == repr(same)
    for places in (*found, [place for _, place in deltas], [place for _, place in whole]):
        check_places([place for place in places if place.text != "other"])
    assert skeleton(document) == before
    cut_events(kind, document, "No", open_keys=keys, first_document=document)
    extra = tail(kind, document, dict.fromkeys(keys, "rest"))
    extra += flush(kind, document, name, dict.fromkeys(keys, "rest"))
    renumber(kind, document, 1)
    drop_tokens(kind, document)
    for each in (*extra, document):
        json.loads(dump(each))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["chat", "completions", "responses"]), DOCUMENTS, EVENT_NAMES)
def test_a_rest_comes_after_what_was_released(kind: Kind, document: Any, name: str | None) -> None:
    before: dict[Any, str] = {}
    for key, place in delta_places(kind, document, name):
        before[key] = before.get(key, "") + place.text
    after: dict[Any, str] = {}
    held = flush(kind, document, name, dict.fromkeys(before, "rest"))
    if kind == "responses":
        assert len(held) == len(before)
        return
    assert held == []
    for key, place in delta_places(kind, document, name):
        after[key] = after.get(key, "") + place.text
    assert after == {key: text + "rest" for key, text in before.items()}


def test_ten_thousand_choices_take_linear_time() -> None:
    document = chunk(*(delta(index, content="x", finish="stop") for index in range(10_000)))
    started = time.process_time()
    keys = [key for key, _ in delta_places("chat", document, None)]
    assert ending_keys("chat", document, None, keys) == keys
    assert flush("chat", document, None, dict.fromkeys(keys, "rest")) == []
    assert time.process_time() - started < 3  # to look at each choice for each key takes far longer
    assert [place.text for _, place in delta_places("chat", document, None)] == ["xrest"] * 10_000


@pytest.mark.parametrize("depth", [10, 100_000])
def test_depth_does_not_matter(depth: int) -> None:
    value: Any = "T"
    for _ in range(depth):
        value = [value]
    call = {"function": {"arguments": value}}
    document = {"messages": [{"role": "assistant", "content": value, "tool_calls": [call]}], "documents": value}
    document |= {"input": [{"type": "mcp_call", "output": value}], "choices": [{"message": document["messages"][0]}]}
    for kind in get_args(Kind):
        prompt(kind, document)
        answer_places(kind, document)
        delta_places(kind, document, None)
        whole_places(kind, document, None)
        drop_tokens(kind, document)
    assert [place.text for place in prompt("responses", document).places] == ["T"]
    while isinstance(value, list):  # taken apart, because to free it at once recurses
        value = value.pop()


@pytest.mark.parametrize("text", ["\ud800", "é", "\u2028", "a\nb", "\0"])
def test_any_text_can_be_written(text: str) -> None:
    body = dump({"a": text})
    assert json.loads(body) == {"a": text}
    assert b"\n" not in body
    body.decode()


def test_text_is_written_as_utf8() -> None:
    assert dump({"a": "é", "b": [1, None]}) == '{"a":"é","b":[1,null]}'.encode()
