"""One request that is only measured: nothing of it is changed, and of a stream only the first events are looked at."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from aligntax.profiler import Profiler
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.messages import Application, Message, Receive, Send, ends_answer, header
from aligntax.serving.pieces import Pieces
from aligntax.serving.settings import RouteKind, Settings
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
        watch = _Watch(kind, request, model, served, receive, send)
        try:
            await application(scope, watch.receive, watch.send)
        except BaseException as error:
            if not watch.complete:
                model.end(error)
            if watch.client_left:  # an application may say so with whatever error it likes
                request.outcome = Outcome.CANCELLED
            raise
        if not watch.complete:
            model.end()
            request.outcome = Outcome.ERROR
        if watch.client_left:
            request.outcome = Outcome.CANCELLED


class _Watch:
    """The `receive` and the `send` of an application whose answers are only measured."""

    __slots__ = (
        "_clock",
        "_kind",
        "_model",
        "_pieces",
        "_receive",
        "_request",
        "_send",
        "_served",
        "_taken_ns",
        "_uploaded",
        "client_left",
        "complete",
    )

    def __init__(
        self, kind: RouteKind, request: Request, model: ImpliedModel, served: Served, receive: Receive, send: Send
    ) -> None:
        self._kind = kind
        self._request = request
        self._model = model
        self._served = served
        self._clock = served[0].recorder.clock
        self._receive = receive
        self._send = send
        self._pieces: Pieces | None = None
        self._taken_ns = model.running_since_ns
        self._uploaded = self.client_left = self.complete = False

    async def receive(self) -> Message:
        """Return what comes from the client."""
        if self._uploaded:
            message = await self._receive()
        else:
            now_ns = self._clock()
            message = await self._receive()
            came_ns = self._clock()
            if came_ns - now_ns > _SLOW_NS:
                self._model.leave_out(now_ns, came_ns)
                self._taken_ns += came_ns - now_ns
            self._uploaded = not message.get("more_body", False)
        if message["type"] == "http.disconnect" and not self.complete:
            self.client_left = True
        return message

    async def send(self, message: Message) -> None:
        """Pass one message on."""
        starts = message["type"] == "http.response.start"
        if starts:
            self._begin(message)
        pieces = self._pieces
        try:
            if starts and pieces is None:
                await self._send(message)  # not timed: a client that is slow to take it is slow to take the body
                return
            now_ns = self._clock()
            if pieces is not None:
                pieces.ran(now_ns - self._taken_ns)
                if not starts:
                    pieces.note(message.get("body", b""), now_ns - self._request.start_ns)
            await self._send(message)
        except OSError:
            self.client_left = True
            raise
        self._taken_ns = taken_ns = self._clock()
        if not starts and not self.complete and ends_answer(message):
            self.complete = True
            self._model.answered(now_ns)
            self._request.answered(taken_ns)
        elif taken_ns - now_ns > _SLOW_NS:
            self._model.leave_out(now_ns, taken_ns)

    def _begin(self, message: Message) -> None:
        status = message["status"]
        if status >= 500:
            self._request.outcome = Outcome.ERROR
        elif status >= 400:
            self._request.forget()
        elif header(message.get("headers", ()), b"content-type").startswith(b"text/event-stream"):
            profiler, settings, _ = self._served
            self._pieces = Pieces(self._kind, profiler.recorder.clock, self._request.begin_chunks(), settings)
