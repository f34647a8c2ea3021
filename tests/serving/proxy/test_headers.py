"""Headers: what concerns one connection ends at the proxy, and what two servers could read differently goes nowhere."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aligntax.serving.headers import answer_headers, body_length, request_headers
from aligntax.serving.limits import Limits
from aligntax.serving.problems import Problem

from .running import Connection, Raw, Running, ask, connect

MakeRaw = Callable[[Callable[[Connection], None]], Raw]
Forward = Callable[..., Running]
ONE_CONNECTION = [
    (b"connection", b"keep-alive, X-Named"),
    (b"x-named", b"1"),
    (b"keep-alive", b"timeout=5"),
    (b"proxy-authorization", b"Basic x"),
    (b"proxy-authenticate", b"Basic"),
    (b"proxy-connection", b"keep-alive"),
    (b"te", b"trailers"),
    (b"trailer", b"x-sum"),
    (b"upgrade", b"h2c"),
    (b"http2-settings", b"x"),
]


def echoed(port: int, *lines: str) -> list[list[str]]:
    head = "\r\n".join(["GET /echo HTTP/1.1", "Host: proxy.example", *lines, "Connection: close", "", ""])
    body = ask(port, head.encode("latin-1")).partition(b"\r\n\r\n")[2]
    headers: list[list[str]] = json.loads(body)["headers"]
    return headers


def test_what_concerns_one_connection_is_dropped_from_requests() -> None:
    kept = request_headers([*ONE_CONNECTION, (b"authorization", b"Bearer x"), (b"host", b"y")], limit=10_000)
    assert kept == [("authorization", "Bearer x")]


def test_what_concerns_one_connection_is_dropped_from_answers() -> None:
    came = [*ONE_CONNECTION, (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5"), (b"X", b"1")]
    assert answer_headers(came, 200, limit=10_000) == [(b"x", b"1")]


def test_over_a_connection(proxy: Running, upstream: Running) -> None:
    came = echoed(proxy.port, "Keep-Alive: 5", "TE: trailers", "X-A: 1", "X-A: 2", "Authorization: Bearer x")
    assert came == [
        ["host", f"127.0.0.1:{upstream.port}"],
        ["x-a", "1"],
        ["x-a", "2"],
        ["authorization", "Bearer x"],
    ]


def test_the_way_of_a_request_is_kept_added_to_or_left_out(upstream: Running, forward: Forward) -> None:
    lines = ["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Via: 1.1 front", "X-Real-IP: 1.2.3.4"]
    sent = [[line.split(": ")[0].lower(), line.split(": ")[1]] for line in lines]
    kept, added, stripped = (
        echoed(forward(upstream.url, forwarded=choice).port, *lines)[1:] for choice in ("keep", "add", "strip")
    )
    assert kept == sent
    assert added == [
        *sent,
        ["x-forwarded-for", "127.0.0.1"],
        ["x-forwarded-proto", "http"],
        ["x-forwarded-host", "proxy.example"],
        ["via", "1.1 aligntax"],
    ]
    assert stripped == []


def test_the_host_can_be_preserved(upstream: Running, forward: Forward) -> None:
    assert echoed(forward(upstream.url, preserve_host=True).port) == [["host", "proxy.example"]]


def test_utf_8_goes_on_byte_for_byte_and_other_bytes_are_refused(proxy: Running) -> None:
    assert ["x", "wörld".encode().decode("latin-1")] in echoed(proxy.port, "X: " + "wörld".encode().decode("latin-1"))
    assert ask(proxy.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: \xff\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("headers", "version", "length"),
    [
        ([], "1.1", 0),
        ([(b"content-length", b"0")], "1.1", 0),
        ([(b"content-length", b"12")], "1.1", 12),
        ([(b"Content-Length", b"12"), (b"content-length", b" 12 ")], "1.1", 12),
        ([(b"transfer-encoding", b"Chunked")], "1.1", None),
    ],
)
def test_the_length_of_a_body(headers: Any, version: str, length: int | None) -> None:
    assert body_length(headers, version) == length


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ([(b"content-length", b"1"), (b"content-length", b"2")], "1.1"),
        ([(b"content-length", b"1, 1")], "1.1"),
        ([(b"content-length", b"+1")], "1.1"),
        ([(b"content-length", b"-1")], "1.1"),
        ([(b"content-length", b"0x1")], "1.1"),
        ([(b"content-length", b"1_0")], "1.1"),
        ([(b"content-length", "\u0661".encode())], "1.1"),
        ([(b"content-length", b"")], "1.1"),
        ([(b"content-length", b"9" * 19)], "1.1"),
        ([(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], "1.1"),
        ([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")], "1.1"),
        ([(b"transfer-encoding", b"gzip, chunked")], "1.1"),
        ([(b"transfer-encoding", b"chunked, identity")], "1.1"),
        ([(b"transfer-encoding", b"xchunked")], "1.1"),
        ([(b"transfer-encoding", b"\x0bchunked")], "1.1"),
        ([(b"transfer-encoding", b"")], "1.1"),
        ([(b"transfer-encoding", b"chunked")], "1.0"),
    ],
)
def test_a_length_that_two_servers_could_read_differently(headers: Any, version: str) -> None:
    with pytest.raises(Problem) as refused:
        body_length(headers, version)
    assert (refused.value.status, refused.value.code) == (400, "invalid_framing")


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 36\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 36",
        b"Content-Length: 5\r\nContent-Length: 41",
        b"Content-Length: 5, 41",
        b"Content-Length: +5",
        b"Content-Length: -5",
        b"Content-Length: 0x5",
        b"Content-Length : 5",
        b"Content-Length: 5\nX: y",
        b"Content-Length:\r\n 5",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: identity, chunked, identity",
        b"Transfer-Encoding : chunked",
        b" Transfer-Encoding: chunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding:\r\n chunked",
        b"X: y\rTransfer-Encoding: chunked",
        b"X: y\x00z",
        b"X\x00: y",
        b"X y: z",
        b": z",
        b"Host: two",
    ],
)
def test_smuggling_over_a_raw_connection(raw: MakeRaw, forward: Forward, head: bytes) -> None:
    heads: list[bytes] = []

    def talk(connection: Connection) -> None:
        while True:
            heads.append(connection.head())
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    proxied = forward(raw(talk).url)
    sent = b"POST /first HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    assert ask(proxied.port, sent).startswith(b"HTTP/1.1 400 ")
    assert heads == []


def test_trailers_do_not_become_headers(raw: MakeRaw, forward: Forward) -> None:
    came: list[bytes] = []

    def talk(connection: Connection) -> None:
        came.append(connection.head())
        came.append(connection.until(b"hello"))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    proxied = forward(raw(talk).url)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
    assert ask(proxied.port, head + body).startswith(b"HTTP/1.1 200 ")
    assert b"authorization" not in came[0].lower()
    assert b"x-forwarded-for" not in came[0].lower()
    assert came[1] in (b"hello", b"5\r\nhello")


def test_too_many_bytes_of_headers(proxy: Running, forward: Forward, upstream: Running) -> None:
    answer = httpx.get(f"{proxy.url}/echo", headers={f"x-{number}": "y" * 1000 for number in range(70)})
    assert answer.status_code == 431
    assert httpx.get(f"{proxy.url}/echo", headers={"x": "y" * 60_000}).status_code == 200


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",  # a header without end
        b"GET /",  # a target without end
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",  # a trailer without end
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",  # a chunk's extension without end
    ],
)
def test_headers_without_end_are_not_kept(proxy: Running, start: bytes) -> None:
    sent = len(start)
    with connect(proxy.port, start) as client, contextlib.suppress(ConnectionError):
        while sent < 50_000_000:
            client.send(b"y" * 65_536)
            sent += 65_536
    assert sent < 10_000_000  # what the two kernels hold, and not what the proxy does


def test_headers_that_do_not_come(upstream: Running, forward: Forward) -> None:
    proxied = forward(upstream.url, Limits(client_seconds=0.2))
    assert ask(proxied.port, b"").startswith(b"HTTP/1.1 408 ")
    assert ask(proxied.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: ").startswith(b"HTTP/1.1 408 ")
    with connect(proxied.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo") as client:
        assert b"HTTP/1.1 408 " in client.rest()
    assert httpx.get(f"{proxied.url}/echo").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"X: a\x01b",
        b"X: a\x7fb",
        b"X y: z",
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Content-Length: -1",
        b"X: " + b"y" * 70_000,
        b"\r\n".join(b"X-%d: %s" % (number, b"y" * 1000) for number in range(70)),
    ],
)
def test_headers_of_the_upstream_that_could_be_misread(raw: MakeRaw, forward: Forward, head: bytes) -> None:
    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nab")

    answer = httpx.get(forward(raw(talk).url).url)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_protocol"
    assert answer.json()["error"]["type"] == "upstream_error"


def test_websockets_are_refused_and_other_upgrades_ignored(proxy: Running) -> None:
    common = "Connection: Upgrade", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"
    head = "\r\n".join(["GET /echo HTTP/1.1", "Host: x", "Upgrade: websocket", *common, "", ""])
    answer = ask(proxy.port, head.encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"WebSockets" in answer
    head = "\r\n".join(["GET /echo HTTP/1.1", "Host: x", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "", ""])
    answer = ask(proxy.port, head.encode())  # ends: the connection is closed, nothing more can come on it
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"upgrade"' not in answer


def test_nothing_of_a_request_is_logged(
    upstream: Running, raw: MakeRaw, forward: Forward, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"SECRET-a nonsense SECRET-b\r\n\r\n")

    caplog.set_level(logging.INFO)
    proxied = [forward(upstream.url), forward(raw(talk).url), forward("http://127.0.0.1:9")]
    headers = {"authorization": "SECRET-c", "api-key": "SECRET-d", "cookie": "SECRET-e"}
    for each in proxied:
        httpx.post(f"{each.url}/SECRET-f?key=SECRET-g", headers=headers, content=b"SECRET-h")
        ask(each.port, b"GET /SECRET-i HTTP/1.1\r\nHost: x\r\nX: SECRET-j\x00\r\n\r\n")
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert any("upstream_unreachable" in record.getMessage() for record in ours)
    for record in ours:
        assert "SECRET" not in logging.Formatter().format(record)
