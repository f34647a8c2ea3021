"""An upstream that listens on a Unix socket: forwarded to as any other, and told apart from no upstream at all."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from aligntax.guards import Blocklist
from aligntax.serving.limits import Limits
from aligntax.serving.proxy import create_proxy
from aligntax.serving.settings import GuardSettings, Settings

from .running import DEADLINE_SECONDS, Running, eventually, run_proxy
from .test_command import ASKED, Start, config, start
from .upstream import WORDS, application

__all__ = ["config", "start"]  # fixtures

Forward = Callable[..., Running]
SAID = "".join(WORDS)


class OnSocket:
    """The well-behaved server, on a Unix socket."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix:{path}"
        self._server = uvicorn.Server(uvicorn.Config(application, uds=str(path), log_config=None, access_log=False))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)
        self._thread.start()
        assert eventually(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def on_socket(tmp_path: Path) -> Iterator[OnSocket]:
    running = OnSocket(tmp_path / "model.sock")
    yield running
    running.stop()


def test_requests_and_answers_go_over_the_socket(on_socket: OnSocket, forward: Forward) -> None:
    proxied = forward(on_socket.url)
    with httpx.Client(base_url=proxied.url) as client:
        said = client.post("/a/b%20c?x=1", content=b"hello", headers={"x-mine": "1"}).json()
        assert (said["method"], said["path"], said["query"], said["size"]) == ("POST", "/a/b%20c", "x=1", 5)
        assert ["host", "localhost"] in said["headers"]
        assert ["x-mine", "1"] in said["headers"]
        large = client.get("/large?megabytes=3")
        assert large.content == b"".join(bytes([number]) * 2**20 for number in range(3))
        uploaded = client.post("/", content=(bytes(2**16) for _ in range(32))).json()
        assert uploaded["size"] == 2**21
        assert client.post("/v1/chat/completions", json=ASKED).json()["choices"][0]["message"]["content"] == SAID
        streamed = client.post("/v1/chat/completions", json={**ASKED, "stream": True})
        assert streamed.text.endswith("data: [DONE]\n\n")
        assert client.get("/slash", follow_redirects=False).headers["location"] == "/echo?x=1"


def test_guards_stand_before_it_and_probes_ask_it(on_socket: OnSocket) -> None:
    settings = Settings(guards=(GuardSettings(Blocklist(["wörld"], stage="output", on_hit="redact")),))
    proxied = run_proxy(create_proxy(on_socket.url, settings, ready_path="/status/200"))
    try:
        assert httpx.get(f"{proxied.url}/-/ready").status_code == 200
        answer = httpx.post(f"{proxied.url}/v1/chat/completions", json=ASKED).json()
        assert "wörld" not in answer["choices"][0]["message"]["content"]
    finally:
        proxied.stop()


@pytest.mark.parametrize("there", [True, False])
def test_a_socket_on_which_nobody_listens(tmp_path: Path, forward: Forward, there: bool) -> None:
    path = tmp_path / "model.sock"
    if there:
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(path))
    answer = httpx.get(forward(f"unix:{path}").url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")


def test_one_that_says_nothing(tmp_path: Path, forward: Forward) -> None:
    path = tmp_path / "model.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        proxied = forward(f"unix:{path}", Limits(first_byte_seconds=0.2))
        answer = httpx.get(proxied.url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")


def test_no_environment_leads_to_it(forward: Forward, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trust_env with upstream='unix:"):
        forward(f"unix:{tmp_path}/model.sock", trust_env=True)


def test_the_command_takes_it(on_socket: OnSocket, start: Start, config: Any) -> None:
    command = start(on_socket.url, "--config", config, "--ready-path", "/status/200")
    command.wait_until_it_answers()
    assert (
        httpx.post(f"{command.url}/v1/chat/completions", json=ASKED).json()["choices"][0]["message"]["content"] == SAID
    )
