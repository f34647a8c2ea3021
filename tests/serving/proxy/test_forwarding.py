"""What goes through the proxy arrives as it was sent, in both directions."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator

import httpx
import openai
import pytest

from .running import DEADLINE_SECONDS, Connection, Raw, Running, ask, connect

MakeRaw = Callable[[Callable[[Connection], None]], Raw]
Forward = Callable[..., Running]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_methods_and_bodies_of_known_length(proxy: Running, method: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    answer = httpx.request(method, f"{proxy.url}/echo?a=%20b&c=1+2", content=body or None)
    said = answer.json()
    assert (said["method"], said["path"], said["query"]) == (method, "/echo", "a=%20b&c=1+2")
    assert said["size"] == size
    assert said["sha256"] == hashlib.sha256(body).hexdigest()
    headers = dict(said["headers"])
    assert "transfer-encoding" not in headers
    if size:
        assert headers["content-length"] == str(size)


def test_a_chunked_body_is_forwarded_in_chunks(proxy: Running) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(50):
            yield bytes([number]) * 10_000

    said = httpx.post(f"{proxy.url}/echo", content=pieces()).json()
    assert said["size"] == 500_000
    assert said["sha256"] == hashlib.sha256(b"".join(pieces())).hexdigest()
    assert dict(said["headers"])["transfer-encoding"] == "chunked"


def test_head_has_the_headers_of_get_and_no_body(proxy: Running) -> None:
    got, head = (httpx.request(method, f"{proxy.url}/large?megabytes=1") for method in ("GET", "HEAD"))
    assert head.headers["content-length"] == got.headers["content-length"] == str(2**20)
    assert head.content == b""


@pytest.mark.parametrize("code", [200, 201, 204, 304, 400, 404, 429, 500, 503])
def test_statuses_come_back(proxy: Running, code: int) -> None:
    with httpx.Client() as client:
        for _ in range(2):  # the second on the same connection
            answer = client.get(f"{proxy.url}/status/{code}")
            assert answer.status_code == code
            assert answer.headers["etag"] == '"1"'
            assert answer.content == (b"" if code in (204, 304) else b"some body")


def test_compressed_answers_are_left_as_they_are(proxy: Running) -> None:
    with httpx.stream("GET", f"{proxy.url}/zipped", headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        body = b"".join(answer.iter_raw())
    assert gzip.decompress(body) == b"text " * 1000


def test_a_large_answer_is_whole(proxy: Running) -> None:
    answer = httpx.get(f"{proxy.url}/large?megabytes=20")
    assert answer.content == b"".join(bytes([number]) * 2**20 for number in range(20))


def test_two_cookies_stay_two_and_are_not_kept_for_the_next_client(proxy: Running) -> None:
    assert httpx.get(f"{proxy.url}/cookies").headers.get_list("set-cookie") == [
        "a=1; Path=/; SameSite=lax",
        "b=2; Path=/; SameSite=lax",
    ]
    said = httpx.get(f"{proxy.url}/echo").json()
    assert "cookie" not in dict(said["headers"])


def test_redirects_are_the_clients_to_follow_and_stay_on_the_proxy(proxy: Running, upstream: Running) -> None:
    answer = httpx.get(f"{proxy.url}/slash")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/echo?x=1"
    assert httpx.get(f"{upstream.url}/slash").headers["location"] == f"{upstream.url}/echo?x=1"


def test_paths_and_queries_arrive_as_they_were_encoded(proxy: Running) -> None:
    for target in ("/a%2Fb", "/v1/models/meta%2Fllama", "/%E2%82%AC;x=1", "/a+b?q=%2e%2E&r=//x/../y", "/a/"):
        said = json.loads(
            ask(proxy.port, f"GET {target} HTTP/1.0\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")[2]
        )
        path, _, query = target.partition("?")
        assert (said["path"], said["query"]) == (path, query)


def test_requests_go_below_the_path_of_the_upstream(upstream: Running, forward: Forward) -> None:
    proxied = forward(f"{upstream.url}/base/v2/")
    assert httpx.get(f"{proxied.url}/x?y=1").json()["path"] == "/base/v2/x"
    assert httpx.get(f"{proxied.url}/").json()["path"] == "/base/v2/"


def test_nothing_is_added_to_a_request(raw: MakeRaw, forward: Forward) -> None:
    heads = []

    def talk(connection: Connection) -> None:
        while True:
            heads.append(connection.head())
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = raw(talk)
    proxied = forward(server.url)
    with connect(proxied.port) as connection:
        for _ in range(2):
            connection.send(b"GET /x?y HTTP/1.1\r\nHost: proxy\r\nX-One: 1\r\n\r\n")
            connection.head()
            assert connection.exactly(2) == b"ok"
    expected = f"GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nx-one: 1\r\n\r\n".encode()
    assert heads == [expected, expected]
    assert len(server.connections) == 1


def test_answers_come_as_they_are_made(raw: MakeRaw, forward: Forward) -> None:
    seen = threading.Semaphore(0)

    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            event = b"data: %d\n\n" % number
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            assert seen.acquire(timeout=DEADLINE_SECONDS)  # the next only after the client has this one
        connection.send(b"0\r\n\r\n")

    proxied = forward(raw(talk).url)
    with connect(proxied.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as client:
        for number in range(3):
            client.until(b"data: %d\n\n" % number)
            seen.release()
        assert client.rest() == b"\r\n0\r\n\r\n"


def test_requests_go_on_as_they_come(raw: MakeRaw, forward: Forward) -> None:
    seen = threading.Semaphore(0)

    def talk(connection: Connection) -> None:
        connection.head()
        for number in range(3):
            connection.until(b"piece %d" % number)
            seen.release()
        connection.until(b"0\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    proxied = forward(raw(talk).url)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(proxied.port, head) as client:
        for number in range(3):
            client.send(b"7\r\npiece %d\r\n" % number)
            assert seen.acquire(timeout=DEADLINE_SECONDS)
        client.send(b"0\r\n\r\n")
        assert client.rest().endswith(b"\r\n\r\ndone")


def test_a_client_that_asks_first_is_told_to_go_on(proxy: Running) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connect(proxy.port, head) as client:
        assert client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"hello")
        said = json.loads(client.rest().partition(b"\r\n\r\n")[2])
    assert said["size"] == 5
    assert "expect" not in dict(said["headers"])


def test_an_early_answer_comes_through_while_the_body_is_still_being_sent(raw: MakeRaw, forward: Forward) -> None:
    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
        connection.rest()

    proxied = forward(raw(talk).url)
    with connect(proxied.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome") as client:
        assert client.head().startswith(b"HTTP/1.1 401 ")
        assert client.exactly(2) == b"no"


def test_the_client_of_openai(proxy: Running) -> None:
    client = openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="secret", max_retries=0)
    messages = [{"role": "user", "content": "hi"}]
    with client:
        whole = client.chat.completions.create(model="m", messages=messages)  # type: ignore[call-overload]
        assert whole.choices[0].message.content == "Hello, wörld!"
        pieces = client.chat.completions.create(model="m", messages=messages, stream=True)  # type: ignore[call-overload]
        assert [piece.choices[0].delta.content for piece in pieces] == ["Hello", ", ", "wörld", "!", None]
