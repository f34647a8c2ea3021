"""Answers of the responses API that refuse, whole and as a stream."""

from __future__ import annotations

import time
import uuid
from typing import Any

from aligntax.serving.formats.choices import new_id
from aligntax.serving.formats.place import dump, table_of
from aligntax.serving.sse import event

__all__ = ["cut", "numbered", "refusal", "refusal_events"]


def refusal(message: str) -> dict[str, Any]:
    """Return what a complete answer has beside its head."""
    part = {"type": "refusal", "refusal": message}
    return _response("completed", [_message("completed", [part])])


def refusal_events(head: dict[str, Any], message: str) -> list[bytes]:
    """Return a stream that refuses."""
    answer = head | refusal(message)
    (item,) = answer["output"]
    empty = head | _response("in_progress", [])
    begun = item | {"status": "in_progress", "content": []}
    at_item = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    return numbered(
        {"type": "response.created", "response": empty},
        {"type": "response.in_progress", "response": empty},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": begun,
        },
        {"type": "response.content_part.added", **at_item, "part": {"type": "refusal", "refusal": ""}},
        {"type": "response.refusal.delta", **at_item, "delta": message},
        {"type": "response.refusal.done", **at_item, "refusal": message},
        {"type": "response.content_part.done", **at_item, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": answer},
    )


def cut(last: Any, first: Any, message: str) -> list[bytes]:
    """Return the event that ends a response, without what came of it until then.

    Args:
        last: the event that it follows.
        first: one that has the response; without any, it is one of its own.
        message: why it ends.
    """
    before = table_of(last).get("sequence_number")
    head = {"id": new_id("responses"), "created_at": int(time.time()), "model": "unknown"}
    response = head | _response("incomplete", [])
    for template in (first, last):
        known = table_of(template, "response").items()
        response |= {name: value for name, value in known if value is not None}
    response |= {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []}
    response["aligntax"] = {"message": message}
    start = before + 1 if isinstance(before, int) else 0
    return numbered({"type": "response.incomplete", "response": response}, start=start)


def numbered(*documents: dict[str, Any], start: int = 0) -> list[bytes]:
    """Return events with these documents, numbered and called by their types."""
    return [
        event(dump(document | {"sequence_number": number}), str(document["type"]))
        for number, document in enumerate(documents, start)
    ]


def _message(status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    identity = "msg_" + uuid.uuid4().hex
    return {"id": identity, "type": "message", "role": "assistant", "status": status, "content": content}


def _response(status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": output,
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }
