"""An endpoint that is asked for its metrics, and what it may answer instead."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from aligntax.taxes.cost.endpoint import asked, identified, is_endpoint


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the URL of a server that reads one request, and answers it as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/metrics"
        finally:
            thread.join(30)


def sending(content: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(content)

    return answer


def test_what_is_an_endpoint() -> None:
    assert all(map(is_endpoint, ("http://127.0.0.1/metrics", "HTTPS://host/metrics")))
    assert not any(map(is_endpoint, ("now.prom", "http.prom", "/http://x", "ftp://host/now.prom")))


def test_an_answer_is_identified_as_a_file_is() -> None:
    with answering(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nup 1\n")) as url:
        content = asked(url, 100)
    assert content == b"up 1\n"
    assert identified(url, content)["bytes"] == 5


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            b"HTTP/1.1 503 Too Busy\r\nContent-Length: 0\r\n\r\n",
            r"/metrics: answers 503 \(Too Busy\); name the address",
        ),
        (b"SSH-2.0-server\r\n", r"/metrics: gave no whole answer \(SSH-2.0-server"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nup 1", r"/metrics: gave no whole answer \(IncompleteRead"),
        (b"", r"/metrics: gave no whole answer \(Remote end closed connection"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"# a comment\n" * 2**18, r"/metrics: answers with more than 1 MiB; name a"),
    ],
)
def test_other_answers(answer: bytes, message: str) -> None:
    def answered(connection: socket.socket) -> None:
        with suppress(ConnectionError):  # nobody reads more than what is too much
            connection.sendall(answer)

    with answering(answered) as url, pytest.raises(ValueError, match=message):
        asked(url, 2**20)


def test_an_answer_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntax.taxes.cost.endpoint.PATIENCE_SECONDS", 0.2)
    gone = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not gone.is_set():
            connection.sendall(b"# a comment\n")
            time.sleep(0.01)

    with answering(drip) as url:
        try:
            with pytest.raises(ValueError, match=r"gave no whole answer \(no end of the answer within 0.2 s\)"):
                asked(url, 2**20)
        finally:
            gone.set()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "http://127.0.0.1:1/metrics",
            r"http://127.0.0.1:1/metrics: gave no whole answer \(.*refused\); name the /metrics",
        ),
        ("http://[::1/metrics", r"is no URL \(Invalid IPv6 URL\); write it like http://127.0.0.1:9464/metrics"),
        ("http://127.0.0.1:many/metrics", r"gave no whole answer \(nonnumeric port: 'many'\)"),
        ("http:///metrics", r"gave no whole answer \(no host given\)"),
    ],
)
def test_urls_that_lead_nowhere(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        asked(url, 100)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="leave name and password out of the URL") as refused:
        asked("http://name:secret@127.0.0.1:1/metrics", 100)
    assert "secret" not in str(refused.value)
