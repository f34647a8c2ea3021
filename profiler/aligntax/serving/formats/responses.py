"""The responses API: `/v1/responses`.

See https://platform.openai.com/docs/api-reference/responses-streaming: a text comes in `delta` events; a `done` event
of the text, of its part, of its item, and the last event of the response repeat it, each as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aligntax.serving.formats.items import LABELS, Part, content_texts, item_texts, read_item
from aligntax.serving.formats.place import (
    Key,
    Place,
    Prompt,
    are_tables,
    strings,
    table_of,
    tables_of,
    texts,
    whole_key,
)
from aligntax.serving.formats.tools import schema_texts, tool_texts

__all__ = [
    "answer_places",
    "delta_places",
    "drop_tokens",
    "ending_keys",
    "flush",
    "prompt",
    "renumber",
    "tail",
    "whole_places",
]

_COUNTERS = ("content_index", "summary_index", "command_index")
_OVER = ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "error")
_ENDED_PARTS = ("response.content_part.done", "response.reasoning_summary_part.done")
_WHOLE_FIELDS = ("text", "refusal", "input", "code", "command", "transcript")


class ResponseKey(NamedTuple):
    """Which of the running texts of a response; see `Part`."""

    kind: str
    events: str
    item: str | None
    output: int | None
    counter: str
    at: int | None


def prompt(document: dict[str, Any]) -> Prompt:
    """Return what the model is given, without what an earlier response or a conversation adds to it."""
    found = Prompt()
    for name in ("input", "previous_input_messages"):
        value = document.get(name)
        found.places += texts(document, name)
        found.unreadable |= not (value is None or isinstance(value, str) or are_tables(value))
        for _, item in tables_of(value):
            read_item(found, item)
    instructions = document.get("instructions")
    found.places += texts(document, "instructions")
    found.unreadable |= not (instructions is None or isinstance(instructions, str))
    variables = table_of(document, "prompt", "variables")
    for name, value in variables.items():
        if isinstance(value, dict):
            found.content({"value": [value]}, "value")
        else:
            found.content(variables, name)
    found.places += tool_texts(document.get("tools"))
    form = table_of(document, "text", "format")
    found.add(form, "description")
    found.places += schema_texts(form, "schema")
    found.unreadable |= "input_ids" in document
    return found


def answer_places(document: Any) -> list[Place]:
    """Return the places of all texts of a complete answer."""
    return [place for _, place in _output_texts(document)]


def delta_places(document: Any, event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the fragments of an event: of `delta`, and of `added` events, with which a text can begin."""
    name = _name_of(document, event_name)
    if name.endswith(".added"):
        return [(key, place) for key, place in _whole_texts(document, name) if isinstance(key, ResponseKey)]
    if not name.endswith(".delta") or name == "response.audio.delta":
        return []
    events = name.removesuffix(".delta")
    deltas = texts(table_of(document), "delta", is_json=events.endswith("arguments"))
    found: list[tuple[Key, Place]] = [(_key(document, events), place) for place in deltas]
    delta = table_of(document, "delta")  # the output of a command comes as an object
    found += ((_key(document, f"{events}.{field}"), place) for field in delta for place in texts(delta, field))
    return found


def whole_places(document: Any, event_name: str | None) -> list[tuple[Key, Place]]:
    """Return the texts that an event repeats, or has as a whole."""
    name = _name_of(document, event_name)
    if name.endswith(".delta"):
        return []
    whole = _whole_texts(document, name)
    if name.endswith(".added"):
        return [(key, place) for key, place in whole if not isinstance(key, ResponseKey)]
    return [*whole]


def ending_keys(document: Any, event_name: str | None, open_keys: Iterable[Key]) -> list[Key]:
    """Return the texts that end with this event: those of a text, a part, an item or the response that is done."""
    name = _name_of(document, event_name)
    return [*open_keys] if name in _OVER else [*_ending(name, document, open_keys)]


def _ending(name: str, document: Any, open_keys: Iterable[Key]) -> Iterator[Key]:
    events, _, happened = name.rpartition(".")
    if happened != "done":
        return
    done = _key(document, events)
    item = table_of(document, "item").get("id")
    for key in open_keys:
        if not isinstance(key, ResponseKey):
            continue
        if name == "response.output_item.done":
            ends = (key.output is not None and key.output == done.output) or (key.item is not None and key.item == item)
        elif name in _ENDED_PARTS:
            ends = key._replace(events=done.events) == done
        else:
            ends = key in (done, done._replace(events=f"{events}.stdout"), done._replace(events=f"{events}.stderr"))
        if ends:
            yield key


def flush(document: Any, rests: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return `delta` events with the rests of texts, to send before this one.

    They are numbered from this event's number on, and this event gets the number after theirs: the following ones must
    be moved as far, by `renumber`.
    """
    extra = tail(document, rests, after=False)
    renumber(document, len(extra))
    return extra


def tail(template: Any, rests: Mapping[Key, str], *, after: bool = True) -> list[dict[str, Any]]:
    """Return `delta` events with the rests of texts.

    Args:
        template: the event that they follow, or with `after=False` the one that they go before.
        rests: by text.
        after: whether they follow it.
    """
    number = table_of(template).get("sequence_number")
    known = [(key, rest) for key, rest in rests.items() if isinstance(key, ResponseKey)]
    extra = [_delta_event(key, rest) for key, rest in known if rest]
    if isinstance(number, int):
        for count, event in enumerate(extra):
            event["sequence_number"] = number + after + count
    return extra


def renumber(document: Any, by: int) -> None:
    """Move the number of an event, behind others that have been put into the stream."""
    number = table_of(document).get("sequence_number")
    if by and isinstance(number, int):
        document["sequence_number"] = number + by


def drop_tokens(document: Any) -> None:
    """Remove what repeats the tokens of texts."""
    items = [table_of(document, "item"), *_output_of(document), *_output_of(table_of(document, "response"))]
    holders = [table_of(document), table_of(document, "part")]
    holders += [part for item in items for _, part in tables_of(item.get("content"))]
    for holder in holders:
        if holder.get("logprobs") is not None:
            holder["logprobs"] = []


def _delta_event(key: ResponseKey, text: str) -> dict[str, Any]:
    events, _, field = key.events.rpartition(".")
    in_object = field in ("stdout", "stderr")
    document: dict[str, Any] = {
        "type": (events if in_object else key.events) + ".delta",
        "item_id": key.item,
        "output_index": key.output,
        key.counter: key.at,
        "delta": {field: text} if in_object else text,
    }
    if key.events == "response.output_text":
        document["logprobs"] = []
    return {name: value for name, value in document.items() if value is not None and name}


def _name_of(document: Any, event_name: str | None) -> str:
    kind = document.get("type") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else event_name or ""


def _key(document: Any, events: str) -> ResponseKey:
    table = table_of(document)
    item, output = table.get("item_id"), table.get("output_index")
    counter = next((name for name in _COUNTERS if isinstance(table.get(name), int)), "")
    return ResponseKey(
        "responses",
        events,
        item if isinstance(item, str) and not events.startswith("response.shell_call_command") else None,
        output if isinstance(output, int) else None,
        counter,
        table[counter] if counter else None,
    )


def _output_of(response: Any) -> list[dict[str, Any]]:
    return [item for _, item in tables_of(table_of(response).get("output"))]


def _output_texts(response: Any) -> Iterator[tuple[Key, Place]]:
    for output, item in tables_of(table_of(response).get("output")):
        yield from _keyed(item_texts(item), item.get("id"), output)


def _keyed(found: Iterable[tuple[Part, Place]], item: Any, output: Any) -> Iterator[tuple[Key, Place]]:
    item = item if isinstance(item, str) else None
    output = output if isinstance(output, int) else None
    for part, place in found:
        if part.events:
            named = None if part.events == "response.shell_call_command" else item
            yield ResponseKey("responses", part.events, named, output, part.counter, part.at), place
        else:
            yield whole_key("responses", place), place


def _whole_texts(document: Any, name: str) -> Iterator[tuple[Key, Place]]:
    table = table_of(document)
    yield from _output_texts(table.get("response"))
    item = table_of(table, "item")
    yield from _keyed(item_texts(item), item.get("id"), table.get("output_index"))
    key = _key(document, name.rpartition(".")[0])
    if part := table_of(table, "part"):
        for each, place in content_texts([part]):
            yield key._replace(events=each.events), place
    for place in (*texts(table, "arguments", is_json=True), *texts(table, *_WHOLE_FIELDS)):
        yield (key if key.events else whole_key("responses", place)), place
    for place in strings(table, "output", LABELS):
        yield whole_key("responses", place), place
