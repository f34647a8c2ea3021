"""An upstream that refuses, hangs, breaks off or talks nonsense: the client is told, and never takes a part for all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from aligntax.serving.limits import Limits

from .running import DEADLINE_SECONDS, Connection, Raw, Running, ask, eventually, holding

MakeRaw = Callable[[Callable[[Connection], None]], Raw]
Forward = Callable[..., Running]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
EVENTS = CHUNKED + b"Content-Type: text/event-stream\r\n\r\n"
CHUNK = b"4\r\nsome\r\n"
SOON = Limits(connect_seconds=0.3, first_byte_seconds=0.3, idle_seconds=0.3, client_seconds=0.3)


def saying(*pieces: bytes, reset: bool = False, hang: bool = False) -> Callable[[Connection], None]:
    """Return what answers each request with some pieces, and then closes, resets or does nothing."""

    def talk(connection: Connection) -> None:
        connection.head()
        for piece in pieces:
            connection.send(piece)
        if hang:
            connection.rest()
        elif reset:
            connection.reset()

    return talk


def error_of(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "upstream_error"
    return answer.status_code, error["code"]


def test_an_upstream_that_refuses(forward: Forward) -> None:
    proxied = forward("http://127.0.0.1:9")
    assert error_of(httpx.post(f"{proxied.url}/v1/chat/completions", content=b"x")) == (502, "upstream_unreachable")


def test_an_upstream_whose_name_is_unknown(forward: Forward) -> None:
    assert error_of(httpx.get(forward("http://nowhere.invalid").url)) == (502, "upstream_unreachable")


def test_an_upstream_that_speaks_no_tls(raw: MakeRaw, forward: Forward) -> None:
    proxied = forward(raw(saying(HEAD)).url.replace("http:", "https:"), SOON)
    assert httpx.get(proxied.url).status_code in (502, 504)


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (saying(), "upstream_closed"),
        (saying(reset=True), "upstream_closed"),
        (saying(b"HTTP/1.1 200"), "upstream_closed"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Le", reset=True), "upstream_closed"),
        (saying(b"nonsense\r\n\r\n"), "upstream_protocol"),
        (saying(b"\x16\x03\x01\x02\x00\x01"), "upstream_protocol"),
        (saying(b"HTTP/1.1 999 What\r\n\r\n"), "upstream_protocol"),
        (saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "upstream_protocol"),
        (saying(b"HTTP/1.1 99 What\r\n\r\n"), "upstream_protocol"),
    ],
)
def test_an_upstream_without_an_answer(raw: MakeRaw, forward: Forward, talk: Any, code: str) -> None:
    proxied = forward(raw(talk).url)
    assert error_of(httpx.post(proxied.url, content=b"x")) == (502, code)
    assert eventually(lambda: proxied.application.running == 0)


def test_an_upstream_that_hangs_before_its_answer(raw: MakeRaw, forward: Forward) -> None:
    for talk in (saying(hang=True), saying(HEAD, hang=True), lambda connection: connection.rest()):
        begun = time.monotonic()
        assert error_of(httpx.post(forward(raw(talk).url, SOON).url, content=b"x")) == (504, "upstream_timeout")
        assert time.monotonic() - begun < DEADLINE_SECONDS / 2


def test_an_upstream_that_takes_nothing_of_a_body(raw: MakeRaw, forward: Forward) -> None:
    server = raw(holding)
    answer = httpx.post(forward(server.url, SOON).url, content=b"x" * 30_000_000)
    assert error_of(answer) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    "talk",
    [
        saying(CHUNKED, b"\r\n", CHUNK),
        saying(CHUNKED, b"\r\n", CHUNK, reset=True),
        saying(CHUNKED, b"\r\n", CHUNK, hang=True),
        saying(CHUNKED, b"\r\n", CHUNK, b"zz\r\nnonsense"),
        saying(CHUNKED, b"\r\n", CHUNK, b"-1\r\n"),
        saying(HEAD, b"Content-Length: 100\r\n\r\nsome"),
        saying(HEAD, b"Content-Length: 100\r\n\r\nsome", reset=True),
        saying(HEAD, b"Content-Length: 100\r\n\r\nsome", hang=True),
        saying(CHUNKED, b"Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n", CHUNK),
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(raw: MakeRaw, forward: Forward, talk: Any) -> None:
    head, _, body = ask(forward(raw(talk).url, SOON).port, GET).partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 502 "):  # the nonsense came so soon that there was no answer yet
        assert json.loads(body)["error"]["code"] == "upstream_protocol"
    else:
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body in ((b"some", b"") if b"content-length: 100" in head else (b"4\r\nsome\r\n", b""))


def events_of(body: bytes) -> list[Any]:
    assert body.endswith(b"\n\n")
    return [json.loads(event.removeprefix(b"data: ")) for event in body.split(b"\n\n")[:-1]]


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (saying(EVENTS, b'b\r\ndata: "a"\n\n\r\n'), "upstream_broke"),
        (saying(EVENTS, b'b\r\ndata: "a"\n\n\r\n', hang=True), "upstream_timeout"),
        (saying(EVENTS, b'b\r\ndata: "a"\n\n\r\n', b"zz\r\n"), "upstream_broke"),
        (saying(EVENTS, b'10\r\ndata: "a"\n\ndata:\r\n', hang=True), "upstream_timeout"),
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error(raw: MakeRaw, forward: Forward, talk: Any, code: str) -> None:
    answer = httpx.get(forward(raw(talk).url, SOON).url)
    if answer.status_code == 502:  # the nonsense came so soon that there was no answer yet
        assert error_of(answer) == (502, "upstream_protocol")
        return
    assert answer.status_code == 200
    first, last = events_of(answer.content)
    assert first == "a"
    assert (last["error"]["code"], last["error"]["type"]) == (code, "upstream_error")
    assert b"[DONE]" not in answer.content


def test_an_event_too_long_to_keep_back_is_cut_off_and_not_completed(raw: MakeRaw, forward: Forward) -> None:
    talk = saying(EVENTS, b"100000\r\ndata: ", b"x" * (0x100000 - 6), b"\r\n")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(forward(raw(talk).url, SOON).url)


def test_a_stream_that_ends_within_an_event_is_handed_on_as_it_is(raw: MakeRaw, forward: Forward) -> None:
    talk = saying(EVENTS, b"e\r\ndata: 1\n\ndata:\r\n", b"0\r\n\r\n")
    assert httpx.get(forward(raw(talk).url, SOON).url).content == b"data: 1\n\ndata:"


def test_the_client_of_openai_sees_an_error(raw: MakeRaw, forward: Forward) -> None:
    event = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    proxied = forward(raw(saying(EVENTS, b"%x\r\n%s\r\n" % (len(event), event))).url)
    with openai.OpenAI(base_url=proxied.url, api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        assert next(stream).choices[0].delta.content == "a"
        with pytest.raises(openai.APIError, match="broke off"):
            next(stream)
    proxied = forward("http://127.0.0.1:9")
    with (
        openai.OpenAI(base_url=proxied.url, api_key="x", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="cannot be reached"),
    ):
        client.chat.completions.create(model="m", messages=[])


def test_an_exchange_may_last_only_so_long(raw: MakeRaw, forward: Forward) -> None:
    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(EVENTS)
        while True:
            connection.send(b"9\r\ndata: 1\n\n\r\n")
            time.sleep(0.02)

    answer = httpx.get(forward(raw(talk).url, Limits(total_seconds=0.3)).url)
    assert events_of(answer.content)[-1]["error"]["code"] == "upstream_timeout"


def test_a_body_that_is_too_large(upstream: Running, forward: Forward) -> None:
    proxied = forward(upstream.url, Limits(max_body_bytes=1000))
    assert httpx.post(f"{proxied.url}/echo", content=b"x" * 1000).json()["size"] == 1000
    for body in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):
        answer = httpx.post(f"{proxied.url}/echo", content=body)
        assert answer.status_code == 413
        error = answer.json()["error"]
        assert (error["code"], error["type"]) == ("body_too_large", "invalid_request_error")


def test_a_body_that_does_not_come(upstream: Running, forward: Forward) -> None:
    proxied = forward(upstream.url, SOON)
    for framing in (b"Content-Length: 10", b"Transfer-Encoding: chunked"):
        for start in (b"", b"3\r\nabc\r\n"):
            answer = ask(proxied.port, b"POST /echo HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n" + start)
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b'"body_timeout"' in answer


def test_more_requests_than_allowed_are_refused(raw: MakeRaw, forward: Forward) -> None:
    server = raw(saying(HEAD, b"Content-Length: 2\r\n\r\n", hang=True))
    proxied = forward(server.url, Limits(max_requests=2))
    with httpx.Client() as client, client.stream("GET", proxied.url), client.stream("GET", proxied.url):
        refused = client.get(proxied.url)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "overloaded"


def test_certificates_are_checked(forward: Forward, certificate: Any) -> None:
    certfile, keyfile, server_url = certificate
    assert error_of(httpx.get(forward(server_url).url)) == (502, "upstream_unreachable")
    assert httpx.get(f"{forward(server_url, ca_file=certfile).url}/echo").json()["path"] == "/echo"
    with pytest.raises(ValueError, match="holds no certificates"):
        forward(server_url, ca_file=keyfile)
    with pytest.raises(FileNotFoundError, match="is not there"):
        forward(server_url, ca_file="missing.pem")


def test_a_body_is_not_sent_twice_and_least_of_all_without_itself(raw: MakeRaw, forward: Forward) -> None:
    heads = []

    def talk(connection: Connection) -> None:
        heads.append(connection.head())
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        heads.append(connection.head())
        connection.until(b"x")  # and closes a connection that was used before

    proxied = forward(raw(talk).url)
    with httpx.Client() as client:
        assert client.get(proxied.url).status_code == 200
        assert error_of(client.put(proxied.url, content=iter([b"x" * 100_000]))) == (502, "upstream_closed")
    assert [head.partition(b" ")[0] for head in heads] == [b"GET", b"PUT"]
