"""The older completions API: `/v1/completions`.

See https://platform.openai.com/docs/api-reference/completions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aligntax.serving.formats.choices import choices_of, chunk, drop_tokens, ended, open_choices, put_rests
from aligntax.serving.formats.place import Key, Place, Prompt, dump, texts
from aligntax.serving.sse import event

__all__ = [
    "answer_places",
    "cut",
    "delta_places",
    "drop_tokens",
    "ending_keys",
    "flush",
    "prompt",
    "read_text_or_texts",
    "refusal",
    "refusal_events",
    "tail",
    "whole_places",
]

_FIELDS = ("text", "reasoning")
_DONE = event(b"[DONE]")


def prompt(document: dict[str, Any]) -> Prompt:
    """Return what the model is given."""
    found = Prompt()
    read_text_or_texts(found, document, "prompt")
    found.add(document, "suffix")
    found.unreadable |= "prompt_embeds" in document or "input_ids" in document
    return found


def read_text_or_texts(found: Prompt, document: dict[str, Any], name: str) -> None:
    """Add a text or a list of texts; anything else in it, such as token ids, is unreadable."""
    value = document.get(name)
    if isinstance(value, list):
        found.places += (Place(value, index) for index, each in enumerate(value) if each and isinstance(each, str))
        found.unreadable |= not all(isinstance(each, str) for each in value)
    else:
        found.content(document, name)


def answer_places(document: Any) -> list[Place]:
    """Return the places of all texts of a complete answer."""
    return [place for _, place in delta_places(document, None)]


def delta_places(document: Any, _event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the fragments of an event."""
    found: list[tuple[Key, Place]] = []
    for index, choice in choices_of(document):
        found += ((("completions", index, name), place) for name in _FIELDS for place in texts(choice, name))
    return found


def whole_places(_document: Any, _event_name: str | None) -> list[tuple[Key, Place]]:
    """Return nothing: no event repeats the text of others."""
    return []


def ending_keys(document: Any, _event_name: str | None, open_keys: Iterable[Key]) -> list[Key]:
    """Return the texts that end with this event: those of choices that have a reason to finish."""
    return ended("completions", document, open_keys)


def flush(document: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Put the rests of texts into this event; there is no other to send before it, but for choices it lacks."""
    return tail(document, put_rests(document, rests, _put_rest))


def _put_rest(choice: dict[str, Any], key: Key, rest: str) -> None:
    name = str(key[2])
    before = choice.get(name)
    choice[name] = before + rest if isinstance(before, str) else rest


def tail(template: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return an event with the rests of texts that the end of the stream ended."""
    choices = [
        {"index": key[1], "text": "", "logprobs": None, "finish_reason": None} | {str(key[2]): rest}
        for key, rest in rests.items()
        if rest
    ]
    return [chunk(template, "completions", choices)] if choices else []


def refusal(message: str) -> dict[str, Any]:
    """Return what a complete answer has beside its head; this API has no place for a refusal but the text."""
    choice = {"index": 0, "text": message, "logprobs": None, "finish_reason": "content_filter"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {"object": "text_completion", "choices": [choice], "usage": usage}


def refusal_events(head: dict[str, Any], message: str) -> list[bytes]:
    """Return a stream that refuses."""
    return [event(dump(head | refusal(message))), _DONE]


def cut(template: Any, message: str, open_keys: Iterable[Key]) -> list[bytes]:
    """Return what ends all choices of a stream that are open; a message has no place in their texts."""
    choices = [
        {"index": index, "text": "", "logprobs": None, "finish_reason": "content_filter"}
        for index in open_choices(open_keys)
    ]
    return [event(dump(chunk(template, "completions", choices) | {"aligntax": {"message": message}})), _DONE]
