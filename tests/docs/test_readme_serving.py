"""What the README shows of servers, run: FastAPI under uvicorn, vLLM's contract, the proxy and the deploy pack."""

from __future__ import annotations

import importlib
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serving.proxy.running import run_plain
from tests.serving.upstream import Upstream, asking, chat_answer, chat_stream, content_of

from aligntax.serving.settings import read_settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## In front of a server") : README.index("## Kernels")]
CHAT = "/v1/chat/completions"


def block(language: str, holding: str) -> str:
    """Return the code of the section that holds some text."""
    found = re.findall(rf"```{language}\n(.*?)```", SECTION, flags=re.DOTALL)
    return next(code for code in found if holding in code)


def test_every_example_has_at_most_six_lines() -> None:
    for code in re.findall(r"```(?:python|console)\n(.*?)```", SECTION, flags=re.DOTALL):
        assert len([line for line in code.splitlines() if line.strip()]) <= 6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve an application on a free port, from a thread."""
    running = run_plain(application)
    try:
        yield running.url
    finally:
        running.stop()


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "aligntax.toml"
    path.write_text(block("toml", "[serving]").replace("9464", "0"), encoding="utf-8")
    return path


def test_the_file_is_one_that_is_read(config: Path) -> None:
    settings = read_settings(config)
    assert (settings.model, settings.metrics_port) == ("llama", 0)
    assert [each.guard.name for each in settings.guards] == ["pii"]


def test_fastapi(upstream: Upstream) -> None:
    code = block("python", "FastAPI").replace("metrics_port=9464", "metrics_port=0")
    scope: dict[str, Any] = {}
    exec("from aligntax.guards import PII\n" + code, scope)
    app = scope["app"]
    upstream.answer = chat_answer("write to jo@example.com")
    app.post(CHAT)(lambda: upstream.answer)
    with served(app) as url:
        answer = httpx.post(url + CHAT, json=asking("hello"))
    assert answer.json()["choices"][0]["message"]["content"] == "write to [email]"


def test_vllm_constructs_it_with_the_application_alone(
    upstream: Upstream, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As vLLM's `build_app` does: a dotted name, imported, and handed to `add_middleware` without arguments."""
    command = shlex.split(block("console", "vllm serve"))
    name, _, value = command[0].partition("=")
    assert value == "aligntax.toml"
    monkeypatch.setenv(name, str(config))
    module, _, attribute = command[command.index("--middleware") + 1].rpartition(".")
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ".")
    upstream.application.add_middleware(getattr(importlib.import_module(module), attribute))
    with served(upstream.application) as url:
        answer = httpx.post(url + CHAT, json=asking("hello", stream=True))
    assert content_of(answer.content) == "write to [email]."


def test_the_proxy(upstream: Upstream, config: Path) -> None:
    command = shlex.split(block("console", "aligntax proxy"))
    assert command[0] == "aligntax"
    upstream.stream = chat_stream("write to j", "o@exam", "ple.com", ".")
    port = free_port()
    with served(upstream.application) as url:
        for option, value in (("--upstream", url), ("--config", str(config)), ("--port", str(port))):
            command[command.index(option) + 1] = value
        process = subprocess.Popen([sys.executable, "-m", *command])
        try:
            address = f"http://127.0.0.1:{port}"
            _until_ready(address, process)
            answer = httpx.post(address + CHAT, json=asking("hello", stream=True))
        finally:
            process.terminate()
            assert process.wait(30) == 0
    assert content_of(answer.content) == "write to [email]."


def _until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{address}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"the proxy was not ready; exit code {process.poll()}")


def test_the_deploy_pack(tmp_path: Path) -> None:
    command = shlex.split(block("console", "aligntax deploy").splitlines()[0])
    subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, check=True, capture_output=True)
    compose = re.search(r"-f (\S+)", block("console", "docker compose"))
    assert compose is not None
    assert (tmp_path / compose[1]).is_file()
