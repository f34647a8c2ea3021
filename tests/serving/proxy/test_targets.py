"""A request goes to the upstream and below its path, whatever it says; else it goes nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntax.serving.forward import Forwarder
from aligntax.serving.problems import Problem
from aligntax.serving.target import Upstream

from .running import Connection, Raw, Running, ask

MakeRaw = Callable[[Callable[[Connection], None]], Raw]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:8000", ("http", "127.0.0.1", 8000, "", None)),
        ("http://127.0.0.1:8000/", ("http", "127.0.0.1", 8000, "", None)),
        ("https://Models.Example/api/v1/", ("https", "models.example", 443, "/api/v1", None)),
        ("http://[::1]:8000", ("http", "::1", 8000, "", None)),
        ("unix:/run/model.sock", ("http", "localhost", 80, "", "/run/model.sock")),
        ("unix:///run/model.sock", ("http", "localhost", 80, "", "/run/model.sock")),
        ("UNIX:/Run/a%20model.sock", ("http", "localhost", 80, "", "/Run/a model.sock")),
    ],
)
def test_addresses(url: str, parts: tuple[str, str, int, str, str | None]) -> None:
    assert Upstream.parse(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http:///path",
        "http://host:port",
        "http://host:99999",
        "http://host?x=1",
        "http://host?",
        "http://host#x",
        "http://host/a/../b",
        "http://host//b",
        "http://ho st",
        "http://host\n",
        "http://host/a b",
        "http://[::1",
        "file:///etc/passwd",
        "unix:",
        "unix:model.sock",
        "unix://host/run/model.sock",
        "unix://name:SECRET@host/run/model.sock",
        "unix:/run/model.sock?",
        "unix:/run/model.sock#x",
        "unix:/run/%00model.sock",
        "unix:/run/" + "x" * 107,
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="upstream="):
        Forwarder(url)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="Authorization") as refused:
        Forwarder("http://name:SECRET@host")
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"x",
        b"*",
        b"@evil.example/",
        b"http://evil.example/",
        b"//evil.example/",
        b"/a//b",
        b"/..",
        b"/../x",
        b"/a/../b",
        b"/a/./b",
        b"/%2e%2e/x",
        b"/a/%2E./b",
        b"/a%2f..%2fb",
        b"/a%2F%2Fb",
        b"/%252e%252e/x",
        b"/..;x=1/b",
        b"/a\\b",
        b"/a%5c..%5cb",
        b"/a%00b",
        b"/a%0d%0aX:y",
        b"/a b",
        b"/a\r\nX: y",
        b"/a?b",
        b"/a#b",
        b"/\xc3\xa4",
        b"/%25252e",
    ],
)
def test_paths_that_go_nowhere(path: bytes) -> None:
    with pytest.raises(Problem) as refused:
        Upstream.parse("http://host/base").target(path, b"")
    assert (refused.value.status, refused.value.code) == (400, "invalid_path")


@pytest.mark.parametrize("query", [b"a b", b"a\r\nX: y", b"\x00", b"\xff"])
def test_queries_that_go_nowhere(query: bytes) -> None:
    with pytest.raises(Problem):
        Upstream.parse("http://host").target(b"/", query)


@given(st.text(alphabet="/.\\%2eEfF5cC:@?#;a", max_size=30))
def test_no_path_leaves_the_base(text: str) -> None:
    upstream = Upstream.parse("http://host/base")
    try:
        target = upstream.target(text.encode(), b"")
    except Problem:
        return
    assert target.startswith("/base/")
    assert target == "/base" + text
    from urllib.parse import unquote

    for reading in (target, unquote(target), unquote(unquote(target))):
        assert not {".", ".."} & set(reading.replace("\\", "/").split("/"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"/base/x?y#z", b"/x?y#z"),
        (b"/base", b"/"),
        (b"/other", b"/other"),
        (b"/baseline", b"/baseline"),
        (b"http://host/base/x", b"/x"),
        (b"http://host:80/base/x?y", b"/x?y"),
        (b"//host/base/x", b"/x"),
        (b"relative", b"relative"),
        (b"https://host/base/x", b"https://host/base/x"),
        (b"http://host:81/base/x", b"http://host:81/base/x"),
        (b"http://elsewhere/base/x", b"http://elsewhere/base/x"),
        (b"http://host//evil.example", b"http://host//evil.example"),
        (b"/base//evil.example", b"/base//evil.example"),
        (b"http://[", b"http://["),
        (b"\xff", b"\xff"),
        (b"", b""),
    ],
)
def test_where_the_upstream_sends_clients(value: bytes, expected: bytes) -> None:
    assert Upstream.parse("http://host/base").location(value) == expected


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET http://{evil}/stolen HTTP/1.1", 200),  # its path, at the upstream
        (b"GET //{evil}/stolen HTTP/1.1", 400),
        (b"GET /../stolen HTTP/1.1", 400),
        (b"GET @{evil}/ HTTP/1.1", 400),
        (b"CONNECT {evil} HTTP/1.1", 400),
        (b"TRACE / HTTP/1.1", 405),
        (b"OPTIONS * HTTP/1.1", 400),
    ],
)
def test_no_request_reaches_another_host(raw: MakeRaw, proxy: Running, line: bytes, status: int) -> None:
    evil = raw(lambda connection: connection.send(b"HTTP/1.1 200 OK\r\n\r\nstolen"))
    host = f"127.0.0.1:{evil.port}".encode()
    sent = line.replace(b"{evil}", host) + b"\r\nHost: " + host + b"\r\nX-Forwarded-Host: " + host
    answer = ask(proxy.port, sent + b"\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert evil.connections == []
