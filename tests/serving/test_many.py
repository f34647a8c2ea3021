"""Ten thousand requests, of which each goes wrong in a way of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import threading
import urllib.request
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller, body, start
from tests.serving.upstream import asking, chat_answer, chat_chunk, frames

from aligntax import Profiler, Verdict
from aligntax.exporters.server import serve
from aligntax.guards import PII, Blocklist, Judgement
from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.settings import GuardSettings

REQUESTS = 10_000
AT_A_TIME = 50
MARK = "zyxwvu"
"""Is in every text, and must be in nothing that is kept of it."""

PATHS = (CHAT, CHAT, CHAT, "/v1/completions", "/v1/responses", "/v1/embeddings")
FORBIDDEN = "forbidden"


class Fault(Exception):  # noqa: N818 (says what it is)
    """Raised by what is told to raise, with a text, as careless code does."""


class Moody:
    """A guard that fails now and then, by a seed."""

    def __init__(self, name: str, stage: str, seed: int, on_error: str) -> None:
        self.name, self.stage, self.on_error = name, stage, on_error
        self._random = random.Random(seed)

    async def __call__(self, text: str) -> Any:
        mood = self._random.random()
        if mood < 0.02:
            raise Fault(f"about {text}")
        if mood < 0.03:
            return text
        if mood < 0.035:
            await asyncio.sleep(1)
        if mood < 0.3:
            await asyncio.sleep(0)
        return Judgement(Verdict.BLOCK if mood > 0.98 else Verdict.ALLOW, "" if mood > 0.98 else text)


class MoodyStream(Moody):
    """The same, for streams."""

    def stream(self) -> Generator[Any, str | None, None]:
        text = yield None
        while text is not None:
            if self._random.random() < 0.01:
                raise Fault(f"about {text}")
            text = yield Judgement(Verdict.ALLOW, text)
        yield Judgement(Verdict.ALLOW, "")


class Faulty:
    """An application that answers as a seed has it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.running += 1
        try:
            await self._answer(receive, send)
        finally:
            self.running -= 1

    async def _answer(self, receive: Any, send: Any) -> None:
        chance = self._random.random
        if chance() < 0.05:
            raise Fault(MARK)
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        if message["type"] == "http.disconnect":
            return
        if chance() < 0.03:
            return
        if chance() < 0.5:
            await self._whole(send)
        else:
            await self._streamed(receive, send)
        if chance() < 0.02:
            await send(body(MARK.encode()))

    async def _whole(self, send: Any) -> None:
        chance = self._random.random
        content = json.dumps(chat_answer(self._words(20))).encode()
        if chance() < 0.05:
            content = content[: self._random.randrange(len(content))]
        await send(start(self._random.choice(["application/json"] * 9 + ["text/plain"]), self._status()))
        await asyncio.sleep(0)
        half = self._random.randrange(len(content) + 1)
        await send(body(content[:half], more=True))
        if chance() < 0.03:
            raise Fault(MARK)
        await send(body(content[half:]))

    async def _streamed(self, receive: Any, send: Any) -> None:
        await send(start("text/event-stream", self._status()))
        count = self._random.randrange(1, 8)
        stream = b": ping\n\n".join(frames(*(chat_chunk({"content": self._words(3)}) for _ in range(count))))
        if self._random.random() < 0.1:
            at = self._random.randrange(len(stream))
            stream = stream[:at] + self._random.choice([b"\xff", b"\n\n", b"{", b"data: {x}\n\n"]) + stream[at:]
        left = asyncio.ensure_future(receive())
        try:
            while stream and not left.done():
                at = self._random.randrange(1, 200)
                await send(body(stream[:at], more=True))
                stream = stream[at:]
                if self._random.random() < 0.01:
                    raise Fault(MARK)
                await asyncio.sleep(0)
            if not left.done():
                await send(body(b""))
        finally:
            left.cancel()

    def _status(self) -> int:
        return self._random.choice([200] * 20 + [204, 404, 429, 500, 503])

    def _words(self, count: int) -> str:
        words = [MARK, "word", "jo@example.com", "fine"] + [FORBIDDEN] * (self._random.random() < 0.1)
        return " ".join(self._random.choices(words, k=count)) + " "


def caller_of(chance: random.Random, sent: Counter[str]) -> Caller:
    document = asking(f"{MARK} jo@example.com" + (f" {FORBIDDEN}" if chance.random() < 0.03 else ""))
    document |= {"stream": chance.random() < 0.5, "prompt": MARK, "input": MARK, "model": f"{MARK}{chance.random()}"}
    content = json.dumps(document).encode()
    if chance.random() < 0.03:
        content = content[: chance.randrange(len(content))]
    half = chance.randrange(len(content) + 1)

    async def on_send(message: Any) -> None:
        mood = chance.random()
        if mood < 0.01:
            raise OSError("gone")
        if mood < 0.2:
            await asyncio.sleep(0)
        sent[message["type"]] += 1

    return Caller(
        [content[:half], content[half:]],
        chance.choice(PATHS),
        gone_after=chance.choice([None] * 10 + [1, 2, 3]),
        on_send=on_send,
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("guarded", [False, True], ids=["watched", "guarded"])
async def test_every_request_is_observed_once_and_nothing_is_left(
    guarded: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("aligntax", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    count = REQUESTS if guarded else REQUESTS // 2
    guards: list[Any] = [
        PII(),
        Blocklist([FORBIDDEN], on_hit="block"),
        GuardSettings(Moody("closed", "input", 1, "closed"), timeout_seconds=0.02),
        GuardSettings(Moody("beside", "parallel", 2, "open"), timeout_seconds=0.02),
        PII(name="pii-stream", stage="stream"),
        GuardSettings(MoodyStream("moody-stream", "stream", 3, "closed"), thread=False),
        Blocklist([FORBIDDEN], name="blocklist-stream", on_hit="block", stage="stream"),
    ]
    application = Faulty(4)
    chance = random.Random(5)
    sent: Counter[str] = Counter()
    raised: Counter[str] = Counter()
    told: list[bytes] = []
    with Profiler(cpu_share=0.1, drain_seconds=0, keep_requests=REQUESTS) as profiler:
        middleware = TaxMiddleware(application, profiler=profiler, guards=guards if guarded else (), model="tiny")
        finished: list[Any] = []
        profiler.subscribe(lambda trace, _: finished.append(trace))
        forgotten = _counting_forgotten(profiler)
        tasks_before = asyncio.all_tasks()
        gc.collect()
        descriptors_before = _descriptors()
        threads_before = threading.active_count()

        async def one() -> None:
            caller = caller_of(chance, sent)
            try:
                await caller.call(middleware)
            except (Fault, OSError, RuntimeError) as error:
                raised[type(error).__name__] += 1
            told.extend(line for line in caller.body.splitlines() if b'{"error": {' in line)

        for _ in range(count // AT_A_TIME):
            await asyncio.gather(*(one() for _ in range(AT_A_TIME)))
            profiler.drain()

        await asyncio.sleep(0)
        assert asyncio.all_tasks() == tasks_before
        assert application.running == 0
        assert not profiler._intake.running
        assert not any(profiler.in_progress().values())
        gc.collect()
        assert _descriptors() <= descriptors_before + 1
        assert threading.active_count() <= threads_before + 8
        assert len(finished) + len(forgotten) == count
        assert len(forgotten) < count / 3
        report = profiler.report().to_dict()
        assert sum(report["outcomes"].values()) == len(finished)
        assert set(report["self"]["dropped_by_reason"]) <= {"late_span"}
        expected = {"allowed", "error", "cancelled"}
        expected |= {"modified", "blocked_input", "blocked_output", "timeout"} if guarded else set()
        assert set(report["outcomes"]) == expected
        for trace in finished:
            assert trace.start_ns <= trace.end_ns
        with serve(profiler, port=0) as server:
            page = await asyncio.to_thread(_read, f"{server.url}/")
            metrics = await asyncio.to_thread(_read, f"{server.url}/metrics")
        traces = repr(profiler.traces())
        middleware.close()
    assert raised
    out, err = capfd.readouterr()
    for where, text in {
        "log": caplog.text,
        "page": page,
        "metrics": metrics,
        "traces": traces,
        "report": json.dumps(report),
        "errors": b"".join(told).decode() if guarded else "",
        "out": out + err,
    }.items():
        assert MARK not in text, where
        assert "jo@" not in text, where
    assert "aligntax_request_duration_seconds" in metrics


def _counting_forgotten(profiler: Profiler) -> list[Any]:
    """Count requests that are left out of the numbers: those that were refused at the door."""
    forgotten: list[Any] = []
    finish = profiler._intake.finish

    class Running(set[Any]):
        def discard(self, recording: Any) -> None:
            forgotten.append(recording)
            super().discard(recording)

    running = Running()
    profiler._intake.running = running

    def finishing(recording: Any) -> None:
        finish(recording)
        forgotten.remove(recording)

    profiler._intake.finish = finishing  # type: ignore[method-assign]
    return forgotten


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (our own server)
        text: str = answer.read().decode()
    return text
