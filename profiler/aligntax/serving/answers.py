"""An answer on its way from the application to the client, through the guards that read it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aligntax.profiler import Profiler
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.answer_times import AnswerTimes
from aligntax.serving.body import Replay
from aligntax.serving.feeding import Feeder
from aligntax.serving.guarding import Blocked, GuardFailed, ServedGuard
from aligntax.serving.kept import KeptAnswer
from aligntax.serving.messages import Headers, Message, Send, ends_answer, header, with_headers
from aligntax.serving.pieces import Pieces
from aligntax.serving.replies import Replies
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import AnswerStream, UnreadableAnswer
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Outcome, Verdict

__all__ = ["Answer", "ResponseEnded"]

_PLAIN_ENCODINGS = (b"", b"identity")
_BESIDE_ANSWERS = ("http.response.early_hint", "http.response.push")


class ResponseEnded(OSError):  # noqa: N818 (says what it is)
    """Raised to an application that goes on sending: as ASGI has it where the client has left."""


class Answer:
    """The `send` of an application whose answers are guarded.

    Args:
        kind: which API the answer belongs to.
        stream_guards, output_guards: that read it; `stream` guards first.
        threads: for guards that would hold up the event loop.
        settings: of the server.
        request: that is answered.
        profiler: takes the times.
        replies: what the client is told where the answer does not go on.
        send: of the server.

    Attributes:
        admitted: done once nothing stands against answering at all; None if nothing ever did.
        model: the application's clock, paused while guards and client are at work; set before the first message.
        receive: of the application; told when its answer is over.
        failure: why the answer does not go on; None as long as it does.
        complete: whether the client has got all of the answer, or has been told that there is no more of it.
        client_left: whether the server has said that the client left before it had all of the answer.
    """

    def __init__(
        self,
        kind: RouteKind,
        stream_guards: Sequence[ServedGuard],
        output_guards: Sequence[ServedGuard],
        threads: GuardThreads,
        settings: Settings,
        request: Request,
        profiler: Profiler,
        replies: Replies,
        send: Send,
    ) -> None:
        self._kind = kind
        self._stream_guards = stream_guards
        self._output_guards = output_guards
        self._feeder = Feeder(stream_guards, threads, profiler.recorder.clock)
        self._settings = settings
        self._request = request
        self._clock = profiler.recorder.clock
        self._replies = replies
        self._send = send
        self._head: Message | None = None
        self._stream: AnswerStream | None = None
        self._pieces: Pieces | None = None
        self._kept: KeptAnswer | None = None
        self._kept_texts = False
        self._ended = False
        self._started = False
        self._times = AnswerTimes(self._clock, request)
        self.admitted: asyncio.Task[None] | None = None
        self.model: ImpliedModel | None = None
        self.receive: Replay | None = None
        self.failure: Exception | None = None
        self.complete = False
        self.client_left = False

    def close(self) -> None:
        """End the streams of the guards; the answer goes no further."""
        if self._stream is not None:
            self._stream.close()

    async def __call__(self, message: Message) -> None:
        """Take one message from the application.

        Raises:
            ResponseEnded: once the answer does not go on.
            RuntimeError: for messages in an order that ASGI does not have.
        """
        model, receive = self.model, self.receive
        if self.failure is not None or model is None or receive is None:
            raise ResponseEnded("the answer has been ended")
        run_start_ns = model.running_since_ns
        current, now_ns = model.pause()
        self._times.ran(now_ns - run_start_ns)
        try:
            if self.admitted is not None:
                await self._wait_for_admission(self.admitted)
                self.admitted = None
            await self._take(message, now_ns)
        except (Blocked, GuardFailed, UnreadableAnswer) as failure:
            self.failure = failure
            receive.end()
            await self.refuse(failure)
            if not ends_answer(message):  # else it has nothing to send any more, and need not know
                raise ResponseEnded("the answer has been ended") from None
        finally:
            if self.complete:
                self.client_left |= receive.client_left  # it may say so of every client after the end
                self.close()
                model.answered()
            resumed_ns = model.resume(current)
            if self.complete:
                self._request.answered(resumed_ns)

    async def refuse(self, failure: Exception) -> None:
        """Tell the client why there is no answer, or no more of it."""
        if not isinstance(failure, Blocked):
            timed_out = isinstance(failure, GuardFailed) and failure.verdict is Verdict.TIMEOUT
            self._request.outcome = Outcome.TIMEOUT if timed_out else Outcome.ERROR
        replies = self._replies
        try:
            if self._started and self._stream is not None:
                await replies.cut(failure, self._stream)
            else:
                await replies.refusal(failure)
        except OSError:
            self.client_left = True
            raise
        self.complete = True

    async def _wait_for_admission(self, admitted: asyncio.Task[None]) -> None:
        try:
            await asyncio.shield(admitted)
        except (Blocked, GuardFailed) as failure:
            self.failure = failure  # whoever watches over it tells the client
            raise ResponseEnded("the answer has been ended") from None

    async def _take(self, message: Message, now_ns: int) -> None:
        kind = message["type"]
        if kind in _BESIDE_ANSWERS:
            await self._send(message)
        elif kind == "http.response.start":
            if self._head is not None:
                raise RuntimeError("http.response.start was sent twice")
            self._head = message
            await self._begin(message)
        elif self._head is None or (self._ended and kind != "http.response.trailers"):
            raise RuntimeError(f"{kind} was sent {'before the start' if self._head is None else 'after the end'}")
        elif self._kept is None and self._stream is None:
            await self._pass_unread(message, now_ns)
        elif kind == "http.response.body":
            self._ended = ends_answer(message)
            if self._stream is not None:
                await self._stream_body(self._stream, message)
            elif self._kept is not None:
                await self._keep(self._kept, message)
        elif kind != "http.response.trailers":  # which were not offered, and which no guard reads
            raise UnreadableAnswer("the answer is sent past the guards, as a file")

    async def _begin(self, message: Message) -> None:
        status, headers = message["status"], message.get("headers", [])
        if status >= 500:
            self._request.outcome = Outcome.ERROR
        elif status >= 400:
            self._request.forget()
        content = header(headers, b"content-type").partition(b";")[0].strip().lower()
        streams = content == b"text/event-stream"
        if status >= 300 or status in (204, 205) or not (self._stream_guards or self._output_guards):
            if streams and status < 300:
                self._pieces = Pieces(self._kind, self._clock, self._request.begin_chunks(), self._settings)
            await self._pass_unread(message, 0)
            return
        if header(headers, b"content-encoding").lower() not in _PLAIN_ENCODINGS:
            raise UnreadableAnswer("the answer is compressed, which guards cannot read")
        if streams:
            times = self._request.begin_chunks()
            self._stream = AnswerStream(
                self._kind, self._stream_guards, self._times.working_clock, times, self._settings
            )
            if self._output_guards:
                self._kept = KeptAnswer(self._kind, (), self._output_guards, self._settings)
            else:
                await self._send_head(with_headers(headers, b"content-length"))
        elif content == b"application/json" or content.endswith(b"+json"):
            self._kept = KeptAnswer(self._kind, self._stream_guards, self._output_guards, self._settings)
        else:
            raise UnreadableAnswer("the answer is neither JSON nor a stream of events, which guards could read")

    async def _pass_unread(self, message: Message, now_ns: int) -> None:
        """Pass on a message of an answer that no guard reads."""
        pieces = self._pieces
        if pieces is not None:
            pieces.ran(self._times.take_run_ns())
            if message["type"] == "http.response.body":
                pieces.note(message.get("body", b""), now_ns - self._request.start_ns)
        await self._pass(message)

    async def _keep(self, kept: KeptAnswer, message: Message) -> None:
        """Keep a complete answer until it is whole; then let the guards read it."""
        kept.keep(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = await kept.document()
        headers = with_headers((self._head or {}).get("headers", []), b"content-length")
        await self._send_head([*headers, (b"content-length", str(len(body)).encode())])
        await self._pass({"type": "http.response.body", "body": body, "more_body": False})

    async def _stream_body(self, stream: AnswerStream, message: Message) -> None:
        body = await self._feeder.fed(stream, message.get("body", b""))
        if stream.texts_came:
            self._times.piece_came()
        went = stream.texts_went
        more = not self._ended
        if not more and stream.failure is None:
            body += await self._feeder.fed(stream, None)
            went |= stream.texts_went
        if self._kept is not None:
            if stream.failure is not None:
                raise stream.failure
            self._kept.keep(body)
            went = self._kept_texts = self._kept_texts or went
            if more:
                return
            body = await self._kept.events()
            await self._send_head(with_headers((self._head or {}).get("headers", []), b"content-length"))
        if body or not (more or stream.failure):
            sent_ns = self._times.goes(is_piece=went)
            await self._pass({**message, "body": body, "more_body": more or stream.failure is not None})
            self._times.was_taken(sent_ns, is_piece=went)
        if stream.failure is not None:
            raise stream.failure

    async def _send_head(self, headers: Headers) -> None:
        head = self._head or {}
        await self._pass({**head, "headers": headers, "trailers": False})

    async def _pass(self, message: Message) -> None:
        self._started = True
        try:
            await self._send(message)
        except OSError:
            self.client_left = True
            raise
        if ends_answer(message):
            self._ended = self.complete = True
