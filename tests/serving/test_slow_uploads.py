"""Clients that begin to send a request and do not go on: those whose requests guards read are told so in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.serving.calling import CHAT, Caller, body, running, saying, start
from tests.serving.guarded import ANSWER, guarding, outcomes
from tests.serving.upstream import asking

from aligntax import Profiler
from aligntax.guards import PII
from aligntax.serving.asgi import TaxMiddleware
from aligntax.serving.waits import within
from aligntax.trace import Outcome

GUARDS: list[Callable[[], Any]] = [PII, lambda: PII(stage="stream"), lambda: PII(stage="output")]
all_stages = pytest.mark.parametrize("guard", GUARDS, ids=["input", "stream", "output"])
SOON, LATE = 0.05, 3600.0

BODY = json.dumps(asking("write to jo@example.com")).encode()
HEAD = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"


class Stalling(Caller):
    """A client that sends pieces of a body, and then nothing."""

    def __init__(self, *pieces: bytes, **keywords: Any) -> None:
        super().__init__([*pieces, b"never"], **keywords)

    async def receive(self) -> Any:
        if len(self._incoming) == 1:
            await asyncio.Event().wait()
        return await super().receive()


@all_stages
@pytest.mark.parametrize("pieces", [(), (BODY[:10],), (BODY[:10], b"")], ids=["nothing", "a piece", "an empty piece"])
async def test_a_client_that_stalls_is_told_that_it_was_too_slow(profiler: Profiler, guard: Any, pieces: Any) -> None:
    application = saying(start(), body(ANSWER))
    caller = await Stalling(*pieces).call(guarding(application, profiler, guard(), upload_seconds=SOON))
    assert caller.status == 408
    error = caller.document["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "body_timeout")
    assert "0.05 seconds" in error["message"]
    assert caller.headers[b"connection"] == b"close"
    assert outcomes(profiler) == []  # it was refused at the door


async def test_no_header_that_http_2_does_not_have(profiler: Profiler) -> None:
    caller = Stalling()
    caller.scope["http_version"] = "2"
    await caller.call(guarding(saying(start(), body(ANSWER)), profiler, upload_seconds=SOON))
    assert caller.status == 408
    assert b"connection" not in caller.headers


async def test_the_time_counts_from_piece_to_piece(profiler: Profiler) -> None:
    came: list[int] = []

    class Slow(Caller):
        async def receive(self) -> Any:
            if self._incoming:
                came.append(len(came))
                await asyncio.sleep(0.1)  # all of these are longer than may go by until one comes
            return await super().receive()

    pieces = [BODY[at : at + 7] for at in range(0, len(BODY), 7)]
    count = len(pieces)
    assert count > 10
    caller = await Slow(pieces).call(guarding(saying(start(), body(ANSWER)), profiler, upload_seconds=1))
    assert (caller.status, len(came)) == (200, count)


@pytest.mark.parametrize(
    ("path", "guards"), [(CHAT, []), ("/other", [PII()]), ("/v1/embeddings", [PII(stage="output")])]
)
async def test_requests_that_no_guard_reads_may_be_as_slow_as_they_like(
    profiler: Profiler, path: str, guards: list[Any]
) -> None:
    class Slow(Caller):
        async def receive(self) -> Any:
            await asyncio.sleep(4 * SOON)
            return await super().receive()

    application = saying(start(), body(ANSWER))
    middleware = TaxMiddleware(application, profiler=profiler, guards=guards, upload_seconds=SOON)
    caller = await Slow(BODY, path).call(middleware)
    middleware.close()
    assert caller.status == 200


@pytest.mark.parametrize("sent", [b"", BODY[:10]], ids=["nothing", "a part"])
@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_real_client_that_stalls_is_told_and_its_connection_closed(
    profiler: Profiler, sent: bytes, http: Any
) -> None:
    application = guarding(saying(start(), body(ANSWER)), profiler, upload_seconds=SOON)
    async with running(application, http=http) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(HEAD.encode() + sent)
        async with asyncio.timeout(20):
            answered = await reader.read()  # until the end of the connection
        writer.close()
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_timeout"


async def test_a_client_in_time_and_one_that_leaves_are_what_they_were(profiler: Profiler) -> None:
    middleware = guarding(saying(start(), body(ANSWER)), profiler, PII(), upload_seconds=20)
    async with running(middleware) as url:
        port = int(url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD.encode() + BODY[:10])
        await asyncio.sleep(0.05)
        writer.write(BODY[10:])
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        gone.write(HEAD.encode() + BODY[:10])
        await asyncio.sleep(0.05)
        gone.close()
        async with asyncio.timeout(20):
            while len(list(profiler.traces())) < 2:
                await asyncio.sleep(0.01)
                profiler.drain()
    assert outcomes(profiler) == [Outcome.MODIFIED, Outcome.CANCELLED]


@pytest.mark.parametrize("seconds", [0, -1, 86_401, float("nan")])
def test_times_that_are_none(seconds: float) -> None:
    with pytest.raises(ValueError, match="upload_seconds="):
        TaxMiddleware(saying(), upload_seconds=seconds)


# -- the limit itself ------------------------------------------------------------------------------------------------


async def returning(value: Any, *, after: float | None = None) -> Any:
    if after is not None:
        await asyncio.sleep(after)
    return value


async def raising(error: Exception, *, after: float | None = None) -> Any:
    await returning(None, after=after)
    raise error


@pytest.mark.parametrize("after", [None, 0, 0.01])
async def test_what_comes_in_time_is_returned_or_raised(after: float | None) -> None:
    assert await within(returning(7, after=after), LATE) == 7
    with pytest.raises(KeyError, match="mine"):
        await within(raising(KeyError("mine"), after=after), LATE)
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 8)
    assert await within(future, LATE) == 8


async def test_what_does_not_is_cancelled() -> None:
    cancelled: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("cancelled")
            raise

    with pytest.raises(TimeoutError):
        await within(waiting(), 0.01)
    task = asyncio.ensure_future(asyncio.gather(_awaiting(waiting())))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == ["cancelled"] * 2


async def test_no_timer_is_set_for_what_is_there_already(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    set_timers: list[Any] = []
    monkeypatch.setattr(loop, "call_at", lambda *arguments, **_: set_timers.append(arguments))
    assert await within(returning(7), LATE) == 7
    assert set_timers == []


async def _awaiting(awaitable: Any) -> Any:
    return await within(awaitable, LATE)
