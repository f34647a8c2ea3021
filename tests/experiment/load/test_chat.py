"""Load on a real server, over real connections."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.experiment.load.chat_server import MODEL, Behaviour, serving

from aligntax.experiment.load import Arm, Arrivals, Limits, Plan, Reply, Slo, Timing, constant, drive, run_load
from aligntax.experiment.load.chat import Chat, chat_url

KEY = "sk-very-secret"


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def url(behaviour: Behaviour) -> Iterator[str]:
    with serving(behaviour) as url:
        yield url


async def asked(url: str, prompt: Any, **more: Any) -> tuple[Reply, Timing]:
    target = Chat(url, model=MODEL, **more)
    await target.open()
    timing = Timing()
    try:
        return await target.send(prompt, timing), timing
    finally:
        await target.close()


async def test_a_stream_is_timed(url: str, behaviour: Behaviour) -> None:
    behaviour.first_seconds, behaviour.gap_seconds, behaviour.chunks = 0.1, 0.05, 5
    reply, timing = await asked(url, "Tell me", more={"stream_options": {"include_usage": True}})
    assert reply == Reply("allowed", None, 5)
    assert timing.chunks == 5  # the one with the role alone is none
    assert timing.started_ns < timing.first_ns < timing.last_ns < timing.ended_ns
    # Servers and clients are late, never early.
    assert timing.first_ns - timing.started_ns >= 0.1e9
    assert timing.last_ns - timing.first_ns >= 0.19e9
    assert timing.longest_gap_ns >= 0.049e9
    body = behaviour.bodies[0]
    assert body["messages"] == [{"role": "user", "content": "Tell me"}]
    assert body["stream"] is True
    assert body["model"] == MODEL


async def test_an_answer_at_once_is_timed(url: str, behaviour: Behaviour) -> None:
    behaviour.first_seconds = 0.1
    reply, timing = await asked(url, [{"role": "system", "content": "Be short"}], stream=False)
    assert reply == Reply("allowed", None, 4)
    assert (timing.chunks, timing.first_ns) == (0, None)
    assert timing.ended_ns - timing.started_ns >= 0.1e9
    assert behaviour.bodies[0]["messages"][0]["role"] == "system"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("forbidden", Reply("blocked")),
        ("refused", Reply("blocked")),
        ("busy", Reply("error", "status 429")),
        ("crash", Reply("error", "status 500")),
        ("elsewhere", Reply("error", "status 307")),
        ("nonsense", Reply("error", "unreadable answer")),
    ],
)
async def test_how_an_answer_ends_is_told(url: str, prompt: str, expected: Reply, stream: bool) -> None:
    reply, timing = await asked(url, prompt, stream=stream)
    assert reply == expected
    assert timing.ended_ns is not None


@pytest.mark.parametrize(
    ("prompt", "error"),
    [("cut", "connection lost"), ("broken", "error in the stream"), ("unfinished", "unfinished stream")],
)
async def test_a_stream_that_breaks_off_is_an_error_though_it_began_well(url: str, prompt: str, error: str) -> None:
    reply, timing = await asked(url, prompt)
    assert reply == Reply("error", error)
    assert timing.chunks == 2


async def test_statuses_of_guards_of_the_users_are_blocks(url: str) -> None:
    assert (await asked(url, "busy", blocked_statuses=(429,)))[0] == Reply("blocked")


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as held:  # bound, and not listening: nobody else gets the port
        held.bind(("127.0.0.1", 0))
        reply, _ = await asked(f"http://127.0.0.1:{held.getsockname()[1]}", "hello")
    assert reply == Reply("error", "no connection")


async def test_the_key_is_sent_and_never_shown(
    url: str, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SOME_KEY", KEY)
    target = Chat(url, model=MODEL, key_variable="SOME_KEY")
    plan = Plan(Arrivals("constant", 50.0), seconds=0.4, windows=1, warm_up_seconds=0)
    found = await run_load({"raw": Arm(target)}, ["hello", "crash"], plan)
    assert behaviour.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(target) + str(found) + caplog.text


async def test_without_a_key_none_is_sent(url: str, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    await asked(url, "hello")
    assert "Authorization" not in behaviour.headers[0]


async def test_the_rate_is_kept_and_the_server_is_asked_no_less_when_it_is_slow(url: str, behaviour: Behaviour) -> None:
    behaviour.first_seconds = 1.0
    target = Chat(url, model=MODEL)
    await target.open()
    try:
        window = await drive(target, constant(50.0, count=100), ["hello"], Limits(in_flight=200))
    finally:
        await target.close()
    assert Counter(call.outcome for call in window.calls) == {"allowed": 100}
    starts = np.array([call.started_ns for call in window.calls]) / 1e9
    assert np.median(starts - np.arange(100) / 50.0) < 0.1
    assert min(call.scheduled_ns for call in window.calls) >= 1e9


async def test_what_hangs_is_given_up_and_its_connection_closed(url: str, behaviour: Behaviour) -> None:
    target = Chat(url, model=MODEL)
    await target.open()
    try:
        window = await drive(target, constant(20.0, count=4), ["hang", "hello"], Limits(timeout_seconds=0.5))
        for _ in range(100):
            if not behaviour.open_now:
                break
            await asyncio.sleep(0.1)
        assert behaviour.open_now == 0
    finally:
        await target.close()
    assert [call.outcome for call in window.calls] == ["timeout", "allowed"] * 2


async def test_a_stalling_server_shows_in_the_quantiles(url: str, behaviour: Behaviour) -> None:
    """Coordinated omission, for real: 1 s in every 10 s, the first of them 2 s from now."""
    behaviour.stall_every_seconds, behaviour.stall_seconds, behaviour.chunks = 10.0, 1.0, 1
    behaviour.began = time.monotonic() - 8.0
    arms = {"raw": Arm(Chat(url, model=MODEL, stream=False))}
    plan = Plan(Arrivals("constant", 60.0), seconds=7.0, windows=1, warm_up_seconds=0.2, slo=Slo(seconds=0.2))
    found = (await run_load(arms, ["hello"], plan))["arms"]["raw"]
    assert found["latency"]["scheduled"]["p99"]["value"] > 0.8
    assert found["latency"]["scheduled"]["p50"]["value"] < 0.8
    assert 0.5 < found["within_slo"]["value"] < 0.95


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1/chat/completions"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://models.internal/api/v1", "https://models.internal/api/v1/chat/completions"),
        ("https://models.internal/api/v1/chat/completions", "https://models.internal/api/v1/chat/completions"),
        ("http://[::1]:8000/v1/", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_a_url_is_completed(url: str, expected: str) -> None:
    assert chat_url(url) == expected


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://host/", "http://", "http://host:port/", "http://host/?a=1", "http://ho st/"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        chat_url(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="password") as refused:
        chat_url(f"http://user:{KEY}@host:8000/")
    assert KEY not in str(refused.value)


def test_a_key_in_the_query_of_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="the URL of host has a query") as refused:
        chat_url(f"http://host:8000/?api-key={KEY}")
    assert KEY not in str(refused.value)


def test_a_key_that_no_header_carries_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY + "\nX-Evil: 1")
    with pytest.raises(ValueError, match="SOME_KEY") as refused:
        Chat("http://127.0.0.1:1", model=MODEL, key_variable="SOME_KEY")
    assert KEY not in str(refused.value)


def test_fields_that_every_request_has_are_refused() -> None:
    with pytest.raises(ValueError, match="messages"):
        Chat("http://127.0.0.1:1", model=MODEL, more={"messages": []})
