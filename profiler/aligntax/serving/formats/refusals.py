"""Answers that refuse: in the place of an answer, of a stream, and of the rest of a stream."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Protocol

from aligntax.serving.formats import chat, completions, refused_response
from aligntax.serving.formats.choices import new_id
from aligntax.serving.formats.errors import error, error_event
from aligntax.serving.formats.place import Key, Kind

__all__ = ["cut_events", "refusal", "refusal_events"]


class _Refusing(Protocol):
    def refusal(self, message: str, /) -> dict[str, Any]: ...
    def refusal_events(self, head: dict[str, Any], message: str, /) -> list[bytes]: ...


_FORMATS: dict[Kind, _Refusing] = {"chat": chat, "completions": completions, "responses": refused_response}


def refusal(kind: Kind, *, model: str | None, guard: str | None, message: str) -> dict[str, Any]:
    """Return an answer that refuses.

    Args:
        kind: of the request. Embeddings have no answer that could refuse: an error is returned, for status 400.
        model: that was asked; None if it is not known.
        guard: name of the guard that blocked, for `aligntax.guard`, a field beside OpenAI's; None: without.
        message: what the user is told.
    """
    if kind == "embeddings":
        return error(status=400, message=message, code="content_filter")
    return _head(kind, model, guard) | _FORMATS[kind].refusal(message)


def refusal_events(kind: Kind, *, model: str | None, guard: str | None, message: str) -> list[bytes]:
    """Return a whole stream that refuses; see `refusal`."""
    if kind == "embeddings":
        return error_event(kind, message, status=400, code="content_filter")
    return _FORMATS[kind].refusal_events(_head(kind, model, guard), message)


def cut_events(
    kind: Kind,
    last_document: Any,
    message: str,
    *,
    open_keys: Iterable[Key] = (),
    first_document: Any = None,
) -> list[bytes]:
    """Return what ends a stream in the middle.

    Args:
        kind: of the stream.
        last_document: of the last event that was sent; None if there was none.
        message: what the user is told.
        open_keys: keys of the texts that have not ended: their choices finish with "content_filter".
        first_document: of the stream's first event, which alone has the response in the responses API.
    """
    if kind == "responses":
        return refused_response.cut(last_document, first_document, message)
    if kind == "embeddings":
        return error_event(kind, message, status=400, code="content_filter")
    cut = chat.cut if kind == "chat" else completions.cut
    return cut(last_document or first_document, message, open_keys)


def _head(kind: Kind, model: str | None, guard: str | None) -> dict[str, Any]:
    created = "created_at" if kind == "responses" else "created"
    head = {"id": new_id(kind), created: int(time.time()), "model": model or "unknown"}
    return head | ({} if guard is None else {"aligntax": {"guard": guard}})
