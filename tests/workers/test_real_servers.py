"""uvicorn and gunicorn with two workers: one of them is killed, and the sum over HTTP goes on."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WANTED = ("uvicorn", "gunicorn")
for package in WANTED:
    if importlib.util.find_spec(package) is None:
        pytest.fail(f"{package} is not installed; pip install 'aligntax[dev]'", pytrace=False)

UVICORN = (
    "-m",
    "uvicorn",
    "application:application",
    "--host",
    "127.0.0.1",
    "--workers",
    "2",
    "--log-level",
    "warning",
)
GUNICORN = ("-m", "gunicorn", "application:application", "--workers", "2", "--log-level", "warning")
BIND = ("--bind", "127.0.0.1:{port}")
SERVERS = {
    "uvicorn": (*UVICORN, "--host", "127.0.0.1", "--port", "{port}"),
    "gunicorn": (*GUNICORN, *BIND, "--worker-class", "asgi"),
    "gunicorn, loaded before the fork": (*GUNICORN, *BIND, "--worker-class", "asgi", "--preload"),
    "gunicorn with uvicorn's workers": (*GUNICORN, *BIND, "--worker-class", "uvicorn.workers.UvicornWorker"),
}
DURATION = "aligntax_request_duration_seconds_count"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def get(port: int, path: str = "/") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        reply = connection.getresponse()
        assert reply.status == 200
        return reply.read().decode()
    finally:
        connection.close()


def eventually(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Return the first answer that is true; a server that starts or restarts says nothing that could be waited for."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = what()
            if answer:
                return answer
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[int, int, subprocess.Popen[str]]]:
    """Port of the application, port of the metrics, and the running process."""
    port, metrics = free_port(), free_port()
    environment = {**os.environ, "LEDGER_DIR": str(folder), "METRICS_PORT": str(metrics), "PYTHONPATH": str(HERE)}
    command = [sys.executable, *(argument.format(port=port) for argument in SERVERS[request.param])]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield port, metrics, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_two_workers(server: tuple[int, int, subprocess.Popen[str]], samples: Any, folder: Path) -> None:
    port, metrics, process = server

    def counted() -> float:
        page = samples(get(metrics, "/metrics"))
        return float(sum(value for (name, _), value in page.items() if name == DURATION))

    def both() -> set[str]:
        pids.append(get(port))
        return set(pids) if len(set(pids)) > 1 else set()

    pids: list[str] = []
    first = eventually(both)
    assert len(first) == 2
    eventually(lambda: counted() == len(pids))

    victim = pids[-1]
    os.kill(int(victim), signal.SIGKILL)
    seen = [eventually(counted) for _ in range(5)]
    assert seen == [len(pids)] * 5

    def restarted() -> bool:
        pids.append(get(port))
        return len(set(pids)) > 2

    before = len(pids)
    eventually(restarted)
    # A request may have died with the worker, and not have been answered; none is counted that was not made.
    eventually(lambda: counted() == len(pids))
    assert len(pids) > before
    assert victim not in pids[before:]

    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=30)[1]
    assert "Traceback" not in errors
    assert [path for path in folder.iterdir() if path.suffix == ".partial"] == []
    assert total_of(folder) == len(pids)


def total_of(folder: Path) -> int:
    """Return what the folder says after the server has ended, to whoever takes it over."""
    program = (
        "import sys; from aligntax import Profiler; "
        "print(Profiler(ledger_dir=sys.argv[1]).report().to_dict()['requests'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    return int(run.stdout)
