"""Errors, as OpenAI and the servers that follow it have them."""

from __future__ import annotations

from typing import Any

from aligntax.serving.formats.place import Kind, dump
from aligntax.serving.formats.refused_response import numbered
from aligntax.serving.sse import event

__all__ = ["error", "error_event"]

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error(*, status: int, message: str, type: str | None = None, code: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Return the body of an answer that is an error.

    Args:
        status: of HTTP, which the answer has as well.
        message: what is wrong, and what mends it; never anything of a prompt.
        type: one of OpenAI's types of errors; None: the one that goes with the status.
        code: what exactly it is; None where there is no name for it.
    """
    if type is None:
        type = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")  # noqa: A001
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def error_event(
    kind: Kind, message: str, *, status: int = 500, code: str | None = None, sequence_number: int = 0
) -> list[bytes]:
    """Return what ends a stream with an error, after the answer has begun with status 200.

    Args:
        kind: of the stream.
        message: see `error`.
        status: see `error`.
        code: see `error`.
        sequence_number: of the event, which only the responses API numbers.
    """
    if kind == "responses":
        return numbered({"type": "error", "code": code, "message": message, "param": None}, start=sequence_number)
    return [event(dump(error(status=status, message=message, code=code))), event(b"[DONE]")]
