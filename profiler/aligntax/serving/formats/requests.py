"""What a request says: its prompt, the model that it asks, and whether it wants a stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aligntax.serving.formats import chat, completions, embeddings, responses
from aligntax.serving.formats.place import Kind, Place, Prompt

__all__ = ["model_name", "prompt", "prompt_places", "unreadable", "wants_stream"]

_PROMPTS: dict[Kind, Callable[[dict[str, Any]], Prompt]] = {
    "chat": chat.prompt,
    "completions": completions.prompt,
    "responses": responses.prompt,
    "embeddings": embeddings.prompt,
}
# Where a prompt can stand. A document without any of these is not what its route asks for: a server that takes its
# fields from somewhere deeper would read what no guard has seen.
_ASKING: dict[Kind, tuple[str, ...]] = {
    "chat": ("messages",),
    "completions": ("prompt",),
    "responses": ("input", "prompt", "previous_response_id", "previous_input_messages", "conversation", "instructions"),
    "embeddings": ("input", "messages"),
}
_LONGEST_NAME = 120
_TRUE = ("1", "true", "t", "yes", "y", "on")  # what Pydantic, with which most servers read requests, takes for it


def prompt(kind: Kind, document: Any) -> Prompt:
    """Return every text that the model would read, and whether it would be given anything else."""
    if isinstance(document, dict):
        found = _PROMPTS[kind](document)
        found.unreadable |= not any(key in document for key in _ASKING[kind])
        return found
    found = Prompt()
    found.unreadable = True
    return found


def prompt_places(kind: Kind, document: Any) -> list[Place]:
    """Return the places of every text that the model would read: those of `prompt`."""
    return prompt(kind, document).places


def unreadable(kind: Kind, document: Any) -> bool:
    """Return whether the prompt has what no guard of texts can read: token ids, images, sound, files, anything unknown.

    What the request only refers to, such as an earlier response, counts as read: it has been here before.
    """
    return prompt(kind, document).unreadable


def model_name(document: Any) -> str | None:
    """Return the model that a request asks; None if that is not a printable text of at most 120 characters."""
    name = document.get("model") if isinstance(document, dict) else None
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    return None


def wants_stream(document: Any) -> bool:
    """Return whether a request asks for a stream, in any way that servers understand."""
    value = document.get("stream") if isinstance(document, dict) else None
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return isinstance(value, (bool, int, float)) and value == 1
