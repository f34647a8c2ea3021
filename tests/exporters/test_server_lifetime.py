"""Closing, bounds, faults and forks of the metrics server."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.application import MAX_SCRAPES
from aligntax.exporters.listener import MAX_CONNECTIONS, QuietHandler
from aligntax.exporters.server import MetricsServer, serve

from .threads import own_threads

Fetch = Callable[..., Any]


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
