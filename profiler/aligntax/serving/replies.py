"""What a client is told where its request, or the answer to it, does not go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aligntax.serving.formats import cut_events, error, error_event, refusal, refusal_events
from aligntax.serving.guarding import Blocked, GuardFailed
from aligntax.serving.messages import Headers, Send
from aligntax.serving.problems import Problem, answer_json
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import AnswerStream
from aligntax.trace import Verdict

__all__ = ["Replies"]


class Replies:
    """The answers of the server's own, in the form of the API that was called.

    Args:
        kind: of that API.
        settings: of the server.
        send: as ASGI has it.

    Attributes:
        model: what the request named.
        streams: whether it asked for a stream.
    """

    def __init__(self, kind: RouteKind, settings: Settings, send: Send) -> None:
        self._kind = kind
        self._settings = settings
        self._send = send
        self.model: str | None = None
        self.streams = False

    async def bad_request(self, problem: Problem, http_version: str) -> None:
        """Refuse a request that guards cannot read; a connection on which one does not come is of no more use."""
        ends = problem.status == 408 and http_version.startswith("1")  # HTTP/2 has no such header
        await answer_json(self._send, problem.status, problem.document(), [(b"connection", b"close")] if ends else None)

    async def refusal(self, failure: Exception) -> None:
        """Answer a request that a guard blocked, or about which, or whose answer, no guard could decide."""
        message = self._settings.block_message
        if not isinstance(failure, Blocked):
            status, document = _failed(failure)
            await answer_json(self._send, status, document)
        elif self._settings.on_block == "error" or self._kind == "embeddings":
            document = error(status=400, type="invalid_request_error", code="content_filter", message=message)
            await answer_json(self._send, 400, document)
        elif self.streams:
            await self._start(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
            await self._end(refusal_events(self._kind, model=self.model, guard=failure.guard, message=message))
        else:
            await answer_json(
                self._send, 200, refusal(self._kind, model=self.model, guard=failure.guard, message=message)
            )

    async def cut(self, failure: Exception, stream: AnswerStream) -> None:
        """End a streamed answer of which a part has been sent."""
        if isinstance(failure, Blocked):
            message = self._settings.block_message
            open_keys = stream.open_keys()
            await self._end(
                cut_events(self._kind, stream.last, message, open_keys=open_keys, first_document=stream.first)
            )
        else:
            status, document = _failed(failure)
            problem = document["error"]
            number = (stream.last or {}).get("sequence_number")
            events = error_event(
                self._kind,
                problem["message"],
                status=status,
                code=problem["code"],
                sequence_number=number + 1 if isinstance(number, int) else 0,
            )
            await self._end(events)

    async def _start(self, status: int, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _end(self, pieces: Sequence[bytes]) -> None:
        await self._send({"type": "http.response.body", "body": b"".join(pieces), "more_body": False})


def _failed(failure: Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(failure, GuardFailed):
        timed_out = failure.verdict is Verdict.TIMEOUT
        status, code = (504, "guard_timeout") if timed_out else (500, "guard_error")
        return status, error(status=status, type="guard_error", code=code, message=str(failure))
    return 502, error(status=502, type="upstream_error", code="unreadable_answer", message=str(failure))
