r"""Arguments that a model calls tools with: guards read `forbidden` where it writes `\u0066orbidden`."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller, body, saying, start, streaming
from tests.serving.formats.documents import check_answer, check_event, numbered, response
from tests.serving.guarded import guarding, outcomes
from tests.serving.upstream import Upstream, asking, chat_answer, chat_chunk, frames

from aligntax import Profiler
from aligntax.guards import Blocklist, FunctionGuard
from aligntax.guards.judgement import Judgement
from aligntax.serving.formats import Kind
from aligntax.trace import Outcome, Verdict

RESPONSES = "/v1/responses"
SPELLED = r'{"q": "one\n\u0066orbidden", "n": 4.0, "é": "\u00e9\/"}'
CLEAN = r'{"q": "one\nword", "n": 4.0, "é": "\u00e9\/"}'
REDACTED = {"q": "one\n[removed]", "n": 4, "é": "é/"}


def words(stage: Any, on_hit: Any = "redact", **keywords: Any) -> Blocklist:
    return Blocklist(["forbidden"], stage=stage, on_hit=on_hit, whole_words=True, **keywords)


class AtOnce:
    """A guard of the user's own that holds nothing back, and puts something in the place of a word."""

    name, stage, on_error = "at once", "stream", "closed"

    def __init__(self, word: str, new: str) -> None:
        self._word, self._new = word, new

    def __call__(self, text: str) -> Judgement:
        return Judgement(Verdict.MODIFY if self._word in text else Verdict.ALLOW, text.replace(self._word, self._new))

    def stream(self) -> Generator[Judgement, str | None, None]:
        said = Judgement(Verdict.ALLOW, "")
        while (piece := (yield said)) is not None:
            said = self(piece)
        yield Judgement(Verdict.ALLOW, "")


def calling(arguments: str, **more: Any) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call], **more}


def whole_chat(arguments: str) -> dict[str, Any]:
    answer = chat_answer("")
    answer["choices"][0] |= {"message": calling(arguments, refusal=None), "finish_reason": "tool_calls"}
    return answer


def item(arguments: str) -> dict[str, Any]:
    named = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "search", "status": "completed"}
    return {**named, "arguments": arguments}


def streamed_chat(*pieces: str) -> list[bytes]:
    def delta(index: int, piece: str) -> dict[str, Any]:
        named = {"id": "call_1", "type": "function"} if index == 0 else {}
        function = {"arguments": piece} | ({"name": "search"} if index == 0 else {})
        return {"tool_calls": [{"index": 0, **named, "function": function}]}

    chunks = [chat_chunk(delta(index, piece)) for index, piece in enumerate(pieces)]
    return frames(*chunks, chat_chunk({}, "tool_calls"))


def streamed_response(*pieces: str) -> list[bytes]:
    text = "".join(pieces)
    at = {"item_id": "fc_1", "output_index": 0}
    return frames(
        *numbered(
            {"type": "response.created", "response": response("in_progress")},
            {"type": "response.output_item.added", "output_index": 0, "item": item("")},
            *({"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in pieces),
            {"type": "response.function_call_arguments.done", **at, "name": "search", "arguments": text},
            {"type": "response.output_item.done", "output_index": 0, "item": item(text)},
            {"type": "response.completed", "response": response("completed", item(text))},
        ),
        done=False,
    )


def arguments_of(events: list[Any]) -> tuple[str, list[str]]:
    """Return what the pieces of a stream make, and what its events repeat of it."""
    pieces, repeated = "", []
    for event in events:
        for choice in event.get("choices", ()):
            pieces += "".join(call["function"]["arguments"] for call in choice["delta"].get("tool_calls", ()))
        if event.get("type", "").endswith(".delta"):
            pieces += event["delta"]
        found = [event, event.get("item", {}), *event.get("response", {}).get("output", ())]
        repeated += [each["arguments"] for each in found if each.get("arguments")]
    return pieces, repeated


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


# -- whole answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["series", "parallel"])
@pytest.mark.parametrize("stage", ["output", "stream"])
@pytest.mark.parametrize("kind", ["chat", "responses"])
@pytest.mark.parametrize("arguments", [SPELLED, CLEAN])
async def test_arguments_of_a_whole_answer(
    profiler: Profiler, arguments: str, kind: Kind, stage: Any, order: Any
) -> None:
    said = whole_chat(arguments) if kind == "chat" else response("completed", item(arguments))
    path, asked = (CHAT, asking("hi")) if kind == "chat" else (RESPONSES, {"model": "tiny", "input": "hi"})
    answer = json.dumps(said).encode()
    application = saying(start(), body(answer))
    caller = await Caller(asked, path).call(guarding(application, profiler, words(stage), order={"output": order}))
    check_answer(kind, caller.document)
    if arguments == CLEAN:
        assert caller.body == answer  # as it came, to the letter
        assert outcomes(profiler) == [Outcome.ALLOWED]
        return
    if kind == "chat":
        given = caller.document["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    else:
        given = caller.document["output"][0]["arguments"]
    assert json.loads(given) == REDACTED
    assert outcomes(profiler) == [Outcome.MODIFIED]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None, "function_call": {"name": "search", "arguments": SPELLED}},
        calling(SPELLED),
    ],
)
@pytest.mark.parametrize("stage", ["input", "parallel"])
async def test_arguments_in_a_prompt(
    upstream: Upstream, profiler: Profiler, message: dict[str, Any], stage: Any
) -> None:
    guard = words(stage, "redact" if stage == "input" else "block")
    document = asking("hi")
    document["messages"].append(message)
    caller = await Caller(document).call(guarding(upstream.application, profiler, guard))
    if stage == "parallel":
        assert caller.document["choices"][0]["finish_reason"] == "content_filter"
        return
    given = upstream.asked[0]["messages"][1]
    call = given["function_call"] if "function_call" in given else given["tool_calls"][0]["function"]
    assert json.loads(call["arguments"]) == REDACTED
    assert caller.document["choices"][0]["message"]["content"] == "fine"


@pytest.mark.parametrize("kind", ["function_call", "mcp_call", "mcp_approval_request"])
async def test_arguments_of_every_kind_of_item(profiler: Profiler, kind: str) -> None:
    answer = response("completed", {**item(SPELLED), "type": kind})
    application = saying(start(), body(json.dumps(answer).encode()))
    caller = await Caller({"input": "hi"}, RESPONSES).call(guarding(application, profiler, words("output")))
    assert json.loads(caller.document["output"][0]["arguments"]) == REDACTED


@pytest.mark.parametrize("name", ["content", "reasoning_content"])
async def test_a_text_that_is_no_argument_is_read_as_it_is(profiler: Profiler, name: str) -> None:
    answer = chat_answer("")
    answer["choices"][0]["message"] |= {name: SPELLED}
    sent = json.dumps(answer).encode()
    caller = await Caller(asking("hi")).call(guarding(saying(start(), body(sent)), profiler, words("output")))
    assert caller.body == sent


async def test_the_same_text_as_an_argument_and_as_none(profiler: Profiler) -> None:
    """Whole messages in a stream: what was said of the one must not stand for the other."""
    event = chat_chunk({})
    del event["choices"][0]["delta"]
    event["choices"][0]["message"] = calling(SPELLED, reasoning=SPELLED)
    application = streaming(*frames(event))
    caller = await Caller(asking("hi", stream=True)).call(guarding(application, profiler, words("stream")))
    message = caller.events[0]["choices"][0]["message"]
    assert message["reasoning"] == SPELLED
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == REDACTED


async def test_arguments_that_are_no_json(profiler: Profiler) -> None:
    answer = whole_chat("C:\\new\\forbidden\nC:\\tmp")
    application = saying(start(), body(json.dumps(answer).encode()))
    caller = await Caller(asking("hi")).call(guarding(application, profiler, words("output")))
    call = caller.document["choices"][0]["message"]["tool_calls"][0]["function"]
    assert call["arguments"] == "C:\\new\\[removed]\nC:\\tmp"


# -- streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("stage", ["stream", "output"])
@pytest.mark.parametrize("kind", ["chat", "responses"])
async def test_arguments_of_a_stream_wherever_it_is_cut(profiler: Profiler, kind: Kind, stage: Any, size: int) -> None:
    streamed = streamed_chat if kind == "chat" else streamed_response
    path = CHAT if kind == "chat" else RESPONSES
    caller = Caller({"stream": True, **(asking("hi") if kind == "chat" else {"input": "hi"})}, path)
    await caller.call(guarding(streaming(*streamed(*cut(SPELLED, size))), profiler, words(stage)))
    for event in caller.events:
        check_event(kind, event)
    pieces, repeated = arguments_of(caller.events)
    assert json.loads(pieces) == REDACTED
    assert repeated == [pieces] * (0 if kind == "chat" else 3)
    assert outcomes(profiler) == [Outcome.MODIFIED]


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("kind", ["chat", "responses"])
async def test_arguments_that_guards_leave_are_spelled_as_they_came(profiler: Profiler, kind: Kind, size: int) -> None:
    streamed = streamed_chat if kind == "chat" else streamed_response
    path = CHAT if kind == "chat" else RESPONSES
    caller = Caller({"stream": True, **(asking("hi") if kind == "chat" else {"input": "hi"})}, path)
    await caller.call(guarding(streaming(*streamed(*cut(CLEAN, size))), profiler, words("stream")))
    pieces, repeated = arguments_of(caller.events)
    assert pieces == CLEAN
    assert repeated == [CLEAN] * (0 if kind == "chat" else 3)
    assert outcomes(profiler) == [Outcome.ALLOWED]


@pytest.mark.parametrize("pieces", [[CLEAN], [CLEAN[:10], CLEAN[10:]]])  # which cut no escape
@pytest.mark.parametrize("kind", ["chat", "responses"])
async def test_events_in_which_nothing_changes_stay_what_they_are(profiler: Profiler, kind: Kind, pieces: Any) -> None:
    events = (streamed_chat if kind == "chat" else streamed_response)(*pieces)
    caller = Caller(asking("hi", stream=True), CHAT if kind == "chat" else RESPONSES)
    await caller.call(guarding(streaming(*events), profiler, AtOnce("forbidden", "")))
    assert caller.body == b"".join(events)


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_block_in_mid_stream(profiler: Profiler, size: int) -> None:
    application = streaming(*streamed_chat(*cut(SPELLED, size)))
    caller = await Caller(asking("hi", stream=True)).call(guarding(application, profiler, words("stream", "block")))
    assert b"orbidden" not in caller.body
    assert caller.events[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert outcomes(profiler) == [Outcome.BLOCKED_OUTPUT]


@pytest.mark.parametrize("end", ["finished", "done", "cut off"])
async def test_an_escape_that_the_end_of_a_stream_cuts(profiler: Profiler, end: str) -> None:
    cut_off = r'{"q": "one \u0066orbidden \u00'
    events = streamed_chat(*cut(cut_off, 3))
    events = events if end == "finished" else [*events[:-2], *(events[-1:] if end == "done" else [])]
    caller = await Caller(asking("hi", stream=True)).call(guarding(streaming(*events), profiler, words("stream")))
    assert arguments_of(caller.events)[0] == r'{"q": "one [removed] \u00'


async def test_guards_one_after_another_read_what_the_one_before_has_left(profiler: Profiler) -> None:
    guards = words("stream"), AtOnce("removed", "é\n")
    middleware = guarding(streaming(*streamed_chat(*cut(SPELLED, 4))), profiler, *guards)
    caller = await Caller(asking("hi", stream=True)).call(middleware)
    assert json.loads(arguments_of(caller.events)[0]) == {**REDACTED, "q": "one\n[é\n]"}


async def test_a_guard_of_the_users_own_sees_what_the_tool_will(profiler: Profiler) -> None:
    seen: list[str] = []

    def note(text: str) -> bool:
        seen.append(text)
        return True

    guard = FunctionGuard(note, name="note", stage="output")
    application = saying(start(), body(json.dumps(whole_chat(SPELLED)).encode()))
    await Caller(asking("hi")).call(guarding(application, profiler, guard))
    assert seen == ['{"q": "one\nforbidden", "n": 4.0, "é": "é/"}']
