"""Answers that refuse, as OpenAI's client reads them."""

from __future__ import annotations

import json
from typing import Any, get_args

import openai
import pytest

from aligntax.serving.formats import Key, Kind, cut_events, dump, error, error_event, refusal, refusal_events
from aligntax.serving.sse import Frames, event

from .documents import check_answer, check_event, chunk, client, delta, streamed_response, text_chunk

STREAMED: list[Kind] = ["chat", "completions", "responses"]
SAID: dict[str, Any] = {"model": "gpt", "guard": "pii", "message": "No, thank you."}
KEYS: list[Key] = [("chat", 1, "content"), ("chat", 1, "refusal"), ("chat", 3, "content")]


def documents(events: list[bytes]) -> list[Any]:
    """Return the documents of a stream; None for `[DONE]`."""
    frames = Frames().feed(b"".join(events))
    for frame in frames:
        if not frame.is_done and frame.event is not None:
            assert json.loads(frame.data or b"")["type"] == frame.event
    return [None if frame.is_done else json.loads(frame.data or b"") for frame in frames]


@pytest.mark.parametrize("kind", STREAMED)
def test_a_refusal_is_an_answer(kind: Kind) -> None:
    document = refusal(kind, **SAID)
    answer = check_answer(kind, json.loads(dump(document)))
    assert answer.model == "gpt"
    assert document["aligntax"] == {"guard": "pii"}
    assert SAID["message"] in dump(document).decode()
    assert refusal(kind, **SAID)["id"] != document["id"]


def test_a_refusal_says_what_openai_s_do() -> None:
    (choice,) = check_answer("chat", refusal("chat", **SAID)).choices
    assert (choice.message.refusal, choice.message.content) == (SAID["message"], None)
    assert choice.finish_reason == "content_filter"
    (choice,) = check_answer("completions", refusal("completions", **SAID)).choices
    assert (choice.text, choice.finish_reason) == (SAID["message"], "content_filter")
    (item,) = check_answer("responses", refusal("responses", **SAID)).output
    assert (item.content[0].type, item.content[0].refusal) == ("refusal", SAID["message"])


def test_a_refusal_need_not_know_the_model_nor_name_the_guard() -> None:
    for kind in STREAMED:
        document = refusal(kind, model=None, guard=None, message="No")
        check_answer(kind, document)
        assert "aligntax" not in document


def test_embeddings_are_refused_by_an_error() -> None:
    body = dump(refusal("embeddings", **SAID))
    with pytest.raises(openai.BadRequestError, match="No, thank you") as raised:
        client(body, "application/json", 400).embeddings.create(model="m", input="x")
    assert raised.value.code == "content_filter"
    assert [each and each["error"]["code"] for each in documents(refusal_events("embeddings", **SAID))] == [
        "content_filter",
        None,
    ]


@pytest.mark.parametrize("kind", STREAMED)
def test_every_event_of_a_refusal_is_one(kind: Kind) -> None:
    found = documents(refusal_events(kind, **SAID))
    assert (found.pop() is None) if kind != "responses" else found
    for document in found:
        check_event(kind, document)
    assert found[0].get("aligntax", found[0].get("response", {}).get("aligntax")) == {"guard": "pii"}


def test_a_client_reads_a_refusing_chat() -> None:
    stream = client(b"".join(refusal_events("chat", **SAID))).chat.completions.create(
        model="m", messages=[], stream=True
    )
    choices = [choice for each in stream for choice in each.choices]
    assert "".join(choice.delta.refusal or "" for choice in choices) == SAID["message"]
    assert [choice.finish_reason for choice in choices] == [None, "content_filter"]
    assert choices[0].delta.role == "assistant"


def test_a_client_reads_a_refusing_completion() -> None:
    stream = client(b"".join(refusal_events("completions", **SAID))).completions.create(
        model="m", prompt="", stream=True
    )
    assert [(each.choices[0].text, each.choices[0].finish_reason) for each in stream] == [
        (SAID["message"], "content_filter")
    ]


def test_a_client_reads_a_refusing_response() -> None:
    with client(b"".join(refusal_events("responses", **SAID))).responses.stream(model="m", input="") as stream:
        events = [*stream]
        final = stream.get_final_response()
    assert [each.sequence_number for each in events] == [*range(len(events))]
    assert [each.delta for each in events if each.type == "response.refusal.delta"] == [SAID["message"]]
    assert final.output[0].content[0].refusal == SAID["message"]


def test_a_cut_ends_every_choice_of_a_chat_that_is_open() -> None:
    last = chunk(delta(content="x"), delta(1), usage={"prompt_tokens": 1}, service_tier="default")
    said, done = documents(cut_events("chat", last, "No", open_keys=KEYS))
    assert done is None
    check_event("chat", said)
    assert {name: value for name, value in said.items() if name != "choices"} == {
        "id": last["id"],
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "service_tier": "default",
    }
    assert [(each["index"], each["finish_reason"], each["delta"]) for each in said["choices"]] == [
        (1, "content_filter", {"refusal": "No"}),
        (3, "content_filter", {"refusal": "No"}),
    ]


def test_a_cut_ends_every_choice_of_a_completion_that_is_open() -> None:
    keys: list[Key] = [("completions", 2, "text")]
    said, done = documents(cut_events("completions", text_chunk("x"), "No", open_keys=keys))
    assert done is None
    check_event("completions", said)
    assert [(each["index"], each["finish_reason"], each["text"]) for each in said["choices"]] == [
        (2, "content_filter", "")
    ]
    assert said["aligntax"] == {"message": "No"}


def test_a_cut_response_is_incomplete() -> None:
    first, *_, last = streamed_response(["x"])[:6]
    (said,) = documents(cut_events("responses", last, "No", first_document=first))
    check_event("responses", said)
    assert said["type"] == "response.incomplete"
    assert said["sequence_number"] == last["sequence_number"] + 1
    assert said["response"] == first["response"] | {
        "status": "incomplete",
        "incomplete_details": {"reason": "content_filter"},
        "aligntax": {"message": "No"},
    } | {
        name: said["response"][name]
        for name in said["response"].keys() - first["response"].keys() - {"incomplete_details", "aligntax"}
    }
    events = [dump_event(each) for each in streamed_response(["x"])[:6]] + cut_events(
        "responses", last, "No", first_document=first
    )
    read = [*client(b"".join(events)).responses.create(model="m", input="", stream=True)]
    assert read[-1].response.incomplete_details.reason == "content_filter"


def dump_event(document: dict[str, Any]) -> bytes:
    return event(dump(document), document["type"])


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize(
    "last", [None, {}, [], {"id": None, "created": None}, {"response": 5}, {"sequence_number": "1"}]
)
def test_a_stream_can_be_cut_before_it_began(kind: Kind, last: Any) -> None:
    said, *_ = documents(cut_events(kind, last, "No"))
    if kind != "embeddings":
        check_event(kind, said)


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (504, "server_error"),
    ],
)
def test_an_error_has_the_type_of_its_status(status: int, type_: str) -> None:
    assert error(status=status, message="what") == {
        "error": {"message": "what", "type": type_, "param": None, "code": None}
    }
    body = dump(error(status=status, message="what", type="t", code="c"))
    with pytest.raises(openai.APIStatusError) as raised:
        client(body, "application/json", status).completions.create(model="m", prompt="")
    assert (raised.value.type, raised.value.code, raised.value.status_code) == ("t", "c", status)


@pytest.mark.parametrize("kind", ["chat", "completions"])
def test_a_client_raises_an_error_in_mid_stream(kind: Kind) -> None:
    before = chunk(delta(content="x")) if kind == "chat" else text_chunk("x")
    at = client(event(dump(before)) + b"".join(error_event(kind, "what", code="c")))
    if kind == "chat":
        stream: Any = at.chat.completions.create(model="m", messages=[], stream=True)
    else:
        stream = at.completions.create(model="m", prompt="", stream=True)
    assert next(stream).choices
    with pytest.raises(openai.APIError, match="what"):
        next(stream)


def test_an_error_in_a_response_is_an_event() -> None:
    (said,) = documents(error_event("responses", "what", code="c", sequence_number=7))
    check_event("responses", said)
    assert said == {"type": "error", "message": "what", "code": "c", "param": None, "sequence_number": 7}
