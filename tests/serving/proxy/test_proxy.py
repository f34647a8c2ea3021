"""The whole proxy: probes, guards and measurement before a real server, asked by a client that nobody here wrote."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from aligntax.serving.limits import Limits
from aligntax.serving.proxy import ProxyOptions, create_proxy, proxy_from_environment
from aligntax.serving.settings import Settings, settings_of

from .running import Connection, Raw, Running, ask, eventually, run_proxy

MakeRaw = Callable[[Callable[[Connection], None]], Raw]

GUARDS = """
[serving]
model = "small"
metrics_port = 0

[[guards]]
use = "blocklist"
stage = "input"
patterns = ["forbiddenword"]
on_hit = "block"

[[guards]]
use = "blocklist"
name = "words"
stage = "stream"
patterns = ["wörld"]
on_hit = "redact"
"""


@pytest.fixture(scope="module")
def guarded(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("config") / "guards.toml"
    file.write_text(GUARDS, encoding="utf-8")
    running = run_proxy(ProxyOptions(upstream.url, str(file)).create())
    yield running
    running.stop()


@pytest.fixture
def client(guarded: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="SECRET", max_retries=0) as client:
        yield client


def say(client: openai.OpenAI, text: str, **keywords: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **keywords)  # type: ignore[call-overload]


def metrics(proxy: Running) -> str:
    with urllib.request.urlopen(f"{proxy.application.metrics_url}/metrics", timeout=10) as answer:  # noqa: S310
        return str(answer.read(), "utf-8")


def test_answers_pass_the_guards(client: openai.OpenAI) -> None:
    whole = say(client, "hi").choices[0].message.content
    pieces = "".join(piece.choices[0].delta.content or "" for piece in say(client, "hi", stream=True))
    assert whole == pieces
    assert "wörld" not in whole
    assert whole.startswith("Hello, ")


@pytest.mark.parametrize("stream", [False, True])
def test_prompts_are_blocked_before_the_upstream_sees_them(client: openai.OpenAI, stream: bool) -> None:
    said = say(client, "a forbiddenword here", stream=stream)
    parts = [piece.choices[0].delta for piece in said] if stream else [said.choices[0].message]
    text = "".join(part.refusal or part.content or "" for part in parts)
    assert text == Settings.__dataclass_fields__["block_message"].default


def test_what_it_costs_is_measured_and_nothing_else_is_told(client: openai.OpenAI, guarded: Running) -> None:
    say(client, "hi")
    httpx.get(f"{guarded.url}/v1/models?key=SECRET")
    assert eventually(lambda: 'aligntax_layer_verdicts_total{layer="words"' in metrics(guarded))
    text = metrics(guarded)
    assert 'layer="small"' in text
    for secret in ("SECRET", "wörld", "forbiddenword", "Hello"):
        assert secret not in text


def test_what_is_no_models_business_is_just_forwarded(guarded: Running) -> None:
    assert httpx.get(f"{guarded.url}/v1/models?a=b").json()["path"] == "/v1/models"


def test_probes_are_answered_and_never_forwarded(guarded: Running) -> None:
    for name in ("healthy", "ready"):
        answer = httpx.get(f"{guarded.url}/-/{name}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"
        assert httpx.head(f"{guarded.url}/-/{name}").status_code == 200
        assert httpx.post(f"{guarded.url}/-/{name}").status_code == 405
    assert httpx.get(f"{guarded.url}/-/other").status_code == 404
    assert httpx.get(f"{guarded.url}/-x").json()["path"] == "/-x"


def test_readiness_may_depend_on_the_upstream(upstream: Running) -> None:
    cases = [
        (upstream.url, "/status/200", 200),
        (upstream.url, "/status/503", 503),
        (upstream.url, "/slash", 503),
        ("http://127.0.0.1:9", "/health", 503),
    ]
    for url, path, status in cases:
        running = run_proxy(create_proxy(url, ready_path=path, health_prefix="/probes/"))
        try:
            assert httpx.get(f"{running.url}/probes/ready").status_code == status
            assert httpx.get(f"{running.url}/probes/healthy").status_code == 200
        finally:
            running.stop()


@pytest.mark.parametrize("name", ["ready_path", "health_prefix"])
@pytest.mark.parametrize("path", ["", "/", "x", "/../x", "//x", "/a b"])
def test_paths_of_probes_are_plain(name: str, path: str) -> None:
    keywords: dict[str, Any] = {name: path}
    with pytest.raises(ValueError, match=name):
        create_proxy("http://127.0.0.1:9", **keywords)


def test_a_block_in_mid_answer_closes_the_upstreams_connection(raw: MakeRaw) -> None:
    ended = []
    event = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s "}}]}\n\n'

    def talk(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in (b"fine", b"forbiddenword", b"more"):
            connection.send(b"%x\r\n%s\r\n" % (len(event % word), event % word))
        connection.rest()
        ended.append(connection)

    guard = {"use": "blocklist", "stage": "stream", "patterns": ["forbiddenword"], "on_hit": "block"}
    running = run_proxy(create_proxy(raw(talk).url, settings_of({}, [guard])))
    try:
        with openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client:
            pieces = list(say(client, "hi", stream=True))
        assert pieces[-1].choices[0].finish_reason == "content_filter"
        assert "forbidden" not in "".join(piece.choices[0].delta.content or "" for piece in pieces)
        assert eventually(lambda: bool(ended))
    finally:
        running.stop()


def test_options_reach_workers_and_hold_no_secret(upstream: Running, tmp_path: Path) -> None:
    options = ProxyOptions(upstream.url, metrics_port=0, ready_path="/health", forwarded="strip")
    assert ProxyOptions.from_json(options.to_json()) == options
    running = run_proxy(proxy_from_environment({"ALIGNTAX_PROXY": options.to_json()}))
    try:
        assert running.application.forwarder.upstream.port == upstream.port
    finally:
        running.stop()
    with pytest.raises(ValueError, match="ALIGNTAX_PROXY"):
        proxy_from_environment({})


@pytest.mark.parametrize(("upload_seconds", "client_seconds"), [(0.1, 60.0), (60.0, 0.1)])
def test_a_client_that_stalls_before_guards_have_read_its_request(
    upstream: Running, upload_seconds: float, client_seconds: float
) -> None:
    settings = settings_of({"upload_seconds": upload_seconds}, [{"use": "pii"}])
    proxy = run_proxy(create_proxy(upstream.url, settings, limits=Limits(client_seconds=client_seconds)))
    try:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        answered = ask(proxy.port, head)
    finally:
        proxy.stop()
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert b'"body_timeout"' in answered
    assert b"within 0.1 seconds" in answered
