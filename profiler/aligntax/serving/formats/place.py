"""Places of texts in JSON documents, whatever stands in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Hashable, Iterator
from typing import Any, Literal

__all__ = [
    "ROLES",
    "Key",
    "Kind",
    "Place",
    "Prompt",
    "are_tables",
    "dump",
    "is_readable",
    "part_texts",
    "strings",
    "table_of",
    "tables_of",
    "texts",
    "whole_key",
]

Kind = Literal["chat", "completions", "responses", "embeddings"]

# Which of the running texts of a stream: a tuple of hashable things that begins with the kind.
Key = tuple[Hashable, ...]

# What a message can be from; some servers write anything else into the prompt as it is.
ROLES = ("system", "developer", "user", "assistant", "tool", "function")

# What a text part of a message is called; that of any other kind cannot be read.
_TEXT_PARTS = frozenset(
    ("text", "input_text", "output_text", "refusal", "thinking", "reasoning", "reasoning_text", "summary_text")
)
_PART_FIELDS = ("text", "refusal", "thinking", "reasoning", "input_text", "output_text")


class Place:
    """A string in a JSON document, which can be replaced there.

    Args:
        holder: the object or the list that it stands in.
        key: its key or its index in there.
        is_json: see below.

    Attributes:
        is_json: whether it is JSON itself, as the arguments of a tool are, or a piece of it.
    """

    __slots__ = ("_holder", "_key", "is_json")

    def __init__(self, holder: Any, key: str | int, *, is_json: bool = False) -> None:
        self._holder = holder
        self._key = key
        self.is_json = is_json

    @property
    def text(self) -> str:
        """What stands there now."""
        found: str = self._holder[self._key]
        return found

    def put(self, new: str) -> None:
        """Let another text stand there."""
        self._holder[self._key] = new

    def __repr__(self) -> str:
        """Say how long the text is, and not what it says: this ends up in logs."""
        return f"Place(<{len(self.text)} characters>)"


class Prompt:
    """What a model would be given by a request.

    Attributes:
        places: of its texts.
        unreadable: whether anything else reaches the model too.
    """

    __slots__ = ("places", "unreadable")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.unreadable = False

    def add(self, holder: dict[str, Any], *names: str) -> None:
        """Add all strings under these names, however deep."""
        for name in names:
            self.places += strings(holder, name)

    def content(self, holder: Any, key: str | int) -> None:
        """Add what stands under a key: a text, or a list of parts, of which some may not be texts."""
        content = holder.get(key) if isinstance(holder, dict) else holder[key]
        self.unreadable |= not is_readable(content)
        if isinstance(content, list):
            self.places += (place for _, place in part_texts(content))
        elif content and isinstance(content, str):
            self.places.append(Place(holder, key))


def is_readable(content: Any) -> bool:
    """Return whether the content of a message is nothing but text: one, or parts that are all texts."""
    if isinstance(content, list):
        return all(map(_is_text_part, content))
    return content is None or isinstance(content, str)


def dump(document: Any) -> bytes:
    """Return the document as JSON in UTF-8; half a surrogate pair, which UTF-8 has no place for, as an escape."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def whole_key(kind: Kind, place: Place) -> Key:
    """Return the key of a text that never comes in pieces: the same for the same text, wherever it is repeated."""
    text = place.text.encode("utf-8", "surrogatepass")
    return kind, "whole", hashlib.blake2b(text, digest_size=16).digest(), place.is_json


def table_of(value: Any, *names: str) -> dict[str, Any]:
    """Return the object under these names, one in another; an empty one if anything else stands there."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def are_tables(value: Any) -> bool:
    """Return whether it is a list of objects and of nothing else."""
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def tables_of(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects in a list, each with its index; none if it is anything else."""
    if not isinstance(value, list):
        return []
    return [(index, each) for index, each in enumerate(value) if isinstance(each, dict)]


def texts(holder: dict[str, Any], *names: str, is_json: bool = False) -> list[Place]:
    """Return the places of the texts under these names that are not empty."""
    return [
        Place(holder, name, is_json=is_json) for name in names if isinstance(holder.get(name), str) and holder[name]
    ]


def strings(holder: Any, key: str | int, skip: Collection[str] = ()) -> list[Place]:
    """Return the places of all texts in what stands under a key, however deep, but not under the keys to skip."""
    if isinstance(holder, dict) and key not in holder:
        return []
    found: list[Place] = []
    stack: list[tuple[Any, str | int]] = [(holder, key)]
    while stack:
        holder, key = stack.pop()
        value = holder[key]
        if isinstance(value, str):
            if value:
                found.append(Place(holder, key))
        elif isinstance(value, list):
            stack += ((value, index) for index in reversed(range(len(value))))
        elif isinstance(value, dict):
            stack += ((value, name) for name in reversed(value) if name not in skip)
    return found


def part_texts(parts: list[Any]) -> Iterator[tuple[str, Place]]:
    """Yield the texts of the parts of a message, each with the type of its part."""
    for index, part in enumerate(parts):
        if isinstance(part, str):
            if part:
                yield "text", Place(parts, index)
        elif isinstance(part, dict):
            kind = part.get("type")
            for name in _PART_FIELDS:
                if name in part:
                    for place in strings(part, name, ("type",)):
                        yield kind if isinstance(kind, str) else "text", place


def _is_text_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return isinstance(part, str)
    kind = part.get("type")
    if kind is None:  # some servers tell by the other keys what it is
        known = part.keys() <= {"type", "text", "refusal"}
    else:
        known = isinstance(kind, str) and kind in _TEXT_PARTS
    return known and all(_is_plain(part[name]) for name in _PART_FIELDS if name in part)


def _is_plain(text: Any) -> bool:
    """Return whether it is a text, or parts that are, as Mistral's thinking has them; one level, no recursion."""
    if isinstance(text, list):
        return all(isinstance(each, dict) and isinstance(each.get("text"), str) for each in text)
    return text is None or isinstance(text, str)
