"""A collector that is down, slow, broken or resets; full queues, forks and missing packages: nobody waits or fails."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from aligntax import Profiler
from aligntax.exporters.otlp import OtlpExporter

from .receiver import Receiver

pytestmark = pytest.mark.usefixtures("no_otel_variables")


_EARLIER: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    """Note the threads of what lives as long as the test run, such as the target of an experiment."""
    _EARLIER.clear()
    _EARLIER.update(threading.enumerate())


def own_threads() -> list[str]:
    found = [thread for thread in threading.enumerate() if thread not in _EARLIER]
    return [thread.name for thread in found if thread.name.startswith(("aligntax", "Otel"))]


def one_request(profiler: Profiler) -> None:
    with profiler.request():
        pass
    profiler.drain()


def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def exported_drops(profiler: Profiler) -> int:
    return profiler.report().to_dict()["self"]["dropped_by_reason"].get("export", 0)


@pytest.mark.parametrize("status", [400, 500, 503, 0], ids=["400", "500", "503", "reset"])
def test_a_collector_that_fails_costs_counted_spans_and_one_line_in_the_log(
    status: int, profiler: Profiler, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = status
    exporter = OtlpExporter(profiler, endpoint=receiver.url, traces_share=1, timeout=0.3)
    with caplog.at_level(logging.INFO), exporter:
        one_request(profiler)
        assert not exporter.push()
        one_request(profiler)
    assert receiver.received == []
    assert (exporter.failed_reports, exporter.lost_spans) == (2, 2)
    assert exported_drops(profiler) == 2
    assert own_threads() == []
    assert [record.name for record in caplog.records] == ["aligntax"]
    assert "metrics did not get to the OpenTelemetry collector (" in caplog.text
    if status in {400, 500}:  # of one that is worth another try, the SDK says in the end that time is up
        assert f"code: {status}" in caplog.text


def test_a_collector_that_is_down_and_comes_back_misses_no_count(
    profiler: Profiler, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    with OtlpExporter(profiler, endpoint=receiver.url, traces_share=0, timeout=0.3) as exporter:
        one_request(profiler)
        assert not exporter.push()
        receiver.status = 200
        one_request(profiler)
        assert exporter.push()
    (of_scope,) = receiver.messages("/v1/metrics")[0].resource_metrics[0].scope_metrics
    (duration,) = (metric for metric in of_scope.metrics if metric.name == "aligntax_request_duration_seconds")
    assert sum(point.count for point in duration.histogram.data_points) == 2
    assert len(caplog.records) == 1


def test_nobody_there(profiler: Profiler, caplog: pytest.LogCaptureFixture) -> None:
    exporter = OtlpExporter(profiler, endpoint=free_url(), traces_share=1, timeout=0.3)
    with exporter:
        one_request(profiler)
    assert (exporter.failed_reports, exporter.lost_spans) == (1, 1)
    assert len(caplog.records) == 1
    assert own_threads() == []


def test_an_error_is_logged_by_its_type(profiler: Profiler, caplog: pytest.LogCaptureFixture) -> None:
    """Its text quotes the address, in which there may be a key."""
    with OtlpExporter(profiler, endpoint=f"{free_url()}/key", traces_share=0, timeout=1.5):
        pass
    (record,) = caplog.records
    assert "collector (ConnectionError); further" in record.getMessage()
    assert "key" not in record.getMessage()


def test_what_the_sdk_says_to_others_is_still_said(caplog: pytest.LogCaptureFixture, profiler: Profiler) -> None:
    with OtlpExporter(profiler, endpoint=free_url(), traces_share=0, timeout=0.1):
        pass
    logging.getLogger("opentelemetry.exporter.otlp.proto.http.metric_exporter").warning("of the application's own")
    assert caplog.records[-1].getMessage() == "of the application's own"


def test_a_slow_collector_keeps_no_request_waiting_and_the_queue_is_bounded(
    profiler: Profiler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    receiver.let_go.clear()
    guard = profiler.guard(len, name="guard")
    exporter = OtlpExporter(profiler, endpoint=receiver.url, traces_share=1)
    with exporter:
        one_request(profiler)
        receiver.wait_for_attempts("/v1/traces", 1)  # the sender hangs from here on
        for _ in range(100):
            with profiler.request():
                guard("x")
        profiler.drain()
        # Ten whole requests of two spans find room. The rest are lost as a whole, and nobody has waited.
        assert exporter.lost_spans == 2 * 90
        receiver.let_go.set()
    assert len(receiver.spans) == 1 + 20
    assert exporter.lost_spans == exported_drops(profiler) == 2 * 90
    assert len(caplog.records) == 1
    by_request: dict[bytes, set[str]] = {}
    for span in receiver.spans:
        by_request.setdefault(span.trace_id, set()).add(span.name)
    assert sorted(map(len, by_request.values())) == [1] + [2] * 10


def test_closing_does_not_wait_for_a_collector_that_hangs(profiler: Profiler, receiver: Receiver) -> None:
    receiver.let_go.clear()
    exporter = OtlpExporter(profiler, endpoint=receiver.url, traces_share=1, timeout=0.2).start()
    for _ in range(2000):  # four batches, each of which could wait that long
        with profiler.request():
            pass
    closing = threading.Thread(target=exporter.close)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    assert exporter.failed_reports == 1
    assert exporter.lost_spans == 2000
    assert receiver.attempts["/v1/traces"] <= 2
    assert own_threads() == []


def test_what_is_drained_after_the_close_is_not_sent(profiler: Profiler, receiver: Receiver) -> None:
    exporter = OtlpExporter(profiler, endpoint=receiver.url, traces_share=1)
    exporter.start()
    running = exporter._running
    assert running is not None
    traces = running.traces
    assert traces is not None
    exporter.close()
    one_request(profiler)
    assert exporter.lost_spans == 0, "it is no subscriber any more"
    with profiler.request() as request:
        pass
    traces(request.trace, None)  # type: ignore[arg-type]
    assert (exporter.lost_spans, receiver.spans) == (1, [])


class BrokenSensor:
    failures = 0

    def read(self) -> list[Any]:
        raise RuntimeError("the secret reason")


def test_a_report_that_cannot_be_made_is_counted(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    profiler = Profiler(drain_seconds=0, sensors=[BrokenSensor()])
    with OtlpExporter(profiler, endpoint=receiver.url) as exporter:
        assert not exporter.push()
    assert exporter.failed_reports == 2
    (record,) = caplog.records
    assert "RuntimeError" in record.getMessage()
    assert "secret" not in caplog.text


def test_the_program_s_end_sends_what_there_is(receiver: Receiver) -> None:
    program = f"""
from aligntax import Profiler
from aligntax.exporters.otlp import OtlpExporter
profiler = Profiler()
OtlpExporter(profiler, endpoint={receiver.url!r}, traces_share=1).start()
with profiler.request():
    pass
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert len(receiver.spans) == len(receiver.messages("/v1/metrics")) == 1


FORK = """
import os, signal, sys, threading
from aligntax import Profiler
from aligntax.exporters.otlp import OtlpExporter

signal.alarm(60)
profiler = Profiler(drain_seconds=0)
exporter = OtlpExporter(profiler, endpoint=sys.argv[1], traces_share=1).start()
assert exporter.push()
for lock in (exporter._lock, exporter._running.pushing, exporter._running.traces._lock):
    lock.acquire()
child = os.fork()
if child == 0:
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"], threading.enumerate()
    with profiler.request():
        pass
    profiler.drain()
    exporter.close()
    exporter.start()
    with profiler.request(trace_id="c" * 32):
        pass
    exporter.close()
    assert (exporter.failed_reports, exporter.lost_spans) == (0, 0)
    os._exit(0)
for lock in (exporter._lock, exporter._running.pushing, exporter._running.traces._lock):
    lock.release()
assert os.waitpid(child, 0)[1] == 0
with profiler.request(trace_id="a" * 32):
    pass
exporter.close()
assert (exporter.failed_reports, exporter.lost_spans) == (0, 0)
"""


def test_a_forked_child_sends_only_once_it_starts_anew(receiver: Receiver) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, receiver.url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert sorted(span.trace_id.hex()[0] for span in receiver.spans) == ["a", "c"]
    assert len(receiver.messages("/v1/metrics")) == 3
    instances = {
        pair.value.string_value
        for message in receiver.messages("/v1/metrics")
        for pair in message.resource_metrics[0].resource.attributes
        if pair.key == "service.instance.id"
    }
    assert len(instances) == 2


def test_a_missing_extra_names_the_command() -> None:
    program = """
import sys
sys.modules["opentelemetry.exporter.otlp.proto.http"] = None
try:
    import aligntax.exporters.otlp
except ModuleNotFoundError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.endswith("which is not installed; run: pip install 'aligntax[otel]'\n")


def test_nothing_of_it_is_loaded_without_need() -> None:
    program = "import sys, aligntax; aligntax.Profiler().report(); print('opentelemetry' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "False\n"
