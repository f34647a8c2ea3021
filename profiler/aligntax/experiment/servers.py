"""Servers as the arms of an experiment: one request at a time, over connections that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aligntax.experiment.call import Measurement
from aligntax.experiment.load.chat import Chat
from aligntax.experiment.load.records import ALLOWED, BLOCKED, TIMEOUT, Timing
from aligntax.trace import Outcome

__all__ = ["Asking", "asking"]

PATIENCE_SECONDS = 120.0
MAX_ERROR_KINDS = 32
_OUTCOMES = {ALLOWED: Outcome.ALLOWED, BLOCKED: Outcome.BLOCKED_OUTPUT, TIMEOUT: Outcome.TIMEOUT}


class Asking:
    """Asks a server, and waits for the whole answer.

    A client cannot tell at which stage a guard has blocked, nor whether it changed a text: what is answered counts as
    allowed, and what is refused as blocked.

    Args:
        chat: the server.
        runner: of the event loop that its connections belong to.

    Attributes:
        url: of the server's API.
        requests: how many it was sent.
        errors: what kinds of errors it answered with.
    """

    def __init__(self, chat: Chat, runner: asyncio.Runner) -> None:
        self.url = chat.url
        self.requests = 0
        self.errors: set[str] = set()
        self._chat = chat
        self._runner = runner

    def __call__(self, prompt: Any) -> Measurement:
        """Ask once."""
        self.requests += 1
        timing = Timing()
        try:
            reply = self._runner.run(asyncio.wait_for(self._chat.send(prompt, timing), PATIENCE_SECONDS))
            outcome = _OUTCOMES.get(reply.outcome, Outcome.ERROR)
            if reply.error is not None and len(self.errors) < MAX_ERROR_KINDS:
                self.errors.add(reply.error)
        except TimeoutError:
            outcome = Outcome.TIMEOUT
            self.errors.add(f"no answer within {PATIENCE_SECONDS:.0f} s")
        start_ns, end_ns, first_ns = timing.started_ns, timing.ended_ns, timing.first_ns
        if start_ns is None or end_ns is None:
            return Measurement(0.0, None, outcome)
        first_seconds = None if first_ns is None else (first_ns - start_ns) / 1e9
        return Measurement((end_ns - start_ns) / 1e9, None, outcome, first_chunk_seconds=first_seconds)


@contextmanager
def asking(chats: Sequence[Chat]) -> Iterator[list[Asking]]:
    """Open connections to servers, for as long as the block lasts."""
    with asyncio.Runner() as runner:
        opened = []
        try:
            for chat in chats:
                runner.run(chat.open())
                opened.append(chat)
            yield [Asking(chat, runner) for chat in chats]
        finally:
            for chat in opened:
                runner.run(chat.close())
