"""Clients that leave, that are slow, and very many of them: the upstream is let go, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import socket
import threading
from collections.abc import Callable

import pytest

from aligntax.serving.forward import Forwarder
from aligntax.serving.http_server import Listening
from aligntax.serving.limits import Limits
from aligntax.serving.server import listen

from .running import DEADLINE_SECONDS, Connection, Raw, Running, ask, connect, eventually, holding, run_proxy

MakeRaw = Callable[[Callable[[Connection], None]], Raw]
Forward = Callable[..., Running]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Asked:
    """What answers with some bytes, then waits for the connection to end."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.came = threading.Event()
        self.ended = threading.Event()

    def __call__(self, connection: Connection) -> None:
        connection.head()
        self.came.set()
        connection.send(self.answer)
        connection.rest()
        self.ended.set()


@pytest.mark.parametrize("answer", [b"", CHUNKED + b"9\r\ndata: 1\n\n\r\n"])
@pytest.mark.parametrize("head", [GET, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"])
def test_a_client_that_leaves_ends_the_upstreams_work_at_once(
    raw: MakeRaw, forward: Forward, answer: bytes, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Asked(answer)
    proxied = forward(raw(asked).url)
    with connect(proxied.port, head) as client:
        assert asked.came.wait(DEADLINE_SECONDS)
        if answer:
            client.until(b"data: 1\n\n")
        assert not asked.ended.is_set()
    assert asked.ended.wait(DEADLINE_SECONDS)
    assert eventually(lambda: proxied.application.running == 0)
    assert caplog.text == ""


def test_a_client_that_leaves_before_its_body_is_there(raw: MakeRaw, forward: Forward) -> None:
    asked = Asked(b"")
    proxied = forward(raw(asked).url)
    with connect(proxied.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello"):
        assert asked.came.wait(DEADLINE_SECONDS)
    assert asked.ended.wait(DEADLINE_SECONDS)
    with connect(proxied.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"):
        assert eventually(lambda: proxied.application.running == 1)
    assert eventually(lambda: proxied.application.running == 0)


def test_a_slow_client_slows_the_upstream_and_not_the_proxy_down(raw: MakeRaw, forward: Forward) -> None:
    sent = 0
    total = 200 * 2**20

    def talk(connection: Connection) -> None:
        nonlocal sent
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            connection.send(b"x" * 2**20)
            sent += 2**20

    proxied = forward(raw(talk).url)
    with connect(proxied.port, GET) as slow:
        before = -1

        def stands_still() -> bool:
            nonlocal before
            before, still = sent, before == sent and sent > 0
            return still and not threading.Event().wait(0.1) and before == sent

        assert eventually(stands_still)
        assert sent < total / 4  # what four kernel buffers and two of the proxy's hold
        # Others are served meanwhile, and what the slow one takes later is all there.
        assert ask(proxied.port, b"GET //x HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        head = slow.head()
        left = total - len(slow.read)
        while left:
            left -= len(slow.socket.recv(min(left, 2**20)))
    assert b"content-length: %d" % total in head


def test_a_slow_upstream_slows_a_sending_client_down(raw: MakeRaw, forward: Forward) -> None:
    server = raw(holding)
    proxied = forward(server.url, Limits(first_byte_seconds=1, idle_seconds=1))
    before = descriptors()
    total = 60 * 2**20
    sent = 0
    with connect(proxied.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % total) as client:
        client.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while sent < total:
                sent += client.socket.send(b"x" * 2**20)
    assert sent < total / 2
    assert eventually(lambda: proxied.application.running == 0)
    # Only the upstream's end is left, which the test holds: what it never takes is not kept for it.
    assert eventually(lambda: descriptors() == before + 1)


def test_a_client_that_takes_nothing_is_disconnected(raw: MakeRaw) -> None:
    ended = threading.Event()

    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.send(b"x" * 2**20)
        finally:
            ended.set()

    limits = Limits(client_seconds=1)
    proxied = run_proxy(Forwarder(raw(talk).url, limits=limits), limits, listen(Listening(port=0), limits))
    try:
        with connect(proxied.port, GET):
            assert ended.wait(DEADLINE_SECONDS)
            assert eventually(lambda: proxied.application.running == 0)
    finally:
        proxied.stop()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (pathlib's own iterator keeps one more open)


def test_nothing_is_left_after_a_thousand_requests_of_all_kinds(upstream: Running, forward: Forward) -> None:
    chance = random.Random(4)
    proxied = forward(upstream.url, Limits(max_body_bytes=100_000))
    refused = forward("http://127.0.0.1:9")
    stream = b'{"model": "m", "stream": true}'

    def body(head: bytes, content: bytes) -> bytes:
        return head + b"Host: x\r\nContent-Length: %d\r\n\r\n" % len(content) + content

    kinds = [
        (proxied.port, b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"),
        (proxied.port, b"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n"),
        (proxied.port, body(b"POST /echo HTTP/1.1\r\n", b"x" * 80_000)),
        (proxied.port, body(b"POST /echo HTTP/1.1\r\n", b"x" * 200_000)),
        (proxied.port, body(b"POST /v1/chat/completions HTTP/1.1\r\n", stream)),
        (proxied.port, b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (proxied.port, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"),
        (proxied.port, b"GET /large?megabytes=4 HTTP/1.1\r\nHost: x\r\n\r\n"),
        (proxied.port, b"GET //x HTTP/1.1\r\nHost: x\r\n\r\n"),
        (proxied.port, b"nonsense\r\n\r\n"),
        (refused.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ]

    def burst(count: int) -> None:
        for _ in range(count):
            port, request = chance.choice(kinds)
            with connect(port, request) as client:
                if chance.random() < 0.7 and not request.endswith(b"half"):
                    client.until(b"HTTP/1.1 ")
                if chance.random() < 0.3:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    def tasks() -> int:
        return sum(len(asyncio.all_tasks(each.loop)) for each in (proxied, refused, upstream))

    def idle() -> bool:
        return proxied.application.running == refused.application.running == 0 and not any(
            each.server.server_state.connections for each in (proxied, refused)
        )

    burst(100)
    assert eventually(idle)
    for each in (proxied, refused):
        asyncio.run_coroutine_threadsafe(each.application.close(), each.loop).result(DEADLINE_SECONDS)
    assert eventually(lambda: not upstream.server.server_state.connections)
    gc.collect()
    before = descriptors(), tasks()
    burst(1000)
    assert eventually(idle)
    for each in (proxied, refused):
        asyncio.run_coroutine_threadsafe(each.application.close(), each.loop).result(DEADLINE_SECONDS)
    assert eventually(lambda: not upstream.server.server_state.connections)
    gc.collect()
    assert eventually(lambda: (descriptors(), tasks()) <= before), (descriptors(), tasks(), before)
