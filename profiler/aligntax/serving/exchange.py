"""One request through the guards of a server: its prompt, the application, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntax.profiler import Profiler
from aligntax.recording.runs import ImpliedModel
from aligntax.request import Request
from aligntax.serving.answers import Answer, ResponseEnded
from aligntax.serving.body import ClientGone, Replay, parsed, read_body
from aligntax.serving.formats import dump, model_name, prompt, wants_stream
from aligntax.serving.guarding import Blocked, GuardFailed, ServedGuard, first_block, in_parallel, in_series
from aligntax.serving.json_places import as_read
from aligntax.serving.messages import Application, Receive, Send, header, with_headers
from aligntax.serving.observing import Served
from aligntax.serving.problems import Problem
from aligntax.serving.replies import Replies
from aligntax.serving.settings import RouteKind, Settings
from aligntax.serving.threads import GuardThreads
from aligntax.trace import Outcome

__all__ = ["Guards", "Run", "exchange", "prepared"]

_UNREAD = ("http.response.pathsend", "http.response.zerocopysend", "http.response.trailers")
"""Ways to answer that ASGI servers offer, and that lead past the guards."""


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of a server, by stage.

    Attributes:
        threads: where they run when they would hold up the event loop.
        input, parallel, stream, output: in their order.
    """

    threads: GuardThreads
    input: Sequence[ServedGuard] = ()
    parallel: Sequence[ServedGuard] = ()
    stream: Sequence[ServedGuard] = ()
    output: Sequence[ServedGuard] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.reads_prompts() or self.reads_answers()

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
        answer = Answer(kind, guards.stream, guards.output, guards.threads, settings, request, profiler, replies, send)
        try:
            body = await read_body(scope, receive, settings.max_body_bytes, settings.upload_seconds)
            body, texts = await _admitted(body, kind, guards, settings, request, replies)
        except ClientGone:
            request.outcome = Outcome.CANCELLED
            return
        except Problem as error:
            request.forget()
            await replies.bad_request(error, scope.get("http_version", "1.1"))
            return
        except (Blocked, GuardFailed) as failure:
            await answer.refuse(failure)
            return
        replay = Replay(body, receive)
        body = b""  # which an answer may take minutes to outlive
        run = Run(application, prepared(scope, replay, guards), replay, answer, profiler, model_row)
        try:
            await (run.beside(guards.parallel, texts) if guards.parallel else run.alone())
            if not answer.complete and answer.failure is None:
                request.outcome = Outcome.ERROR  # the application returned before it had answered
        finally:
            answer.close()
            left = answer.client_left or (replay.client_left and not answer.complete)
            if left and answer.failure is None:
                request.outcome = Outcome.CANCELLED


async def _admitted(
    body: bytes, kind: RouteKind, guards: Guards, settings: Settings, request: Request, replies: Replies
) -> tuple[bytes, list[str]]:
    """Return the body of a request as the input guards leave it, and the texts for the guards beside the model.

    Raises:
        Problem: if guards cannot read it.
        Blocked, GuardFailed: as the guards say.
    """
    document = parsed(body)
    asked = prompt(kind, document)
    if asked.unreadable and guards.reads_prompts() and settings.unreadable == "refuse":
        message = "the prompt has parts that guards cannot read, such as token ids or images; send it as text"
        raise Problem(400, "unreadable_prompt", message)
    name = model_name(document)
    request.book(name if name in settings.models else settings.model)
    replies.model, replies.streams = name, wants_stream(document)
    ask = in_parallel if settings.order.get("input") == "parallel" else in_series
    places = as_read(asked.places)
    if guards.input and await ask(guards.input, places):
        try:
            body = dump(document)
        except RecursionError:
            raise Problem(400, "invalid_json", "the body is nested too deeply; send it flatter") from None
    return body, [place.text for place in places] if guards.parallel else []


class Run:
    """The application at work on one request."""

    def __init__(
        self,
        application: Application,
        scope: MutableMapping[str, Any],
        receive: Replay,
        answer: Answer,
        profiler: Profiler,
        model_row: int,
    ) -> None:
        self._application = application
        self._scope = scope
        self._receive = receive
        self._answer = answer
        answer.receive = receive
        self._profiler = profiler
        self._row = model_row

    async def beside(self, guards: Sequence[ServedGuard], texts: Sequence[str]) -> None:
        """Let the application answer, with guards beside it; one that blocks ends it before it has answered.

        Raises:
            Exception: what the application raised.
        """
        answer = self._answer
        asking = asyncio.create_task(first_block(guards, texts))
        answer.admitted = asking
        running = asyncio.create_task(self.alone())
        try:
            await asyncio.wait((asking, running), return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and (failure := asking.exception()) is not None:
                running.cancel()
                if not isinstance(failure, (Blocked, GuardFailed)):
                    raise failure
                answer.failure = failure
                await answer.refuse(failure)
            else:
                await running
        finally:
            for task in (running, asking):
                task.cancel()
            await asyncio.gather(running, asking, return_exceptions=True)

    async def alone(self) -> None:
        """Let the application answer.

        Raises:
            Exception: what it raised.
        """
        answer = self._answer
        answer.model = model = ImpliedModel(self._profiler.recorder, self._row, apart=True)
        try:
            await self._application(self._scope, self._receive, answer)
        except BaseException as error:
            model.end(None if answer.failure is not None else error)
            # Whoever cannot send any more may raise whatever it likes.
            if answer.failure is None or not isinstance(error, (ResponseEnded, Exception)):
                raise
        else:
            model.end()


def prepared(scope: MutableMapping[str, Any], replay: Replay, guards: Guards) -> MutableMapping[str, Any]:
    """Return the scope of a request whose body has been read, and whose answer must be readable."""
    drop = [b"content-length", b"transfer-encoding"]
    add = [(b"content-length", str(replay.length).encode())]
    if not guards.reads_answers():
        return {**scope, "headers": with_headers(scope["headers"], *drop, add=add)}
    if header(scope["headers"], b"accept-encoding"):
        drop.append(b"accept-encoding")
        add.append((b"accept-encoding", b"identity"))
    extensions = {name: each for name, each in (scope.get("extensions") or {}).items() if name not in _UNREAD}
    return {**scope, "headers": with_headers(scope["headers"], *drop, add=add), "extensions": extensions}
