"""The metrics server, spoken to over real sockets on the loopback interface."""

from __future__ import annotations

import base64
import errno
import gzip
import socket
from collections.abc import Callable
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.application import accepts_openmetrics
from aligntax.exporters.server import MetricsServer, serve
from aligntax.testing import FakeClock, taking

from .threads import own_threads

Fetch = Callable[..., Any]

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


def basic(username: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}


def test_it_serves_the_metrics_on_the_loopback_interface(server: MetricsServer, fetch: Fetch) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}"
    reply = fetch(f"{server.url}/metrics")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == PLAIN
    assert reply.headers["Content-Length"] == str(len(reply.body))
    assert b'aligntax_layer_verdicts_total{layer="tone",stage="output",verdict="modify"} 6\n' in reply.body


def test_a_scrape_drains_first_and_books_its_time(profiler: Profiler, fetch: Fetch) -> None:
    clock = profiler.recorder.clock
    assert isinstance(clock, FakeClock)
    guard = profiler.guard(taking(clock, 5_000_000), name="pii")
    with profiler.request():
        guard("text")
    with serve(profiler, port=0) as server:
        text = fetch(f"{server.url}/metrics").body
    assert b'aligntax_layer_duration_seconds_count{layer="pii",stage="input"} 1\n' in text

    def ticking() -> int:
        clock.advance(1_000)
        return clock()

    with serve(Profiler(clock=ticking, drain_seconds=0), port=0) as server:
        fetch(f"{server.url}/metrics")
        assert b'aligntax_instrumentation_seconds_total{part="scrape"} 1e-06\n' in fetch(f"{server.url}/metrics").body


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, PLAIN),
        ("*/*", PLAIN),
        ("text/plain;version=0.0.4", PLAIN),
        ("text/plain;version=1.0.0", PLAIN),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", PLAIN),
        ("application/openmetrics-text;version=new", PLAIN),
    ],
)
def test_the_accept_header_chooses_the_format(
    server: MetricsServer, fetch: Fetch, accept: str | None, content_type: str
) -> None:
    reply = fetch(f"{server.url}/metrics", headers={"Accept": accept} if accept else {})
    assert reply.headers["Content-Type"] == content_type
    assert reply.body.endswith(b"# EOF\n") == (content_type == OPENMETRICS)
    assert (b"trace_id" in reply.body) == (content_type == OPENMETRICS)
    assert accepts_openmetrics(accept or "") == (content_type == OPENMETRICS)


def test_gzip_only_where_it_is_accepted(server: MetricsServer, fetch: Fetch) -> None:
    plain = fetch(f"{server.url}/metrics", headers={"Accept-Encoding": "identity"})
    compressed = fetch(f"{server.url}/metrics", headers={"Accept-Encoding": "deflate, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert len(compressed.body) < len(plain.body) / 4
    assert gzip.decompress(compressed.body) == plain.body


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/nothing"])
def test_head_is_get_without_the_body(server: MetricsServer, fetch: Fetch, path: str) -> None:
    got, head = fetch(server.url + path), fetch(server.url + path, "HEAD")
    assert got.body
    assert not head.body
    assert head.status == got.status
    # The live page's policy has a nonce, which is another one each time.
    changing = {"Date": "", "Content-Security-Policy": ""}
    assert {**head.headers, **changing} == {**got.headers, **changing}


def test_nothing_follows_the_headers_of_an_answer_to_head(server: MetricsServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"HEAD /metrics HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_the_other_pages(server: MetricsServer, fetch: Fetch) -> None:
    index, health = fetch(server.url), fetch(f"{server.url}/-/healthy")
    assert (index.status, index.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'href="metrics"' in index.body
    assert (health.status, health.body) == (200, b"healthy\n")
    for path in ("/metrics/", "/metric", "/../etc/passwd"):
        assert fetch(server.url + path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(server: MetricsServer, fetch: Fetch, method: str) -> None:
    reply = fetch(f"{server.url}/metrics", method, body=b"x=1" if method != "OPTIONS" else None)
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD"


def test_basic_authentication(busy: Profiler, fetch: Fetch) -> None:
    with serve(busy, port=0, username="prömetheus", password="p:ä ss") as server:  # noqa: S106 (a test's)
        for path in ("/metrics", "/", "/-/healthy", "/nothing"):
            refused = fetch(server.url + path)
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
            assert b"aligntax_" not in refused.body
        url = f"{server.url}/metrics"
        assert fetch(url, headers=basic("prömetheus", "p:ä ss")).status == 200
        assert fetch(url, headers=basic("prömetheus", "p:ä ss", scheme="bAsIc")).status == 200
        wrong = [
            basic("prömetheus", "p:ä s"),
            basic("prometheus", "p:ä ss"),
            basic("", ""),
            basic("prömetheus", "p:ä ss", scheme="Bearer"),
            {"Authorization": "Basic"},
            {"Authorization": "Basic \xff\xfe"},
            {"Authorization": ""},
        ]
        assert [fetch(url, headers=headers).status for headers in wrong] == [401] * len(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "scraper"}, "both"),
        ({"password": "secret"}, "both"),
        ({"username": "scraper", "password": ""}, "password is empty"),
        ({"username": "", "password": "secret"}, "username ''"),
        ({"username": "a:b", "password": "secret"}, "username 'a:b'"),
        ({"port": -1}, "port=-1"),
        ({"port": 65_536}, "port=65536"),
        ({"keyfile": "key.pem"}, "keyfile='key.pem' without certfile"),
    ],
)
def test_options_that_do_not_fit_are_refused(profiler: Profiler, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        serve(profiler, **{"port": 0, **options})
    assert not own_threads()


def test_a_port_that_is_taken_is_named(profiler: Profiler) -> None:
    with serve(profiler, port=0) as first:
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{first.port} .*pass another.*port=0") as raised:
            serve(profiler, port=first.port)
        assert raised.value.errno == errno.EADDRINUSE
        assert own_threads() == ["aligntax-metrics"]


def test_a_host_that_does_not_exist_is_named(profiler: Profiler) -> None:
    with pytest.raises(OSError, match=r"on 256\.0\.0\.1:0 "):
        serve(profiler, port=0, host="256.0.0.1")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_it_serves_ipv6(busy: Profiler, fetch: Fetch) -> None:
    try:
        server = serve(busy, port=0, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    with server:
        assert server.url == f"http://[::1]:{server.port}"
        assert fetch(f"{server.url}/metrics").status == 200
