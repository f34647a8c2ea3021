"""One request through the guards of a server: its prompt, the application, and the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntax.profiler import Profiler
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.answers import Answer, ResponseEnded
from aligntax.serving.body import (
    Application,
    BadRequest,
    ClientGone,
    Receive,
    Replay,
    Send,
    header,
    parsed,
    read_body,
    with_headers,
)
from aligntax.serving.formats import model_name, prompt_places, unreadable, wants_stream
from aligntax.serving.guarding import Blocked, GuardFailed, ServedGuard, first_block, in_parallel, in_series
from aligntax.serving.observing import Served
from aligntax.serving.replies import Replies
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.streaming import UnreadableAnswer
from aligntax.trace import Outcome, Verdict

__all__ = ["Guards", "exchange"]


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of a server, by stage.

    Attributes:
        input, parallel, stream, output: in their order.
    """

    input: Sequence[ServedGuard] = ()
    parallel: Sequence[ServedGuard] = ()
    stream: Sequence[ServedGuard] = ()
    output: Sequence[ServedGuard] = ()

    def reads_prompts(self) -> bool:
        """Return whether any guard reads what is asked."""
        return bool(self.input or self.parallel)

    def reads_answers(self) -> bool:
        """Return whether any guard reads what is answered."""
        return bool(self.stream or self.output)


async def exchange(
    application: Application,
    scope: MutableMapping[str, Any],
    receive: Receive,
    send: Send,
    kind: RouteKind,
    guards: Guards,
    served: Served,
) -> None:
    """Answer one request of an API of some kind as the application and the guards would have it.

    At least one of the guards reads what this kind of request has.
    """
    profiler, settings, model_row = served
    async with profiler.request() as request:
        replies = Replies(kind, settings, send)
        try:
            body = await read_body(scope, receive, settings.max_body_bytes)
            document = parsed(body)
            _require_readable(kind, document, guards, settings)
        except ClientGone:
            request.outcome = Outcome.CANCELLED
            return
        except BadRequest as error:
            request.forget()
            await replies.bad_request(error)
            return
        name = model_name(document)
        request.book(name if name in settings.models else settings.model)
        replies.model, replies.streams = name, wants_stream(document)
        try:
            places = prompt_places(kind, document)
            ask = in_parallel if settings.order.get("input") == "parallel" else in_series
            if guards.input and await ask(guards.input, places):
                body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        except (Blocked, GuardFailed) as error:
            await _refuse(request, replies, error)
            return
        run = _Run(application, _prepared(scope, body, guards), Replay(body, receive), request, profiler, model_row)
        answer = Answer(kind, guards.stream, guards.output, settings, request, profiler, send)
        failure = await run.until_answered(answer, guards.parallel, [place.text for place in places])
        if failure is not None:
            await _refuse(request, replies, failure, answer)


def _require_readable(kind: RouteKind, document: dict[str, Any], guards: Guards, settings: Settings) -> None:
    if guards.reads_prompts() and settings.unreadable == "refuse" and unreadable(kind, document):
        message = "the prompt has parts that guards cannot read, such as token ids or images; send it as text"
        raise BadRequest(400, "unreadable_prompt", message)


class _Run:
    """The application at work on one request, and the guards beside it."""

    def __init__(
        self,
        application: Application,
        scope: MutableMapping[str, Any],
        receive: Replay,
        request: Request,
        profiler: Profiler,
        model_row: int,
    ) -> None:
        self._application = application
        self._scope = scope
        self._receive = receive
        self._request = request
        self._profiler = profiler
        self._row = model_row

    async def until_answered(
        self, answer: Answer, guards: Sequence[ServedGuard], texts: Sequence[str]
    ) -> Exception | None:
        """Let the application answer, and return what a guard, or the answer itself, has against it; None if nothing.

        A guard beside the application that blocks ends it before it has answered.

        Raises:
            Exception: what the application raised.
        """
        try:
            if not guards:
                await self._run(answer)
                return answer.failure
            beside = asyncio.create_task(first_block(guards, texts))
            answer.admitted = beside
            running = asyncio.create_task(self._run(answer))
            try:
                await asyncio.wait((beside, running), return_when=asyncio.FIRST_COMPLETED)
                if beside.done() and (error := beside.exception()) is not None:
                    return _expected(error)
                await running
                return answer.failure
            finally:
                for task in (running, beside):
                    task.cancel()
                await asyncio.gather(running, beside, return_exceptions=True)
        finally:
            answer.close()
            if self._receive.client_left and not answer.complete and answer.failure is None:
                self._request.outcome = Outcome.CANCELLED

    async def _run(self, answer: Answer) -> None:
        model = ImpliedModel(self._profiler.recorder, self._row, apart=True)
        answer.model, answer.receive = model, self._receive
        try:
            await self._application(self._scope, self._receive, answer)
        except BaseException as error:
            model.end(None if answer.failure is not None else error)
            # Whoever cannot send any more may raise whatever it likes.
            if answer.failure is None or not isinstance(error, (ResponseEnded, Exception)):
                raise
        else:
            model.end()


def _expected(error: BaseException) -> Exception:
    if isinstance(error, (Blocked, GuardFailed)):
        return error
    raise error


def _prepared(scope: MutableMapping[str, Any], body: bytes, guards: Guards) -> MutableMapping[str, Any]:
    """Return the scope of a request whose body has been read, and whose answer must be readable."""
    drop = [b"content-length", b"transfer-encoding", *([b"accept-encoding"] if guards.reads_answers() else [])]
    add = [(b"content-length", str(len(body)).encode())]
    if guards.reads_answers() and header(scope["headers"], b"accept-encoding"):
        add.append((b"accept-encoding", b"identity"))
    return {**scope, "headers": with_headers(scope["headers"], *drop, add=add)}


async def _refuse(request: Request, replies: Replies, failure: Exception, answer: Answer | None = None) -> None:
    """Tell the client why there is no answer, or no more of it."""
    if isinstance(failure, (GuardFailed, UnreadableAnswer)):
        timed_out = getattr(failure, "verdict", None) is Verdict.TIMEOUT
        request.outcome = Outcome.TIMEOUT if timed_out else Outcome.ERROR
    if answer is not None and answer.started and answer.stream is not None:
        await replies.cut(failure, answer.stream)
    else:
        await replies.refusal(failure)
