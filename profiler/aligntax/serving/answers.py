"""An answer on its way from the application to the client, through the guards that read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from aligntax.profiler import Profiler
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.body import Headers, Message, Replay, Send, header, with_headers
from aligntax.serving.formats import answer_places, drop_tokens
from aligntax.serving.guarding import Blocked, GuardFailed, Place, ServedGuard, in_parallel, in_series
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import AnswerStream, UnreadableAnswer
from aligntax.serving.whole_stream import WholeStream
from aligntax.trace import Outcome

__all__ = ["Answer", "ResponseEnded"]

_PLAIN_ENCODINGS = (b"", b"identity")


class ResponseEnded(OSError):  # noqa: N818 (says what it is)
    """Raised to an application that goes on sending: as ASGI has it where the client has left."""


class Answer:
    """The `send` of an application whose answers are guarded.

    Args:
        kind: which API the answer belongs to.
        stream_guards, output_guards: that read it; `stream` guards first.
        settings: of the server.
        request: that is answered.
        profiler: takes the times.
        send: of the server.

    Attributes:
        admitted: done once nothing stands against answering at all; None if nothing ever did.
        model: the application's clock, paused while guards and client are at work; set before the first message.
        receive: of the application; told when its answer is over.
        failure: why the answer does not go on; None as long as it does.
        started, complete: whether something has been sent, and whether it was all.
    """

    def __init__(
        self,
        kind: RouteKind,
        stream_guards: Sequence[ServedGuard],
        output_guards: Sequence[ServedGuard],
        settings: Settings,
        request: Request,
        profiler: Profiler,
        send: Send,
    ) -> None:
        self._kind = kind
        self._stream_guards = stream_guards
        self._output_guards = output_guards
        self._settings = settings
        self._request = request
        self._clock = profiler.recorder.clock
        self._send = send
        self._head: Message | None = None
        self._stream: AnswerStream | None = None
        self._kept: list[bytes] | None = None
        self._kept_bytes = 0
        self._called_ns = 0
        self._taken_ns = 0
        self.admitted: asyncio.Task[None] | None = None
        self.model: ImpliedModel | None = None
        self.receive: Replay | None = None
        self.failure: Exception | None = None
        self.started = self.complete = False

    @property
    def stream(self) -> AnswerStream | None:
        """The answer if it is a stream of events, for what ends it early; else None."""
        return self._stream

    def close(self) -> None:
        """End the streams of the guards; the answer goes no further."""
        if self._stream is not None:
            self._stream.close()

    async def __call__(self, message: Message) -> None:
        """Take one message from the application.

        Raises:
            ResponseEnded: once the answer does not go on.
        """
        model, receive = self.model, self.receive
        if self.failure is not None or model is None or receive is None:
            raise ResponseEnded("the answer has been ended")
        run_start_ns = model.running_since_ns
        if not self._called_ns:
            self._called_ns = run_start_ns
        current, now_ns = model.pause()
        try:
            if self.admitted is not None:
                await self.admitted
                self.admitted = None
            await self._take(message, now_ns, now_ns - run_start_ns)
        except (Blocked, GuardFailed, UnreadableAnswer) as failure:
            self.failure = failure
            receive.end()
            raise ResponseEnded("the answer has been ended") from None
        finally:
            model.resume(current)

    async def _take(self, message: Message, now_ns: int, run_ns: int) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] != "http.response.body" or (self._kept is None and self._stream is None):
            await self._pass(message)
        elif self._stream is not None:
            await self._stream_body(message, now_ns, run_ns)
        else:
            await self._keep(message)

    async def _begin(self, message: Message) -> None:
        status, headers = message["status"], message.get("headers", [])
        if status >= 500:
            self._request.outcome = Outcome.ERROR
        elif status >= 400:
            self._request.forget()
        if status >= 300 or status in (204, 205) or not (self._stream_guards or self._output_guards):
            await self._pass(message)
            return
        if header(headers, b"content-encoding").lower() not in _PLAIN_ENCODINGS:
            raise UnreadableAnswer("the answer is compressed, which guards cannot read")
        content = header(headers, b"content-type").partition(b";")[0].strip().lower()
        self._head = message
        if content == b"text/event-stream":
            self._stream = AnswerStream(
                self._kind,
                self._stream_guards,
                self._clock,
                self._request.begin_chunks(),
                self._settings.max_event_bytes,
            )
            if self._output_guards:
                self._kept = []
                return
            await self._send_head(with_headers(headers, b"content-length"))
        elif content == b"application/json" or content.endswith(b"+json"):
            self._kept = []
        else:
            raise UnreadableAnswer("the answer is neither JSON nor a stream of events, which guards could read")

    async def _keep(self, message: Message) -> None:
        """Keep a complete answer until it is whole; then let the guards read it."""
        kept = self._held(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(kept)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise UnreadableAnswer("the answer is no JSON") from None
        if not isinstance(document, dict):
            raise UnreadableAnswer("the answer is no JSON object")
        places = answer_places(self._kind, document)
        changed = await in_series(self._stream_guards, places)
        if await self._ask_output(places) or changed:
            drop_tokens(self._kind, document)
            body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        headers = with_headers((self._head or {}).get("headers", []), b"content-length")
        await self._send_head([*headers, (b"content-length", str(len(body)).encode())])
        await self._pass({"type": "http.response.body", "body": body, "more_body": False})

    async def _stream_body(self, message: Message, now_ns: int, run_ns: int) -> None:
        stream = self._stream
        if stream is None:
            return
        times = self._request.begin_chunks()
        body = stream.feed(message.get("body", b""))
        if stream.texts_came:
            times.came(now_ns - self._called_ns, run_ns)
        went = stream.texts_went
        more = message.get("more_body", False)
        if not more:
            body += stream.finish()
            went |= stream.texts_went
        if self._kept is not None:
            self._held(body)
            if more:
                return
            body = await self._whole_stream(b"".join(self._kept))
            await self._send_head(with_headers((self._head or {}).get("headers", []), b"content-length"))
        if not body and more:
            return
        if went:
            sent_ns = self._clock()
            times.went(sent_ns - self._request.start_ns, sent_ns - (self._taken_ns or self._called_ns))
        await self._pass({**message, "body": body})
        self._taken_ns = self._clock()

    async def _whole_stream(self, body: bytes) -> bytes:
        """Let guards read the texts of a stream that has been kept as a whole: each text as one piece."""
        pieces = WholeStream(self._kind, body, self._settings.max_event_bytes)
        if await self._ask_output(pieces.places):
            return pieces.joined()
        return body

    async def _ask_output(self, places: Sequence[Place]) -> bool:
        ask = in_parallel if self._settings.order.get("output") == "parallel" else in_series
        return bool(self._output_guards) and await ask(self._output_guards, places)

    def _held(self, piece: bytes) -> list[bytes]:
        kept = self._kept if self._kept is not None else []
        self._kept_bytes += len(piece)
        if self._kept_bytes > self._settings.max_answer_bytes:
            raise UnreadableAnswer(f"the answer has more than {self._settings.max_answer_bytes} bytes")
        kept.append(piece)
        return kept

    async def _send_head(self, headers: Headers) -> None:
        head = self._head or {}
        await self._pass({**head, "headers": headers})

    async def _pass(self, message: Message) -> None:
        self.started = True
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True
        await self._send(message)
