"""What the middleware costs a server: in process, and in throughput at saturation over loopback."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import measure
import result
import serving_apps
from measure import Arm
from result import Result, Row

ROUNDS, QUICK_ROUNDS = 30, 3
LOAD_ROUNDS, QUICK_LOAD_ROUNDS = 7, 1
REQUESTS, QUICK_REQUESTS = 1_000, 100
LOAD_SECONDS, CONNECTIONS = 1, 16
WORK_NS = 2_000_000
START_SECONDS = 30.0
BODY = b'{"model": "model", "messages": [{"role": "user", "content": "hello"}]}'
INSTRUMENTATOR, OTEL = "prometheus-fastapi-instrumentator", "OpenTelemetry's ASGI middleware"


def run(quick: bool) -> Result:
    """Ask the same application behind each middleware, in turns."""
    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk makes the load and is not installed; run: apt-get install wrk")
    rows = _in_process(QUICK_ROUNDS if quick else ROUNDS, QUICK_REQUESTS if quick else REQUESTS)
    agree = asyncio.run(_agree())
    for workers in (1, 2):
        for case, work_ns, wanted in (("an empty handler", 0, 0.94), ("2 ms of work", WORK_NS, 0.98)):
            rounds = QUICK_LOAD_ROUNDS if quick else LOAD_ROUNDS
            rows += _at_saturation(f"{case}, {_counted(workers)}", work_ns, workers, rounds, wanted)
    names = ("starlette", "uvicorn", "prometheus-fastapi-instrumentator", "opentelemetry-instrumentation-asgi")
    return Result(rows, agree, {"versions": result.versions(*names)})


def _counted(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


# -- in process ------------------------------------------------------------------------------------------------------


def _scope() -> dict[str, Any]:
    length = str(len(BODY)).encode()
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", length)]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": serving_apps.PATH,
        "raw_path": serving_apps.PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": BODY, "more_body": False}


async def _ask(application: Any, send: Callable[[Any], Any], times: int) -> None:
    for _ in range(times):
        await application(_scope(), _receive, send)


async def _drop(message: Any) -> None:
    pass


async def _agree() -> bool:
    """Return whether the client is sent the same by all of them."""
    answers = []
    for make in serving_apps.FACTORIES.values():
        sent: list[Any] = []

        async def keep(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        await _ask(make(), keep, 1)
        answers.append((sent[0]["status"], b"".join(each.get("body", b"") for each in sent)))
    return answers[0] == (200, b'{"choices":[]}') and len(set(answers)) == 1


def _in_process(rounds: int, requests: int) -> list[Row]:
    loop = asyncio.new_event_loop()

    def arm(make: Callable[[], Any]) -> Arm:
        application = make()

        def once() -> float:
            start_ns = perf_counter_ns()
            loop.run_until_complete(_ask(application, _drop, requests))
            return (perf_counter_ns() - start_ns) / requests / 1e3

        return once

    said = measure.interleave({name: arm(make) for name, make in serving_apps.FACTORIES.items()}, rounds)
    loop.close()
    added = {name: values - said["bare"] for name, values in said.items()}
    case = "in process: added to a request"
    more = {"bare_us": measure.median(said["bare"]).median}
    return [
        result.limited(case, measure.median(added["ours"]), 12, "us", 0.1, **more),
        result.compared(case, added["ours"], INSTRUMENTATOR, added[INSTRUMENTATOR], "us", 3),
        result.compared(case, added["ours"], OTEL, added[OTEL], "us", 15),
    ]


# -- over loopback ---------------------------------------------------------------------------------------------------


def _at_saturation(case: str, work_ns: int, workers: int, rounds: int, wanted: float) -> list[Row]:
    """Measure microseconds a request at the highest rate that each server keeps up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aligntax-serving-")))
        script = folder / "ask.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = [[{BODY.decode()}]]\nwrk.headers["Content-Type"] = "application/json"\n'
        )
        ports = {
            name: stack.enter_context(_server(make.__name__, work_ns, workers, folder))
            for name, make in serving_apps.FACTORIES.items()
        }
        said = measure.interleave({name: partial(_load, port, script) for name, port in ports.items()}, rounds)
    case = f"at saturation: {case}"
    rates = {name: 1e6 / measure.median(values).median for name, values in said.items()}
    return [
        result.compared(case, said["ours"], "without", said["bare"], "us", wanted, requests_per_second=rates),
        result.compared(case, said["ours"], INSTRUMENTATOR, said[INSTRUMENTATOR], "us"),
        result.compared(case, said["ours"], OTEL, said[OTEL], "us"),
    ]


def _load(port: int, script: Path) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_SECONDS}s", "-s", str(script), f"http://127.0.0.1:{port}"]
    output = subprocess.run(
        [*command[:-1], command[-1] + serving_apps.PATH], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in output.stdout or "Socket errors" in output.stdout:
        raise RuntimeError(f"wrk met errors: {output.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output.stdout)
    if found is None:
        raise RuntimeError(f"wrk said no rate: {output.stdout}")
    return 1e6 / float(found[1])


@contextmanager
def _server(factory: str, work_ns: int, workers: int, folder: Path) -> Iterator[int]:
    port = free_port()
    ledger = folder / f"{factory}-{port}"
    ledger.mkdir()
    environment: Mapping[str, str] = os.environ | {
        serving_apps.WORK_VARIABLE: str(work_ns),
        **({"ALIGNTAX_LEDGER_DIR": str(ledger)} if workers > 1 else {}),
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "uvicorn",
            f"serving_apps:{factory}",
            "--factory",
            "--port",
            str(port),
            "--workers",
            str(workers),
            "--no-access-log",
            "--log-level",
            "error",
        ],
        cwd=Path(__file__).parent,
        env=environment,
    )
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = START_SECONDS) -> None:
    """Wait until a server listens.

    Raises:
        RuntimeError: if it ends before, or takes longer.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not listen on port {port} within {seconds:.0f} s")
