"""The chat API: `/v1/chat/completions`.

See https://platform.openai.com/docs/api-reference/chat; and what vLLM, SGLang, llama.cpp and others add to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aligntax.serving.formats.choices import (
    answers_in,
    choices_of,
    chunk,
    drop_tokens,
    ended,
    open_choices,
    put_rests,
)
from aligntax.serving.formats.message import add_text, message_texts, structured_texts
from aligntax.serving.formats.place import (
    ROLES,
    Key,
    Place,
    Prompt,
    are_tables,
    dump,
    is_readable,
    table_of,
    tables_of,
    texts,
    whole_key,
)
from aligntax.serving.formats.tools import schema_texts, tool_texts
from aligntax.serving.sse import event

__all__ = [
    "answer_places",
    "cut",
    "delta_places",
    "drop_tokens",
    "ending_keys",
    "flush",
    "prompt",
    "read_messages",
    "refusal",
    "refusal_events",
    "tail",
    "whole_places",
]

_BESIDE_MESSAGES = ("chat_template", "chat_template_kwargs", "documents", "tool_prompt")
_DONE = event(b"[DONE]")


def prompt(document: dict[str, Any]) -> Prompt:
    """Return what the model is given."""
    found = Prompt()
    read_messages(found, document)
    return found


def read_messages(found: Prompt, document: dict[str, Any]) -> None:
    """Add all that a document with `messages` gives to the model."""
    messages = document.get("messages")
    found.unreadable |= messages is not None and not are_tables(messages)
    for _, message in tables_of(messages):
        found.unreadable |= not is_readable(message.get("content"))
        found.places += (place for _, place in message_texts(message))
        found.places += structured_texts(message)
        if message.get("role") not in ROLES:
            found.places += texts(message, "role")
    for name in ("tools", "functions"):
        found.places += tool_texts(document.get(name))
    form = table_of(document, "response_format", "json_schema")
    found.add(form, "description")
    found.places += schema_texts(form, "schema")
    found.content(table_of(document, "prediction"), "content")
    found.add(document, *_BESIDE_MESSAGES)
    found.unreadable |= "input_ids" in document or "prompt_embeds" in document


def answer_places(document: Any) -> list[Place]:
    """Return the places of all texts of a complete answer, or of a list of them."""
    found: list[Place] = []
    for answer in answers_in(document):
        for _, choice in choices_of(answer):
            message = table_of(choice, "message")
            found += (place for _, place in message_texts(message))
            found += structured_texts(message)
    return found


def delta_places(document: Any, _event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the fragments of an event."""
    found: list[tuple[Key, Place]] = []
    for number, choice in choices_of(document):
        delta = choice.get("delta")
        if isinstance(delta, dict):
            found += ((("chat", number, *which), place) for which, place in message_texts(delta))
    return found


def whole_places(document: Any, _event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the texts that are whole: of messages in the place of deltas, and of arguments that are no JSON text."""
    found: list[Place] = []
    for _, choice in choices_of(document):
        found += structured_texts(table_of(choice, "delta"))
        if "message" in choice:
            message = table_of(choice, "message")
            found += (place for _, place in message_texts(message))
            found += structured_texts(message)
    return [(whole_key("chat", place), place) for place in found]


def ending_keys(document: Any, _event_name: str | None, open_keys: Iterable[Key]) -> list[Key]:
    """Return the texts that end with this event: those of choices that have a reason to finish."""
    return ended("chat", document, open_keys)


def flush(document: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Put the rests of texts into this event; there is no other to send before it, but for choices it lacks."""
    return tail(document, put_rests(document, rests, _put_rest))


def _put_rest(choice: dict[str, Any], key: Key, rest: str) -> None:
    if rest:
        if not isinstance(choice.get("delta"), dict):
            choice["delta"] = {}
        add_text(choice["delta"], key[2:], rest)


def tail(template: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return an event with the rests of texts that the end of the stream ended."""
    choices: dict[Any, dict[str, Any]] = {}
    for key, rest in rests.items():
        if rest:
            choice = choices.setdefault(key[1], {"index": key[1], "delta": {}, "finish_reason": None})
            add_text(choice["delta"], key[2:], rest)
    return [chunk(template, "chat", [*choices.values()])] if choices else []


def refusal(message: str) -> dict[str, Any]:
    """Return what a complete answer has beside its head."""
    answer = {"role": "assistant", "content": None, "refusal": message}
    choice = {"index": 0, "message": answer, "logprobs": None, "finish_reason": "content_filter"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}


def refusal_events(head: dict[str, Any], message: str) -> list[bytes]:
    """Return a stream that refuses."""
    said = {"index": 0, "delta": {"role": "assistant", "content": None, "refusal": message}, "finish_reason": None}
    return [event(dump(chunk(head, "chat", [said]))), *cut(head, None, [])]


def cut(template: Any, message: str | None, open_keys: Iterable[Key]) -> list[bytes]:
    """Return what ends all choices of a stream that are open."""
    delta = {} if message is None else {"refusal": message}
    choices = [
        {"index": number, "delta": delta, "logprobs": None, "finish_reason": "content_filter"}
        for number in open_choices(open_keys)
    ]
    return [event(dump(chunk(template, "chat", choices))), _DONE]
