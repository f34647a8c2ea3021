"""A real Prometheus server scrapes us, and its answers to queries are compared with the report."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve
from aligntax.testing import FakeClock, taking

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="the prometheus server program is not installed"
)

PATIENCE_SECONDS = 60
MILLISECOND = 1_000_000
NASTY = 'quote " backslash \\ percent %s unicode λ'
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Prometheus:
    """One running server: answers to its HTTP API."""

    def __init__(self, url: str, fetch: Callable[..., Any], process: subprocess.Popen[bytes]) -> None:
        self._url = url
        self._fetch = fetch
        self._process = process

    def ask(self, path: str, **parameters: str) -> Any:
        reply = self._fetch(f"{self._url}/api/v1/{path}?{urlencode(parameters)}")
        assert reply.status == 200, reply.body
        return json.loads(reply.body)["data"]

    def value(self, query: str) -> float | None:
        """The value of a query with one result; None as long as there is none."""
        result = self.ask("query", query=query)["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    def wait_for(self, query: str, wanted: float) -> None:
        """Poll until a query has the value that a scrape will bring."""
        last: object = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "prometheus has ended"
            try:
                last = self.value(query)
            except (ConnectionError, AssertionError) as error:  # it is starting, and says 503
                last = error
            if last == wanted:
                return
            time.sleep(0.05)
        pytest.fail(f"{query} is {last!r} after {PATIENCE_SECONDS} s and not {wanted}")


@pytest.fixture(scope="module")
def measured() -> Profiler:
    """A hundred requests, most of them with 7 ms of tax on 40 ms."""
    clock = FakeClock()
    profiler = Profiler(clock=clock, cpu_share=0, drain_seconds=0)
    fast = profiler.guard(taking(clock, 7 * MILLISECOND), name=NASTY, stage="input")
    slow = profiler.guard(taking(clock, 300 * MILLISECOND), name="slow", stage="output")
    model = profiler.model(taking(clock, 40 * MILLISECOND), name="gpt2")
    for number in range(100):
        with profiler.request(trace_id=TRACE_ID if number == 99 else None):
            answer = model(fast("text"))
            if number % 10 == 0:
                slow(answer)
    return profiler


@pytest.fixture(scope="module")
def server(measured: Profiler) -> Iterator[MetricsServer]:
    with serve(measured, port=0, username="scraper", password="secret") as running:  # noqa: S106 (a test's)
        yield running


@pytest.fixture(scope="module")
def prometheus(
    server: MetricsServer, fetch: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    job = {
        "job_name": "aligntax",
        "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}],
        "basic_auth": {"username": "scraper", "password": "secret"},
    }
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield Prometheus(f"http://{address}", fetch, process)
        finally:
            process.terminate()
            process.wait(30)
    assert "scrape" not in log.read_text(encoding="utf-8"), "something about the scrapes was worth a warning"


def test_prometheus_has_the_numbers_of_the_report(measured: Profiler, prometheus: Prometheus) -> None:
    prometheus.wait_for("sum(aligntax_request_duration_seconds_count)", 100)
    tax = measured.report().to_dict()["request"]["tax_seconds"]

    assert prometheus.value('up{job="aligntax"}') == 1
    assert prometheus.value("sum(aligntax_request_tax_seconds_sum)") == tax["sum"]
    assert prometheus.value("sum(aligntax_request_tax_seconds_count)") == tax["n"]
    shares = prometheus.value("sum(aligntax_layer_tax_seconds_sum)")
    assert shares == pytest.approx(tax["sum"], rel=1e-12)

    # 90 requests lie in the bucket (5 ms, 10 ms] and 10 in (250 ms, 500 ms]; Prometheus interpolates in them.
    median = prometheus.value("histogram_quantile(0.5, sum by (le) (aligntax_request_tax_seconds_bucket))")
    assert median == pytest.approx(0.005 + 0.005 * 50 / 90)
    assert 0.005 < tax["p50"] <= 0.01
    last = prometheus.value("histogram_quantile(0.99, sum by (le) (aligntax_request_tax_seconds_bucket))")
    assert last == pytest.approx(0.25 + 0.25 * 9 / 10)
    assert 0.25 < tax["p99"] <= 0.5

    layers = prometheus.ask("query", query="aligntax_layer_info")["result"]
    assert {layer["metric"]["layer"] for layer in layers} == {NASTY, "slow", "gpt2"}
    kinds = prometheus.ask("query", query="count by (kind) (aligntax_layer_info)")["result"]
    assert {kind["metric"]["kind"]: kind["value"][1] for kind in kinds} == {"guard": "2", "model": "1"}


def test_prometheus_takes_types_units_and_exemplars(prometheus: Prometheus) -> None:
    prometheus.wait_for("sum(aligntax_request_duration_seconds_count)", 100)

    known = prometheus.ask("metadata", metric="aligntax_request_tax_seconds")["aligntax_request_tax_seconds"]
    assert [(entry["type"], entry["unit"]) for entry in known] == [("histogram", "seconds")]
    window = {"start": str(time.time() - 300), "end": str(time.time() + 300)}
    exemplars = prometheus.ask("query_exemplars", query="aligntax_request_tax_seconds_bucket", **window)
    found = [(e["labels"]["trace_id"], float(e["value"])) for series in exemplars for e in series["exemplars"]]
    assert found == [(TRACE_ID, 0.007)]
