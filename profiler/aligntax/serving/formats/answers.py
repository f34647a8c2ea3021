"""Texts of answers, whole and streamed, of whatever kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aligntax.serving.formats import chat, completions, responses
from aligntax.serving.formats.place import Key, Kind, Place

__all__ = [
    "answer_places",
    "delta_places",
    "drop_tokens",
    "ending_keys",
    "flush",
    "renumber",
    "tail",
    "whole_places",
]


class _Format(Protocol):
    """A module of an API whose answers have texts."""

    def answer_places(self, document: Any, /) -> list[Place]: ...
    def delta_places(self, document: Any, event_name: str | None, /) -> list[tuple[Key, Place]]: ...
    def whole_places(self, document: Any, event_name: str | None, /) -> list[tuple[Key, Place]]: ...
    def ending_keys(self, document: Any, event_name: str | None, open_keys: Iterable[Key], /) -> list[Key]: ...
    def flush(self, document: Any, rests: Mapping[Key, str], /) -> list[dict[str, Any]]: ...
    def tail(self, last: Any, rests: Mapping[Key, str], /) -> list[dict[str, Any]]: ...
    def drop_tokens(self, document: Any, /) -> None: ...


# Embeddings are not among them.
_FORMATS: dict[Kind, _Format] = {"chat": chat, "completions": completions, "responses": responses}


def answer_places(kind: Kind, document: Any) -> list[Place]:
    """Return the places of every text of a complete answer."""
    return _FORMATS[kind].answer_places(document) if kind in _FORMATS else []


def delta_places(kind: Kind, document: Any, event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the fragments of texts in an event of a stream, each with which of the running texts it belongs to.

    Args:
        kind: of the stream.
        document: of the event.
        event_name: what the frame calls it; counts where the document does not say what it is.
    """
    return _FORMATS[kind].delta_places(document, event_name) if kind in _FORMATS else []


def whole_places(kind: Kind, document: Any, event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the texts that an event of a stream has as a whole.

    Those with a key of `delta_places` repeat all of that text; any other is a text of its own.
    """
    return _FORMATS[kind].whole_places(document, event_name) if kind in _FORMATS else []


def ending_keys(kind: Kind, document: Any, event_name: str | None, open_keys: Iterable[Key]) -> list[Key]:
    """Return which of the running texts end with this event; fragments in it still belong to them.

    Args:
        kind: of the stream.
        document: of the event.
        event_name: see `delta_places`.
        open_keys: keys of the texts that have not ended.
    """
    return _FORMATS[kind].ending_keys(document, event_name, open_keys) if kind in _FORMATS else []


def flush(
    kind: Kind,
    document: Any,
    event_name: str | None,  # noqa: ARG001 (as the others have it; no API needs it yet)
    rests: Mapping[Key, str],
) -> list[dict[str, Any]]:
    """Put what was held back of texts that end with an event into it, or into other events.

    Args:
        kind: of the stream.
        document: of the event, whose places already have what was released of them; it is changed.
        event_name: see `delta_places`.
        rests: what is left, by the text's key.

    Returns:
        Documents of events to send before this one.
    """
    return _FORMATS[kind].flush(document, rests) if kind in _FORMATS else []


def tail(kind: Kind, last_document: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return events for what was held back of texts that no event ended, to send before `[DONE]` or at the end.

    Args:
        kind: of the stream.
        last_document: of the last event that had any; they are made after it.
        rests: what is left, by the text's key.
    """
    return _FORMATS[kind].tail(last_document, rests) if kind in _FORMATS else []


def renumber(kind: Kind, document: Any, by: int) -> None:
    """Move the number of an event, if events of this kind are numbered, by how many were put before it."""
    if kind == "responses":
        responses.renumber(document, by)


def drop_tokens(kind: Kind, document: Any) -> None:
    """Remove log-probabilities, and what else repeats the tokens of texts, of an answer or event that was changed."""
    if kind in _FORMATS:
        _FORMATS[kind].drop_tokens(document)
