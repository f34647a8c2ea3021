"""`aligntax proxy` as its users have it: a process that serves until it is told to stop, and says what is wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aligntax.cli import main
from aligntax.serving.http_server import Listening
from aligntax.serving.limits import Limits

from .running import DEADLINE_SECONDS, Connection, Raw, Running, connect, eventually

MakeRaw = Callable[[Callable[[Connection], None]], Raw]
Start = Callable[..., "Command"]

GUARD = '[[guards]]\nuse = "blocklist"\nstage = "input"\npatterns = ["forbiddenword"]\non_hit = "block"\n'
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


class Command:
    """A running `aligntax proxy`."""

    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aligntax", "proxy", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.url, self.metrics = self._line("Proxy"), self._line("Metrics")
        self.port = int(self.url.rsplit(":", 1)[1])

    def _line(self, name: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.match(rf"{name}: (https?://\S+)", line)
        if found is None:
            raise AssertionError(f"{line!r}; {self.process.communicate(timeout=DEADLINE_SECONDS)[1]}")
        return found[1]

    def wait_until_it_answers(self, **keywords: Any) -> None:
        def answers() -> bool:
            try:
                return httpx.get(f"{self.url}/-/ready", **keywords).status_code == 200
            except httpx.TransportError:
                return False

        assert eventually(answers)

    def end(self, with_signal: signal.Signals) -> tuple[int, str]:
        """Return the exit code and what was written to stderr."""
        self.process.send_signal(with_signal)
        _, said = self.process.communicate(timeout=3 * DEADLINE_SECONDS)
        return self.process.returncode, said


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command on free ports."""
    started: list[Command] = []

    def start(upstream: str, *arguments: object) -> Command:
        started.append(Command(["--upstream", upstream, "--port", "0", "--metrics-port", "0", *map(str, arguments)]))
        return started[-1]

    yield start
    for command in started:
        command.process.kill()
        command.process.communicate(timeout=3 * DEADLINE_SECONDS)  # workers notice that it is gone, and close the pipes


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "guards.toml"
    file.write_text(GUARD, encoding="utf-8")
    return file


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_guards_and_measures_until_it_is_told_to_stop(
    upstream: Running, start: Start, config: Path, with_signal: signal.Signals
) -> None:
    command = start(upstream.url, "--config", config)
    command.wait_until_it_answers()
    answer = httpx.post(f"{command.url}/v1/chat/completions", json=ASKED)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello, wörld!"
    blocked = {**ASKED, "messages": [{"role": "user", "content": "forbiddenword"}]}
    assert "blocked" in httpx.post(f"{command.url}/v1/chat/completions", json=blocked).text
    assert eventually(lambda: 'verdict="block"} 1' in httpx.get(command.metrics).text)
    code, said = command.end(with_signal)
    assert (code, said) == (0, "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(command.url)


def test_running_requests_end_before_it_does(raw: MakeRaw, start: Start) -> None:
    server = raw(_two_events)
    command = start(server.url)
    command.wait_until_it_answers()
    with connect(command.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        client.until(b"data: 1\n\n")
        command.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: _refused(command.port))
        server.released.set()
        assert client.rest().endswith(b"data: 2\n\n\r\n0\r\n\r\n")
    command.process.communicate(timeout=DEADLINE_SECONDS)
    assert command.process.returncode == 0


def test_requests_that_do_not_end_are_cut_off_in_time(raw: MakeRaw, start: Start) -> None:
    server = raw(_two_events)
    command = start(server.url, "--grace-seconds", 1)
    command.wait_until_it_answers()
    with connect(command.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        client.until(b"data: 1\n\n")
        code, said = command.end(signal.SIGTERM)
        assert not client.rest().endswith(b"0\r\n\r\n")
    assert code == 0
    assert "an answer was cut off (" in said
    assert "Traceback" not in said


def _two_events(connection: Connection) -> None:
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send(b"9\r\ndata: 1\n\n\r\n")
    connection.released.wait(DEADLINE_SECONDS)
    connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")


def _refused(port: int) -> bool:
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def test_several_workers_share_the_port_and_are_stopped_together(upstream: Running, start: Start, config: Path) -> None:
    command = start(upstream.url, "--config", config, "--workers", 2, "--metrics-port", free_port())
    command.wait_until_it_answers()
    with httpx.Client(base_url=command.url) as client:
        for _ in range(4):
            assert client.post("/v1/chat/completions", json=ASKED).status_code == 200
    for _ in range(6):
        assert httpx.post(f"{command.url}/v1/chat/completions", json=ASKED).status_code == 200
    counted = r"^aligntax_request_duration_seconds_count\{.*\} (\d+)"

    def all_counted() -> bool:
        return sum(map(int, re.findall(counted, httpx.get(command.metrics).text, re.MULTILINE))) == 10

    assert eventually(all_counted)
    code, said = command.end(signal.SIGTERM)
    assert (code, "Traceback" in said) == (0, False), said


def test_workers_do_not_outlive_a_supervisor_that_is_killed(upstream: Running, start: Start) -> None:
    command = start(upstream.url, "--workers", 2, "--metrics-port", free_port())
    command.wait_until_it_answers()
    command.process.kill()
    command.process.communicate(timeout=3 * DEADLINE_SECONDS)  # which only ends when nobody can write any more
    assert _refused(command.port)


def test_it_speaks_tls(upstream: Running, start: Start, certificate: Any) -> None:
    certfile, keyfile, server_url = certificate
    command = start(server_url, "--ca-file", certfile, "--certfile", certfile, "--keyfile", keyfile)
    context = ssl.create_default_context(cafile=certfile)
    command.wait_until_it_answers(verify=context)
    assert httpx.get(f"{command.url}/echo", verify=context).json()["path"] == "/echo"
    assert command.end(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("workers", [1, 2])
def test_its_metrics_are_for_those_who_have_the_token(
    upstream: Running, start: Start, tmp_path: Path, certificate: Any, workers: int
) -> None:
    certfile, keyfile, _ = certificate
    token, config = tmp_path / "token", tmp_path / "aligntax.toml"
    token.write_text("SECRET-token\n", encoding="utf-8")
    config.write_text(
        f"[serving]\nmetrics_token_file = '{token}'\nmetrics_certificate = '{certfile}'\nmetrics_key = '{keyfile}'\n",
        encoding="utf-8",
    )
    port = free_port()
    command = start(upstream.url, "--config", config, "--workers", workers, "--metrics-port", port)
    assert command.metrics == f"https://127.0.0.1:{port}/metrics"
    command.wait_until_it_answers()
    context = ssl.create_default_context(cafile=certfile)
    with httpx.Client(verify=context) as client:
        assert client.get(command.metrics).status_code == 401
        scraped = client.get(command.metrics, headers={"authorization": "Bearer SECRET-token"})
        assert scraped.status_code == 200
        assert "aligntax_build_info" in scraped.text
    assert b"SECRET" not in Path(f"/proc/{command.process.pid}/environ").read_bytes()
    code, said = command.end(signal.SIGTERM)
    assert (code, "SECRET" in said) == (0, False)


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line that is said to wrong arguments."""
    code = main(["proxy", *map(str, arguments)])
    out, said = capfd.readouterr()
    assert (code, out) == (3, "")
    assert said.startswith("aligntax: error: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--upstream"),
        (["--upstream", "localhost:8000"], "http://127.0.0.1:8000"),
        (["--upstream", "http://user:SECRET@host"], "Authorization"),
        (["--upstream", "http://host", "--config", "missing.toml"], "missing.toml"),
        (["--upstream", "http://host", "--port", "65536"], "--port"),
        (["--upstream", "http://host", "--workers", "0"], "--workers"),
        (["--upstream", "http://host", "--workers", "2", "--metrics-port", "0"], "metrics_port=0"),
        (["--upstream", "http://host", "--idle-seconds", "0"], "idle_seconds=0"),
        (["--upstream", "http://host", "--max-header-bytes", "1"], "max_header_bytes=1"),
        (["--upstream", "http://host", "--keyfile", "key.pem"], "keyfile='key.pem' without certfile"),
        (["--upstream", "http://host", "--certfile", "missing.pem"], "certfile='missing.pem' is not there"),
        (["--upstream", "https://host", "--ca-file", "missing.pem"], "ca_file='missing.pem' is not there"),
        (["--upstream", "http://host", "--ready-path", "x", "--port", "0"], "ready_path='x'"),
        (["--upstream", "http://host", "--host", "nowhere.invalid"], "cannot listen there"),
        (["--upstream", "http://host", "--host", "192.0.2.1"], "cannot listen there"),
    ],
)
def test_wrong_arguments_are_one_line(capfd: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    said = run(capfd, *arguments)
    assert message in said
    assert "SECRET" not in said


@pytest.mark.parametrize("workers", [1, 2])
def test_a_token_file_that_is_missing_is_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, workers: int
) -> None:
    config = tmp_path / "aligntax.toml"
    config.write_text("[serving]\nmetrics_token_file = 'missing'\n", encoding="utf-8")
    said = run(
        capfd, "--upstream", "http://host", "--port", 0, "--metrics-port", 1, "--config", config, "--workers", workers
    )
    assert "metrics_token_file='missing' is not there" in said


def test_a_port_that_is_taken_and_an_upstream_that_is_the_proxy(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run(capfd, "--upstream", "http://host", "--port", port)
        assert f"--port {port}: cannot listen there (Address already in use)" in said
        said = run(capfd, "--upstream", "http://host", "--port", 0, "--metrics-port", port)
        assert str(port) in said
    for host in ("127.0.0.1", "localhost"):
        assert "this proxy itself" in run(capfd, "--upstream", f"http://{host}:{port}/base", "--port", port)


@pytest.mark.parametrize(
    "keywords", [{"port": -1}, {"workers": 0}, {"grace_seconds": -1}, {"keyfile": "x"}, {"port": 70_000}]
)
def test_where_it_cannot_listen(keywords: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(keywords))):
        Listening(**keywords)


@pytest.mark.parametrize(
    "keywords",
    [
        {"connect_seconds": 0},
        {"idle_seconds": -1},
        {"total_seconds": 0},
        {"first_byte_seconds": float("nan")},
        {"client_seconds": True},
        {"max_body_bytes": 0},
        {"max_header_bytes": 10},
        {"max_requests": 0},
    ],
)
def test_limits_that_are_none(keywords: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(keywords))):
        Limits(**keywords)


def test_help_names_every_option_and_has_examples(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["proxy", "--help"]) == 0
    out = capfd.readouterr().out
    for option in ("--upstream", "--config", "--host", "--workers", "--ready-path", "--max-body-bytes", "--forwarded"):
        assert option in out
    assert "Examples" in out


def test_without_its_packages_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules[{!r}] = None; from aligntax.cli import main; "
        "sys.exit(main(['proxy', '--upstream', 'http://host']))"
    )
    for package in ("aiohttp", "uvicorn"):
        done = subprocess.run([sys.executable, "-c", code.format(package)], capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert done.stderr == (
            f"aligntax: error: a proxy needs {package}, which is not installed; run: pip install 'aligntax[serve]'\n"
        )
