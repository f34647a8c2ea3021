"""The metrics server, spoken to over real sockets on the loopback interface."""

from __future__ import annotations

import base64
import errno
import gzip
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.application import MAX_SCRAPES, accepts_openmetrics
from aligntax.exporters.listener import MAX_CONNECTIONS, QuietHandler
from aligntax.exporters.server import MetricsServer, serve
from aligntax.testing import FakeClock, taking

Fetch = Callable[..., Any]

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def server(busy: Profiler) -> Iterator[MetricsServer]:
    with serve(busy, port=0) as running:
        yield running


def own_threads() -> list[str]:
    names = {"aligntax-metrics", "aligntax-scrape"}
    return [thread.name for thread in threading.enumerate() if thread.name in names]


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
    assert {**head.headers, "Date": ""} == {**got.headers, "Date": ""}


def test_nothing_follows_the_headers_of_an_answer_to_head(server: MetricsServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(b"HEAD /metrics HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_the_other_pages(server: MetricsServer, fetch: Fetch) -> None:
    index, health = fetch(server.url), fetch(f"{server.url}/-/healthy")
    assert (index.status, index.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'href="/metrics"' in index.body
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


def test_closing_frees_the_port_and_leaves_no_thread(profiler: Profiler, fetch: Fetch) -> None:
    server = serve(profiler, port=0)
    port = server.port
    assert fetch(f"{server.url}/metrics").status == 200
    server.close()
    server.close()
    assert not own_threads()
    with pytest.raises(ConnectionRefusedError):
        fetch(f"{server.url}/metrics")
    with serve(profiler, port=port) as again:
        assert fetch(f"{again.url}/metrics").status == 200


def test_closing_does_not_wait_for_a_client_that_says_nothing(
    profiler: Profiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuietHandler, "timeout", 3600)
    with serve(profiler, port=0) as server, socket.create_connection(("127.0.0.1", server.port)) as silent:
        while "aligntax-scrape" not in own_threads():
            threading.Event().wait(0.001)
        server.close()
        assert not own_threads()
        silent.settimeout(20)
        assert silent.recv(1) == b""


def test_a_silent_client_is_given_up(
    profiler: Profiler, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(QuietHandler, "timeout", 0.01)
    with serve(profiler, port=0) as server, socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.settimeout(20)
        assert silent.recv(1) == b""
    assert capfd.readouterr() == ("", ""), "a client that goes away is no news"


def test_connections_are_bounded(profiler: Profiler, fetch: Fetch) -> None:
    with serve(profiler, port=0) as server:
        address = ("127.0.0.1", server.port)
        silent = [socket.create_connection(address, timeout=20) for _ in range(MAX_CONNECTIONS)]
        with socket.create_connection(address, timeout=20) as excess:
            assert excess.recv(1) == b""
        assert own_threads().count("aligntax-scrape") == MAX_CONNECTIONS
        for connection in silent:
            connection.close()
        while "aligntax-scrape" in own_threads():
            threading.Event().wait(0.001)
        assert fetch(f"{server.url}/metrics").status == 200


class WaitingSensor:
    """Holds every scrape until it is told to let go."""

    failures = 0

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.let_go = threading.Event()

    def read(self) -> list[Any]:
        self.arrived.release()
        assert self.let_go.wait(20)
        return []


def test_more_scrapes_at_a_time_than_there_is_room_for_are_turned_away(fetch: Fetch) -> None:
    sensor = WaitingSensor()
    profiler = Profiler(drain_seconds=0, sensors=[sensor])
    with serve(profiler, port=0) as server, ThreadPoolExecutor(MAX_SCRAPES) as pool:
        url = f"{server.url}/metrics"
        running = [pool.submit(fetch, url) for _ in range(MAX_SCRAPES)]
        for _ in running:
            assert sensor.arrived.acquire(timeout=20)
        refused = fetch(url)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert fetch(f"{server.url}/-/healthy").status == 200
        sensor.let_go.set()
        assert [reply.result().status for reply in running] == [200] * MAX_SCRAPES
        assert fetch(url).status == 200


def test_a_request_that_is_being_answered_is_finished_before_the_server_closes(fetch: Fetch) -> None:
    sensor = WaitingSensor()
    server = serve(Profiler(drain_seconds=0, sensors=[sensor]), port=0)
    with ThreadPoolExecutor(2) as pool:
        reply = pool.submit(fetch, f"{server.url}/metrics")
        assert sensor.arrived.acquire(timeout=20)
        closed = pool.submit(server.close)
        while "aligntax-metrics" in own_threads():
            threading.Event().wait(0.001)
        sensor.let_go.set()
        assert reply.result().status == 200
        closed.result()
    assert not own_threads()


class FailingSensor:
    """Breaks its promise never to raise."""

    failures = 0
    broken = True

    def read(self) -> list[Any]:
        if self.broken:
            raise RuntimeError("the secret reason")
        return []


def test_a_scrape_that_fails_is_answered_without_detail_and_logged_once(
    fetch: Fetch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    sensor = FailingSensor()
    with caplog.at_level(logging.WARNING, "aligntax"), serve(Profiler(sensors=[sensor]), port=0) as server:
        for _ in range(MAX_SCRAPES + 1):
            reply = fetch(f"{server.url}/metrics")
            assert (reply.status, reply.body) == (500, b"the metrics could not be read\n")
        assert [record.name for record in caplog.records] == ["aligntax"]
        assert capfd.readouterr().err == ""
        sensor.broken = False
        assert fetch(f"{server.url}/metrics").status == 200


@pytest.mark.parametrize(
    "sent", [b"\r\n", b"nonsense\r\n\r\n", b"GET /metrics\r\n", b"\x16\x03\x01\x02\x00", b"GET /" + b"a" * 70_000]
)
def test_what_is_no_request_disturbs_nobody(
    server: MetricsServer, fetch: Fetch, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert fetch(f"{server.url}/metrics").status == 200
    assert capfd.readouterr() == ("", "")


FORK = """
import os, signal, socket, urllib.request
from aligntax import Profiler
from aligntax.exporters.server import serve

signal.alarm(60)
ready, wait = os.pipe(), os.pipe()
"""

CHILD_CLOSES_FIRST = """
server = serve(Profiler(drain_seconds=0), port=0)
child = os.fork()
if child == 0:
    server.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert urllib.request.urlopen(server.url + "/-/healthy").read() == b"healthy\\n"
server.close()
print("done")
"""

PARENT_DIES_FIRST = """
parent = os.fork()
if parent == 0:
    server = serve(Profiler(drain_seconds=0), port=0)
    if os.fork() == 0:
        os.close(wait[1])
        os.write(ready[1], str(server.port).encode())
        os.read(wait[0], 1)
    os._exit(0)
os.waitpid(parent, 0)
port = int(os.read(ready[0], 5))
try:
    socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError:
    print("done")
"""


@pytest.mark.parametrize("story", [CHILD_CLOSES_FIRST, PARENT_DIES_FIRST], ids=["child closes", "parent dies"])
def test_a_forked_child_neither_hangs_in_close_nor_holds_the_port(story: str) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK + story]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (result.stdout, result.stderr, result.returncode) == ("done\n", "", 0)
