"""From a chat answer to what it says of its request: whether it was refused, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aligntax.experiment.load.records import ALLOWED, BLOCKED, ERROR, Reply, Timing
from aligntax.serving.sse import Frame, Frames

__all__ = ["StreamReader", "read_answer", "read_refusal"]

BLOCK_CODE = "content_filter"
UNREADABLE, UNFINISHED = "unreadable answer", "unfinished stream"
MAX_EVENT_BYTES = 2**20


def read_refusal(status: int, body: bytes, blocked_statuses: frozenset[int]) -> Reply:
    """Return how a request ended that was not answered with success.

    A guard that refuses with an error says so by OpenAI's code `content_filter`, or by a status of its own.

    Args:
        status: of HTTP.
        body: of the answer, as far as it was read.
        blocked_statuses: those with which guards of the user's refuse.
    """
    if status in blocked_statuses or (400 <= status < 500 and _code(_loaded(body)) == BLOCK_CODE):
        return Reply(BLOCKED)
    return Reply(ERROR, f"status {status}")


def read_answer(body: bytes) -> Reply:
    """Return how a request ended that was answered at once."""
    document = _loaded(body)
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, Mapping) for choice in choices):
        return Reply(ERROR, UNREADABLE)
    refused = any(_is_refusal(choice, "message") for choice in choices)
    return Reply(BLOCKED if refused else ALLOWED, None, _tokens(document))


class StreamReader:
    """Reads a stream of events as it comes, and notes its chunks.

    A chunk is an event with something for the user: a text, a refusal, or a part of a tool call. An event that names
    the role alone is none.

    Args:
        timing: of the request.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._frames = Frames(MAX_EVENT_BYTES)
        self._done = self._finished = self._refused = False
        self._error: str | None = None
        self._output_tokens: int | None = None

    def feed(self, piece: bytes) -> None:
        """Take what has come."""
        if self._error is None:
            try:
                frames = self._frames.feed(piece)
            except ValueError:  # an event that is too long
                self._error = UNREADABLE
                return
            for frame in frames:
                self._read(frame)

    def reply(self) -> Reply:
        """Return how the request ended, once the stream has."""
        if self._error == BLOCK_CODE or (self._refused and self._error is None):
            return Reply(BLOCKED, None, self._output_tokens)
        if self._error is not None:
            return Reply(ERROR, self._error, self._output_tokens)
        if not (self._done or self._finished):
            return Reply(ERROR, UNFINISHED, self._output_tokens)
        return Reply(ALLOWED, None, self._output_tokens)

    def _read(self, frame: Frame) -> None:
        if frame.data is None or self._done or self._error is not None:
            return
        if frame.is_done:
            self._done = True
            self._timing.end()
            return
        document = _loaded(frame.data)
        if "error" in document:
            self._error = BLOCK_CODE if _code(document) == BLOCK_CODE else "error in the stream"
            return
        choices = document.get("choices")
        if not isinstance(choices, list):
            self._error = UNREADABLE
            return
        tokens = _tokens(document)
        self._output_tokens = self._output_tokens if tokens is None else tokens
        found = [choice for choice in choices if isinstance(choice, Mapping)]
        self._finished |= any(choice.get("finish_reason") for choice in found)
        self._refused |= any(_is_refusal(choice, "delta") for choice in found)
        if any(_has_text(choice.get("delta")) for choice in found):
            self._timing.chunk()


def _has_text(delta: Any) -> bool:
    return isinstance(delta, Mapping) and any(value for name, value in delta.items() if name != "role")


def _is_refusal(choice: Mapping[str, Any], part: str) -> bool:
    said = choice.get(part)
    return choice.get("finish_reason") == BLOCK_CODE or (isinstance(said, Mapping) and bool(said.get("refusal")))


def _tokens(document: Mapping[str, Any]) -> int | None:
    usage = document.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None


def _code(document: Mapping[str, Any]) -> Any:
    error = document.get("error")
    return error.get("code") if isinstance(error, Mapping) else None


def _loaded(body: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one where it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
