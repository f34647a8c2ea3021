"""Answers that a server has kept, and that a client asks for again: they pass the guards as they did the first time."""

from __future__ import annotations

from collections.abc import Awaitable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from aligntax.serving.answers import Answer
from aligntax.serving.body import ClientGone, Replay, read_body
from aligntax.serving.exchange import Guards, Run, prepared
from aligntax.serving.formats import Kind, stored_answers, wants_stream
from aligntax.serving.messages import Application, Receive, Send
from aligntax.serving.observing import Served
from aligntax.serving.problems import Problem
from aligntax.serving.replies import Replies

__all__ = ["StoredAnswers"]


class StoredAnswers:
    """Guards what an application answers to who asks for a response or for chat completions that it has kept.

    Everything else passes through untouched.

    Such a request asks no model, and is left out of all numbers: clients repeat it until a response is complete.

    Args:
        application: inside.
        guards: of which some read answers.
        served: what all requests have in common.
    """

    def __init__(self, application: Application, guards: Guards, served: Served) -> None:
        self._application = application
        self._guards = guards
        self._served = served

    def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request, as ASGI has it."""
        if scope["type"] == "http":
            kind = stored_answers(scope["method"], scope["path"], self._served.settings.routes)
            if kind is not None:
                return self._retrieve(kind, scope, receive, send)
        return self._application(scope, receive, send)

    async def _retrieve(self, kind: Kind, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        profiler, settings, model_row = self._served
        guards = self._guards
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        stream, output = guards.stream, guards.output
        if "starting_after" in query:  # the rest of a stream: of its first text, only the repetition is whole
            stream, output = (), (*stream, *output)
        with profiler.recorder.outside(), profiler.request() as request:
            request.forget()
            replies = Replies(kind, settings, send)
            replies.streams = any(wants_stream({"stream": value}) for value in query.get("stream", ()))
            answer = Answer(kind, stream, output, guards.threads, settings, request, profiler, replies, send)
            try:
                body = await read_body(scope, receive, settings.max_body_bytes, settings.upload_seconds)
            except ClientGone:
                return
            except Problem as error:
                await replies.bad_request(error, scope.get("http_version", "1.1"))
                return
            replay = Replay(body, receive)
            run = Run(self._application, prepared(scope, replay, guards), replay, answer, profiler, model_row)
            try:
                await run.alone()
            finally:
                answer.close()
