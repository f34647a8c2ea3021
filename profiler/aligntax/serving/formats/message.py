"""Messages of the chat API: whole ones, and the deltas that they come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aligntax.serving.formats.choices import number_of
from aligntax.serving.formats.place import Key, Place, part_texts, strings, table_of, tables_of, texts

__all__ = ["add_text", "message_texts", "structured_texts"]

# The content, a refusal, and what servers call the reasoning.
_FIELDS = ("content", "refusal", "reasoning_content", "reasoning", "thinking")
_ANSWER_PARTS = ("text", "output_text")
_ARGUMENTS = (("function", "arguments"), ("custom", "input"))


def message_texts(message: dict[str, Any]) -> Iterator[tuple[Key, Place]]:
    """Yield the texts of a message or a delta, each with which of its texts it is."""
    for name in _FIELDS:
        value = message.get(name)
        if isinstance(value, str):
            if value:
                yield (name,), Place(message, name)
        elif isinstance(value, list):
            for kind, place in part_texts(value):
                yield (name if kind in _ANSWER_PARTS or name != "content" else "reasoning",), place
    if isinstance(message.get("audio"), dict):
        for place in texts(message["audio"], "transcript"):
            yield ("audio",), place
    if isinstance(message.get("function_call"), dict):
        for place in texts(message["function_call"], "arguments", is_json=True):
            yield ("function_call",), place
    for position, call in tables_of(message.get("tool_calls")):
        for kind, name in _ARGUMENTS:
            for place in texts(table_of(call, kind), name, is_json=name == "arguments"):
                yield (kind, number_of(call, position)), place
    for position, detail in tables_of(message.get("reasoning_details")):
        for place in texts(detail, "text", "summary"):
            yield ("reasoning_details", number_of(detail, position)), place


def structured_texts(message: dict[str, Any]) -> list[Place]:
    """Return the texts of arguments that a server writes as objects, and not as a JSON text."""
    calls = [call for _, call in tables_of(message.get("tool_calls"))]
    holders = [(table_of(message, "function_call"), "arguments")]
    holders += [(table_of(call, kind), name) for call in calls for kind, name in _ARGUMENTS]
    return [
        place for holder, name in holders if not isinstance(holder.get(name), str) for place in strings(holder, name)
    ]


def add_text(delta: dict[str, Any], which: Key, text: str) -> None:
    """Add more of a text to a delta, behind what it has of it.

    Args:
        delta: of a choice.
        which: of its texts, as `message_texts` has it.
        text: what is added.
    """
    name, *number = which
    if name in ("function", "custom"):
        call = _numbered(delta, "tool_calls", number[0])
        _append(_table_at(call, str(name)), "arguments" if name == "function" else "input", text)
    elif name == "reasoning_details":
        _append(_numbered(delta, "reasoning_details", number[0], {"type": "reasoning.text"}), "text", text)
    elif name in ("audio", "function_call"):
        _append(_table_at(delta, str(name)), "transcript" if name == "audio" else "arguments", text)
    elif isinstance(parts := delta.get(str(name)), list):
        parts.append({"type": "text", "text": text})
    else:
        _append(delta, str(name), text)


def _append(holder: dict[str, Any], name: str, text: str) -> None:
    before = holder.get(name)
    holder[name] = before + text if isinstance(before, str) else text


def _table_at(holder: dict[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(holder.get(name), dict):
        holder[name] = {}
    found: dict[str, Any] = holder[name]
    return found


def _numbered(delta: dict[str, Any], name: str, number: Any, new: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the entry of a list that has this number, the last of them; a new one if there is none."""
    if not isinstance(delta.get(name), list):
        delta[name] = []
    entry: dict[str, Any]
    for position, entry in reversed(tables_of(delta[name])):
        if number_of(entry, position) == number:
            return entry
    entry = {"id" if isinstance(number, str) else "index": number, **(new or {})}
    delta[name].append(entry)
    return entry
