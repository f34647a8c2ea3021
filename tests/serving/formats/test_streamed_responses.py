"""Streams of the responses API: OpenAI's client reads what it would read of a redacted answer."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from aligntax.serving.formats import (
    delta_places,
    whole_places,
)

from .documents import check_event, client, streamed_response
from .redaction import WORD, body, redacted, through


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


def test_a_server_may_number_nothing() -> None:
    sent = through(
        "responses", [{k: v for k, v in each.items() if k != "sequence_number"} for each in streamed_response(["T"])], 5
    )
    assert not any("sequence_number" in each for each in sent)


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
