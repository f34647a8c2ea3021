"""What a client is told where its request goes nowhere, in the form of OpenAI's errors."""

from __future__ import annotations

import json

from aligntax.serving.messages import Headers, Send

__all__ = ["Problem", "answer_json", "body_timeout", "error_event_of", "timed_out"]


class Problem(Exception):  # noqa: N818 (a client's as often as a server's)
    """A request, or the answer to it, that goes nowhere.

    Its message is for the client: it names limits and settings, and nothing out of a request or an answer.

    Attributes:
        status: of the answer.
        code: for programs, in the error object.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def document(self) -> dict[str, object]:
        """Return the error object."""
        if self.code.startswith("upstream_"):
            kind = "upstream_error"
        else:
            kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": None, "code": self.code}}


async def answer_json(send: Send, status: int, document: object, headers: Headers | None = None) -> None:
    """Send a whole answer.

    Args:
        send: as ASGI has it; nothing has been sent with it yet.
        status: of the answer.
        document: becomes the body.
        headers: in addition to those that describe the body.
    """
    body = json.dumps(document).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": described + (headers or [])})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def error_event_of(problem: Problem) -> bytes:
    """Return the server-sent event that tells of a problem in mid-stream."""
    return b"data: " + json.dumps(problem.document()).encode() + b"\n\n"


def body_timeout(seconds: float) -> Problem:
    """Return the problem of a client that has let others wait too long for more of its request's body."""
    return Problem(408, "body_timeout", f"no more of the body came within {seconds:g} seconds")


def timed_out(what: str, seconds: float) -> Problem:
    """Return the problem of an upstream that has taken longer than it may to do one of the things below."""
    said = {
        "connect": "could not be connected to",
        "first_byte": "did not begin to answer",
        "idle": "did not go on with its answer",
        "total": "did not complete its answer",
    }[what]
    return Problem(504, "upstream_timeout", f"the upstream {said} within {seconds:g} seconds")
