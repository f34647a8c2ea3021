"""One request that is only measured: nothing of it is changed, and of a stream only the first events are looked at."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from aligntax.profiler import Profiler
from aligntax.recording.chunks import ChunkTimes
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.body import Application, Message, Receive, Send, header
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import AnswerStream, UnreadableAnswer
from aligntax.trace import Outcome

__all__ = ["Served", "observe"]

_SLOW_NS = 1_000_000
"""A client that takes longer for a piece is slow: what the application waits for it is not the model's time."""


class Served(NamedTuple):
    """What all requests of a server have in common.

    Attributes:
        profiler: takes the times.
        settings: of the server.
        model_row: of the layer that the application stands for.
    """

    profiler: Profiler
    settings: Settings
    model_row: int


async def observe(
    application: Application,
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    kind: RouteKind,
    served: Served,
) -> None:
    """Let the application answer one request of an API of some kind, and take the times."""
    profiler, settings, model_row = served
    with profiler.request(model=settings.model) as request:
        model = ImpliedModel(profiler.recorder, model_row, apart=False)
        watch = _Watch(kind, request, model, profiler, settings, send)
        try:
            await application(scope, receive, watch)
        except BaseException as error:
            model.end(error)
            raise
        model.end()
        if not watch.complete:
            request.outcome = Outcome.CANCELLED  # the server told the application that the client has left


class _Watch:
    """The `send` of an application whose answers are only measured."""

    __slots__ = (
        "_called_ns",
        "_chunks",
        "_clock",
        "_kind",
        "_limit",
        "_model",
        "_request",
        "_send",
        "_taken_ns",
        "_until_text",
        "complete",
    )

    def __init__(
        self, kind: RouteKind, request: Request, model: ImpliedModel, profiler: Profiler, settings: Settings, send: Send
    ) -> None:
        self._kind = kind
        self._request = request
        self._model = model
        self._clock = profiler.recorder.clock
        self._limit = settings.max_event_bytes
        self._send = send
        self._chunks: ChunkTimes | None = None
        self._until_text: AnswerStream | None = None
        self._called_ns = self._taken_ns = model.running_since_ns
        self.complete = False

    async def __call__(self, message: Message) -> None:
        """Pass one message on."""
        now_ns = self._clock()
        if message["type"] == "http.response.start":
            self._begin(message)
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
            if self._chunks is not None and message.get("body"):
                self._note(self._chunks, message["body"], now_ns)
        await self._send(message)
        taken_ns = self._clock()
        if taken_ns - now_ns > _SLOW_NS:
            self._model.leave_out(now_ns, taken_ns)
        self._taken_ns = taken_ns

    def _begin(self, message: Message) -> None:
        status = message["status"]
        if status >= 500:
            self._request.outcome = Outcome.ERROR
        elif status >= 400:
            self._request.forget()
        elif header(message.get("headers", ()), b"content-type").startswith(b"text/event-stream"):
            chunks = self._chunks = self._request.begin_chunks()
            self._until_text = AnswerStream(self._kind, (), self._clock, chunks, self._limit)

    def _note(self, chunks: ChunkTimes, body: bytes, now_ns: int) -> None:
        """Note a piece of a stream: the first with a text, and whatever follows it but comments."""
        if self._until_text is not None:
            try:
                self._until_text.feed(body)
            except UnreadableAnswer:
                self._until_text = None  # no stream of this API: every piece counts
            else:
                if not self._until_text.texts_came:
                    return
                self._until_text = None
        elif body.startswith(b":"):
            return
        gap_ns = now_ns - self._taken_ns
        chunks.came(now_ns - self._called_ns, gap_ns)
        chunks.went(now_ns - self._request.start_ns, gap_ns)
