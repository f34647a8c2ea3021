"""Items, of which prompts and answers of the responses API are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aligntax.serving.formats.place import (
    ROLES,
    Place,
    Prompt,
    is_readable,
    part_texts,
    strings,
    table_of,
    tables_of,
    texts,
)
from aligntax.serving.formats.tools import schema_texts, tool_texts

__all__ = ["LABELS", "Part", "content_texts", "item_texts", "read_item"]

# Items whose texts are all that a model reads of them; what else they have, such as encrypted reasoning, the server
# wrote itself. Images, screenshots, and whatever is not known here are not among them.
_READABLE = frozenset(
    """
    additional_tools apply_patch_call apply_patch_call_output code_interpreter_call compaction compaction_trigger
    computer_call configuration_update custom_tool_call custom_tool_call_output file_search_call function_call
    function_call_output item_reference local_shell_call local_shell_call_output mcp_approval_request
    mcp_approval_response mcp_call mcp_list_tools message program program_output reasoning shell_call
    shell_call_output tool_search_call tool_search_output web_search_call
    """.split()  # noqa: SIM905 (a list of words reads better)
)
LABELS = frozenset(("type", "id", "call_id", "file_id", "role", "status", "image_url", "file_data"))
_NO_TEXTS = {"arguments": frozenset[str](), "action": LABELS | {"commands"}}

# By type of an item: the field that comes in deltas, and the name of their events.
_STREAMED = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
    "code_interpreter_call": ("code", "response.code_interpreter_call_code"),
}
_PARTS = {
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
    "summary_text": "response.reasoning_summary_text",
}
# Fields that come as a whole, with all texts in them.
_WHOLE = (
    "arguments",
    "input",
    "code",
    "output",
    "outputs",
    "results",
    "operation",
    "action",
    "actions",
    "queries",
    "error",
)
_WHOLE_TEXTS = ("result", "reason", "text", "revised_prompt")


class Part(NamedTuple):
    """Which text of an item it is.

    Attributes:
        events: what the events with its deltas are called, less `.delta`; empty if it comes as a whole.
        counter: the field of those events that tells it from other texts of the item; empty if there is none.
        at: the value of that field.
    """

    events: str
    counter: str = ""
    at: int | None = None


_COMES_WHOLE = Part("")


def content_texts(parts: Any, counter: str = "content_index") -> Iterator[tuple[Part, Place]]:
    """Yield the texts in the content or the summary of an item."""
    if isinstance(parts, list):
        for index, part in enumerate(parts):
            if isinstance(part, str) and part:
                yield Part("response.output_text", counter, index), Place(parts, index)
            elif isinstance(part, dict):
                for kind, place in part_texts([part]):
                    yield Part(_PARTS.get(kind, "response.output_text"), counter, index), place


def item_texts(item: dict[str, Any]) -> Iterator[tuple[Part, Place]]:
    """Yield the texts of an item, of whatever type."""
    kind = item.get("type")
    for place in texts(item, "content"):
        yield Part("response.output_text", "content_index", 0), place
    yield from content_texts(item.get("content"))
    yield from content_texts(item.get("summary"), "summary_index")
    streamed, events = _STREAMED.get(str(kind), ("", ""))
    for place in texts(item, streamed, is_json=streamed == "arguments"):
        yield Part(events), place
    yield from _shell_commands(item)
    for name in _WHOLE:
        is_text = isinstance(item.get(name), str)
        if is_text and name == streamed:
            continue  # as above
        is_json = is_text and name == "arguments"
        found = texts(item, name, is_json=True) if is_json else strings(item, name, _NO_TEXTS.get(name, LABELS))
        for place in found:
            yield _COMES_WHOLE, place
    for name in _WHOLE_TEXTS:
        if name != "result" or kind != "image_generation_call":
            for place in texts(item, name):
                yield _COMES_WHOLE, place
    for place in (*tool_texts(item.get("tools")), *schema_texts(table_of(item, "text", "format"), "schema")):
        yield _COMES_WHOLE, place


def _shell_commands(item: dict[str, Any]) -> Iterator[tuple[Part, Place]]:
    commands = table_of(item, "action").get("commands")
    for index, command in enumerate(commands if isinstance(commands, list) else [commands]):
        if command and isinstance(command, str):
            place = Place(commands, index) if isinstance(commands, list) else Place(item["action"], "commands")
            yield Part("response.shell_call_command", "command_index", index), place


def read_item(found: Prompt, item: dict[str, Any]) -> None:
    """Add what an item of a prompt gives to the model."""
    found.places += (place for _, place in item_texts(item))
    if item.get("role") not in ROLES:
        found.places += texts(item, "role")
    kind = item.get("type")
    if kind is None:
        readable = "content" in item or item.keys() == {"id"}
    else:
        readable = isinstance(kind, str) and kind in _READABLE
    readable = readable and is_readable(item.get("content")) and is_readable(item.get("summary"))
    if kind in ("function_call_output", "custom_tool_call_output"):
        readable = readable and is_readable(item.get("output"))
    found.unreadable |= not readable or any(each.get("type") == "image" for _, each in tables_of(item.get("outputs")))
