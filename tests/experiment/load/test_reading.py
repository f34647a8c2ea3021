from __future__ import annotations

import json
from typing import Any

import pytest

from aligntax.experiment.load import Reply, Timing
from aligntax.experiment.load.reading import MAX_EVENT_BYTES, StreamReader, read_answer, read_refusal
from aligntax.serving.formats import refusal, refusal_events

DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, Any] | None, reason: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return b"data: " + json.dumps({"choices": choices, **more}).encode() + b"\n\n"


def read(*pieces: bytes, cut: int | None = None) -> tuple[Reply, Timing]:
    timing = Timing()
    reader = StreamReader(timing)
    whole = b"".join(pieces)
    for start in range(0, len(whole), cut or len(whole) or 1):
        reader.feed(whole[start : start + (cut or len(whole))])
    return reader.reply(), timing


@pytest.mark.parametrize("cut", [None, 1, 7, 64])
def test_chunks_are_counted_however_they_are_cut(cut: int | None) -> None:
    pieces = [
        b": ping\n\n",
        event({"role": "assistant", "content": ""}),
        event({"content": "all "}),
        event({"reasoning_content": "hm"}),
        event({"tool_calls": [{"index": 0}]}),
        event({"content": ""}),
        event({}, "stop"),
        event(None, usage={"completion_tokens": 3}),
        DONE,
    ]
    reply, timing = read(*pieces, cut=cut)
    assert reply == Reply("allowed", None, 3)
    assert timing.chunks == 3
    assert timing.ended_ns is not None


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((event({"content": "a"}), event({}, "stop")), Reply("allowed")),  # not all servers say [DONE]
        ((event({"content": "a"}), DONE), Reply("allowed")),
        ((event({"content": "a"}),), Reply("error", "unfinished stream")),
        ((), Reply("error", "unfinished stream")),
        ((event({"content": "a"}), event({}, "content_filter"), DONE), Reply("blocked")),
        ((event({"refusal": "no"}), event({}, "stop"), DONE), Reply("blocked")),
        ((b'data: {"error": {"code": "content_filter"}}\n\n', DONE), Reply("blocked")),
        ((event({"content": "a"}), b'data: {"error": {"code": 500}}\n\n', DONE), Reply("error", "error in the stream")),
        ((b"data: <html>\n\n", DONE), Reply("error", "unreadable answer")),
        ((b'data: {"choices": 3}\n\n', DONE), Reply("error", "unreadable answer")),
        ((b'data: {"choices": [3]}\n\n', DONE), Reply("allowed")),
        ((b"data: " + b"x" * (MAX_EVENT_BYTES + 1),), Reply("error", "unreadable answer")),
        ((event({"content": "a"}, usage={"completion_tokens": True}), DONE), Reply("allowed")),
    ],
)
def test_how_a_stream_ends_is_told(pieces: tuple[bytes, ...], expected: Reply) -> None:
    assert read(*pieces)[0] == expected


@pytest.mark.parametrize("cut", [None, 1])
def test_the_first_error_counts_however_the_stream_is_cut(cut: int | None) -> None:
    refused = b'data: {"error": {"code": "content_filter"}}\n\n'
    for first, second, expected in (
        (b"data: <html>\n\n", refused, Reply("error", "unreadable answer")),
        (refused, b"data: <html>\n\n", Reply("blocked")),
    ):
        reply, timing = read(first, second, event({"content": "a"}), cut=cut)
        assert reply == expected
        assert timing.chunks == 0


def test_refusals_of_our_own_servers_are_blocks() -> None:
    events = refusal_events("chat", model="tiny", guard="pii", message="no")
    reply, timing = read(*events)
    assert reply.outcome == "blocked"
    assert timing.chunks == 1  # the refusal is for the user to read
    whole = json.dumps(refusal("chat", model="tiny", guard="pii", message="no")).encode()
    assert read_answer(whole).outcome == "blocked"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error": {"code": "content_filter"}}', Reply("blocked")),
        (400, b'{"error": {"code": "context_length"}}', Reply("error", "status 400")),
        (403, b"", Reply("blocked")),
        (500, b'{"error": {"code": "content_filter"}}', Reply("error", "status 500")),
        (502, b"[" * 100_000, Reply("error", "status 502")),
    ],
)
def test_how_an_error_is_told_from_a_refusal(status: int, body: bytes, expected: Reply) -> None:
    assert read_refusal(status, body, frozenset({403})) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b'{"choices": []}', b'{"choices": [1]}', b"\xff", b"{" * 50_000])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    assert read_answer(body) == Reply("error", "unreadable answer")
