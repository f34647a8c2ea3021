"""Choices, of which the answers of the chat and of the completions API are made."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aligntax.serving.formats.place import Key, Kind, table_of, tables_of

__all__ = [
    "answers_in",
    "choices_of",
    "chunk",
    "drop_tokens",
    "ended",
    "new_id",
    "number_of",
    "open_choices",
    "put_rests",
]

_TEMPLATE = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "aligntax")
_OBJECTS: dict[Kind, str] = {"chat": "chat.completion.chunk", "completions": "text_completion"}
_IDS: dict[Kind, str] = {"chat": "chatcmpl-", "completions": "cmpl-", "responses": "resp_"}

# What else tells the tokens of an answer: of OpenAI, vLLM, SGLang and llama.cpp.
_TOKENS_OF_CHOICE = ("logprobs", "token_ids", "prompt_token_ids", "prompt_logprobs", "hidden_states")
_TOKENS = ("prompt_token_ids", "prompt_logprobs", "completion_probabilities", "__verbose")


def new_id(kind: Kind) -> str:
    """Return an identity of an answer, as OpenAI would write it."""
    return _IDS[kind] + uuid.uuid4().hex


def number_of(table: dict[str, Any], position: int) -> int | str:
    """Return which entry of a list it is: its `index`; its `id` or its position where a server leaves that out."""
    index = table.get("index")
    if isinstance(index, int):
        return index
    identity = table.get("id")
    return identity if isinstance(identity, str) else position


def answers_in(document: Any) -> list[dict[str, Any]]:
    """Return a document as an answer, and the answers in it where it is a list of those that a server has kept."""
    if not isinstance(document, dict):
        return []
    return [document, *(each for _, each in tables_of(document.get("data")))]


def choices_of(document: Any) -> list[tuple[int, dict[str, Any]]]:
    """Return the choices of a document, each with its index; with its position where a server leaves that out."""
    choices = tables_of(document.get("choices")) if isinstance(document, dict) else []
    return [(each["index"] if isinstance(each.get("index"), int) else at, each) for at, each in choices]


def ended(kind: Kind, document: Any, open_keys: Iterable[Key]) -> list[Key]:
    """Return the texts of the choices that finish with this event."""
    finished = {(kind, index) for index, choice in choices_of(document) if choice.get("finish_reason")}
    return [key for key in open_keys if key[:2] in finished] if finished else []


def open_choices(open_keys: Iterable[Key]) -> list[Any]:
    """Return the numbers of the choices with a text that is not finished; the first choice if there is none."""
    return list(dict.fromkeys(key[1] for key in open_keys)) or [0]


def put_rests(
    document: Any, rests: Mapping[Key, str], put: Callable[[dict[str, Any], Key, str], None]
) -> dict[Key, str]:
    """Put the rests of texts into the choices of an event, and return those of choices that it lacks."""
    choices: dict[Any, dict[str, Any]] = dict(choices_of(document))
    others: dict[Key, str] = {}
    for key, rest in rests.items():
        if (choice := choices.get(key[1])) is None:
            others[key] = rest
        else:
            put(choice, key, rest)
    return others


def chunk(template: Any, kind: Kind, choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an event with these choices: of the stream that the template is from, or else of one of its own."""
    head = {"id": new_id(kind), "object": _OBJECTS[kind], "created": int(time.time()), "model": "unknown"}
    if isinstance(template, dict):
        head |= {name: template[name] for name in _TEMPLATE if template.get(name) is not None}
    return head | {"choices": choices}


def drop_tokens(document: Any) -> None:
    """Remove what repeats the tokens of choices."""
    for answer in answers_in(document):
        for name in _TOKENS:
            answer.pop(name, None)
        for _, choice in choices_of(answer):
            for name in _TOKENS_OF_CHOICE:
                if choice.get(name) is not None:
                    choice[name] = None
            for message in ("message", "delta"):
                audio = table_of(choice, message, "audio")
                if "data" in audio:
                    audio["data"] = ""  # it speaks the text
