"""The middleware in BentoML: a service that `bentoml serve` runs, asked over the network."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import openai
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serving.calling import CHAT
from tests.serving.upstream import asking, content_of

# A cold cache of compiled guards delays the first request by many seconds.
pytestmark = pytest.mark.timeout(180)
START_SECONDS = 100.0
DURATION = "aligntax_request_duration_seconds_count"
REFUSAL = "This request was blocked by a safety guard."
ROUTES = ("/say", "/say_on_a_thread", "/stream", "/stream_from_a_thread", "/ask_itself", "/fail")
MODELS = ("whole", "openai", "stream", "itself", "inside", "failing", "leaving", "bento", "unread")
SETTINGS = """
[serving]
model = "any"
models = [{models}]
routes = {{ {routes} }}
metrics_port = {metrics}
traces_share = 1.0
{more}

[[guards]]
use = "blocklist"
patterns = ["forbidden"]
on_hit = "block"

[[guards]]
use = "pii"
stage = "stream"
"""


class Server(NamedTuple):
    """A running service: its address, that of its metrics, the supervisor of its workers, and its log."""

    url: str
    metrics: str
    process: subprocess.Popen[bytes]
    log: Path

    def count(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series that have these labels."""
        text = httpx.get(f"{self.metrics}/metrics").text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return float(sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items()))

    def outcomes(self, model: str) -> dict[str, int]:
        """Return how many requests of a model ended how."""
        ways = ("allowed", "modified", "blocked_input", "blocked_output", "error", "timeout", "cancelled")
        found = {outcome: int(self.count(DURATION, model=model, outcome=outcome)) for outcome in ways}
        return {outcome: number for outcome, number in found.items() if number}

    def say(self, path: str, content: str, model: str, **more: Any) -> str:
        """Return the text of an answer, or the refusal."""
        answer = httpx.post(self.url + path, json=asking(content) | {"model": model} | more, timeout=60)
        assert answer.status_code == 200, answer.text
        message = answer.json()["choices"][0]["message"]
        return str(message["content"] or message["refusal"])

    def release(self) -> None:
        """Let a stream of the service go on."""
        httpx.post(f"{self.url}/release", json={}, timeout=60).raise_for_status()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def eventually(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Return the first answer that is true; a server that starts or restarts says nothing that could be waited for."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if answer := what():
                return answer
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def serving(folder: Path, workers: int, more: str = "", **variables: str) -> Iterator[Server]:
    """Run `bentoml serve` in an environment with some variables, and end it with all of its workers."""
    port, metrics = free_port(), free_port()
    config, log = folder / "aligntax.toml", folder / "server.log"
    routes = ", ".join(f'"{path}" = "chat"' for path in ROUTES)
    models = ", ".join(f'"{name}"' for name in MODELS)
    config.write_text(SETTINGS.format(models=models, routes=routes, metrics=metrics, more=more), encoding="utf-8")
    environment = {
        **os.environ,
        **variables,
        "ALIGNTAX_CONFIG": str(config),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(folder / "home"),
        "WORKERS": str(workers),
    }
    command = [str(Path(sys.executable).with_name("bentoml")), "serve", "bento_service:Chat", "--host", "127.0.0.1"]
    options = ["--port", str(port), "--working-dir", str(Path(__file__).parent)]
    with log.open("wb") as output:
        process = subprocess.Popen(command + options, stdout=output, stderr=output, env=environment, cwd=folder)
    server = Server(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}", process, log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(server.url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield server
    finally:
        if process.poll() is None:
            workers_left = psutil.Process(process.pid).children(recursive=True)
            for each in (process, *workers_left):  # the first would start the others again
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def end(server: Server) -> str:
    """End a server as an operator does, and return its log."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    return server.log.read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, whose service marks its model calls on a profiler of its own."""
    with serving(tmp_path_factory.mktemp("bentoml"), workers=1) as server:
        yield server


@pytest.mark.parametrize("path", [CHAT, "/say", "/say_on_a_thread"])
def test_requests_are_guarded_counted_and_taxed(server: Server, path: str) -> None:
    def counts() -> list[float]:
        outcomes = [server.count(DURATION, model="whole", outcome=way) for way in ("modified", "blocked_input")]
        calls = server.count("aligntax_model_duration_seconds_count", model="net")
        taxed = server.count("aligntax_request_tax_seconds_count", model="whole")
        return [*outcomes, calls, taxed]

    before = counts()
    for _ in range(2):
        assert server.say(path, "hello", "whole").startswith("write to [email], or do not (")
    assert server.say(path, "forbidden", "whole") == REFUSAL
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [2, 1, 2, 2]


@pytest.mark.parametrize("path", [CHAT, "/stream", "/stream_from_a_thread"])
def test_streams_are_guarded_while_they_come(server: Server, path: str) -> None:
    before = server.outcomes("stream").get("modified", 0)
    asked = asking("hello", stream=True) | {"model": "stream"}
    with httpx.stream("POST", server.url + path, json=asked, timeout=60) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = answer.iter_raw()
        body = next(pieces)
        if path != "/stream_from_a_thread":
            assert content_of(body) == "write "
            server.release()  # without which no more would come
        body += b"".join(pieces)
    assert content_of(body) == "write to [email], or do not "
    assert body.endswith(b"data: [DONE]\n\n")
    assert eventually(lambda: server.outcomes("stream").get("modified", 0) == before + 1)


def test_a_client_that_leaves_a_stream(server: Server) -> None:
    asked = asking("hello", stream=True) | {"model": "leaving"}
    with httpx.stream("POST", server.url + CHAT, json=asked, timeout=60) as answer:
        next(answer.iter_raw())
    assert eventually(lambda: server.outcomes("leaving") == {"cancelled": 1})


def test_openais_client(server: Server) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0) as client:
        for content, reason in (("hello", "stop"), ("forbidden", "content_filter")):
            messages: Any = [{"role": "user", "content": content}]
            whole = client.chat.completions.create(model="openai", messages=messages)
            assert whole.choices[0].finish_reason == reason
            if reason == "content_filter":  # else the stream would wait
                stream = client.chat.completions.create(model="openai", messages=messages, stream=True)
                assert [chunk.choices[0].finish_reason for chunk in stream][-1] == reason
    assert server.outcomes("openai") == {"modified": 1, "blocked_input": 2}


def test_bentomls_client(server: Server) -> None:
    program = (
        "import sys, bentoml\n"
        "with bentoml.SyncHTTPClient(sys.argv[1]) as client:\n"
        "    for content in ('hello', 'forbidden'):\n"
        "        asked = {'messages': [{'role': 'user', 'content': content}], 'model': 'bento'}\n"
        "        message = client.say(**asked)['choices'][0]['message']\n"
        "        print(message['content'] or message['refusal'])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, server.url], capture_output=True, text=True, timeout=60, check=True
    )
    redacted, refused = run.stdout.splitlines()
    assert redacted.startswith("write to [email]")
    assert refused == REFUSAL
    assert server.outcomes("bento") == {"modified": 1, "blocked_input": 1}


def test_a_service_that_asks_itself(server: Server) -> None:
    """BentoML leads such a request through the whole application again, in the context of the first one."""
    assert server.say("/ask_itself", "hello", "itself", inside="hello").startswith("write to [email]")
    assert server.say("/ask_itself", "hello", "itself", inside="forbidden") == REFUSAL
    assert server.outcomes("inside") == {"modified": 1, "blocked_input": 1}
    assert server.outcomes("itself") == {"allowed": 2}


def test_an_api_that_fails(server: Server) -> None:
    answer = httpx.post(f"{server.url}/fail", json=asking("hello") | {"model": "failing"}, timeout=60)
    assert answer.status_code == 500
    assert server.outcomes("failing") == {"error": 1}


def test_a_prompt_that_no_guard_can_read_is_refused_before_bentoml_reads_it(server: Server) -> None:
    answer = httpx.post(f"{server.url}/say", json={"messages": 5, "model": "unread"}, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unreadable_prompt"
    assert server.outcomes("unread") == {}


def test_all_else_passes_untouched(server: Server) -> None:
    before = server.count(DURATION)
    echo = httpx.post(f"{server.url}/echo", json={"text": "forbidden: jo@example.com"}, timeout=60)
    assert echo.text == "forbidden: jo@example.com"
    assert httpx.post(f"{server.url}/echo", json={"wrong": 1}, timeout=60).status_code == 400
    assert "bentoml_service_request_total" in httpx.get(f"{server.url}/metrics").text
    assert server.count(DURATION) == before


@pytest.mark.timeout(240)
def test_workers_count_together_until_the_server_ends(tmp_path: Path) -> None:
    ledgers, traces = tmp_path / "ledgers", tmp_path / "traces.jsonl"
    together = {"ALIGNTAX_LEDGER_DIR": str(ledgers), "ALIGNTAX_SERVER": "chat"}
    pids: list[str] = []

    def seen(server: Server, workers: int) -> bool:
        pids.append(re.findall(r"\((\d+)\)", server.say("/say", "hello", "whole"))[0])
        return len(set(pids)) >= workers

    with serving(tmp_path, 2, f'traces_file = "{traces}"', **together) as server:
        eventually(lambda: seen(server, 2))
        eventually(lambda: server.outcomes("whole") == {"modified": len(pids)})
        os.kill(int(pids[-1]), signal.SIGKILL)
        assert server.outcomes("whole") == {"modified": len(pids)}
        eventually(lambda: seen(server, 3), START_SECONDS)
        traced = len(traces.read_text(encoding="utf-8").splitlines())
        for _ in range(3):
            seen(server, 3)
        log = end(server)
    assert len(traces.read_text(encoding="utf-8").splitlines()) >= traced + 3  # the last ones, too
    assert "Traceback" not in log
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.metrics)
    program = "import sys, aligntax; print(aligntax.Profiler(ledger_dir=sys.argv[1]).report().to_dict()['requests'])"
    run = subprocess.run(
        [sys.executable, "-c", program, str(ledgers)], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(run.stdout) == len(pids)
