"""Metrics by OTLP: what a receiver decodes is what the profiler reports, number by number."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from aligntax import Profiler
from aligntax.exporters import definitions
from aligntax.exporters.families import HistogramFamily
from aligntax.exporters.otlp import OtlpExporter
from aligntax.exporters.scrape import read_families
from aligntax.testing import FakeClock, taking

from .receiver import Receiver, plain

pytestmark = pytest.mark.usefixtures("no_otel_variables")

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
MILLISECOND = 1_000_000


def metrics_of(message: Any) -> dict[str, Any]:
    (of_resource,) = message.resource_metrics
    (of_scope,) = of_resource.scope_metrics
    assert of_scope.scope.name == "aligntax"
    metrics = {metric.name: metric for metric in of_scope.metrics}
    assert len(metrics) == len(of_scope.metrics)
    return metrics


def resource_of(message: Any) -> dict[str, Any]:
    (of_resource,) = message.resource_metrics
    return plain(of_resource.resource.attributes)


def sent_by(profiler: Profiler, receiver: Receiver, **settings: Any) -> Any:
    exporter = OtlpExporter(profiler, endpoint=receiver.url, **settings)
    with exporter:
        assert exporter.push()
    assert (exporter.failed_reports, exporter.lost_spans) == (0, 0)
    return receiver.messages("/v1/metrics")[0]


def test_every_number_of_every_metric_arrives(busy: Profiler, receiver: Receiver) -> None:
    metrics = metrics_of(sent_by(busy, receiver))
    families = read_families(busy)
    names = {
        f"{family.definition.name}_info" if family.definition.type == "info" else family.definition.name: family
        for family in families
    }
    assert list(names) == list(metrics)
    assert {family.definition for family in families} == set(definitions.DEFINITIONS), "one metric is not tested"
    for name, family in names.items():
        metric, definition = metrics[name], family.definition
        assert metric.description == definition.help
        assert metric.unit == {"seconds": "s", "joules": "J", "bytes": "By", "ratio": "1", "": ""}[definition.unit]
        points = {
            tuple(plain(point.attributes)[label] for label in definition.labels): point
            for point in getattr(metric, metric.WhichOneof("data")).data_points
        }
        assert len(points) == len(family.series)
        assert all(len(point.attributes) == len(definition.labels) for point in points.values())
        if isinstance(family, HistogramFamily):
            assert metric.WhichOneof("data") == "histogram"
            assert metric.histogram.aggregation_temporality == 2  # cumulative
            for series in family.series:
                point = points[series.labels]
                assert tuple(point.explicit_bounds) == definition.bounds
                assert np.cumsum(point.bucket_counts).tolist() == list(series.cumulative)
                assert (point.count, point.sum) == (series.cumulative[-1], series.total)
                assert not point.HasField("min")
                assert not point.HasField("max")
            continue
        if definition.type == "counter":
            assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (2, True)
        else:
            assert metric.WhichOneof("data") == "gauge"
        for labels, value in family.series:
            assert getattr(points[labels], points[labels].WhichOneof("value")) == value


def test_the_sums_are_those_of_the_report(busy: Profiler, receiver: Receiver) -> None:
    metrics = metrics_of(sent_by(busy, receiver))
    report = busy.report().to_dict()
    tax = metrics["aligntax_request_tax_seconds"].histogram.data_points
    assert sum(point.sum for point in tax) == pytest.approx(report["request"]["tax_seconds"]["sum"], rel=1e-12)
    assert sum(point.count for point in tax) == report["request"]["tax_seconds"]["n"]
    requests = metrics["aligntax_request_duration_seconds"].histogram.data_points
    assert sum(point.count for point in requests) == report["requests"]
    verdicts: dict[str, dict[str, int]] = {}
    for point in metrics["aligntax_layer_verdicts"].sum.data_points:
        labels = plain(point.attributes)
        if point.as_int:
            verdicts.setdefault(labels["layer"], {})[labels["verdict"]] = point.as_int
    guards = {layer["layer"]: layer["verdicts"] for layer in report["layers"] if layer["kind"] == "guard"}
    assert verdicts == guards


def test_counters_start_when_the_profiler_did_and_time_goes_on(receiver: Receiver) -> None:
    clock = FakeClock(5_000)
    profiler = Profiler(clock=clock, cpu_share=0, drain_seconds=0)
    guard = profiler.guard(taking(clock, MILLISECOND), name="guard")
    clock.advance(MILLISECOND)
    before_ns = time.time_ns()
    exporter = OtlpExporter(profiler, endpoint=receiver.url, traces_share=0)
    after_ns = time.time_ns()
    counts = []
    with exporter:
        for _ in range(2):
            with profiler.request():
                guard()
            assert exporter.push()
    starts, ends = set(), []
    for message in receiver.messages("/v1/metrics")[:2]:
        points = metrics_of(message)["aligntax_layer_duration_seconds"].histogram.data_points
        starts.add(points[0].start_time_unix_nano)
        ends.append(points[0].time_unix_nano)
        counts.append(points[0].count)
    (start_ns,) = starts
    assert before_ns - MILLISECOND <= start_ns <= after_ns - MILLISECOND
    assert [end_ns - start_ns for end_ns in ends] == [2 * MILLISECOND, 3 * MILLISECOND]
    assert counts == [1, 2]


def test_exemplars_carry_trace_ids_that_are_some(receiver: Receiver) -> None:
    clock = FakeClock()
    profiler = Profiler(clock=clock, cpu_share=0, drain_seconds=0)
    guard = profiler.guard(taking(clock, 2 * MILLISECOND), name="guard")
    for trace_id, wait_ns in ((TRACE_ID, 0), ("my own", 20 * MILLISECOND), ("0" * 32, 200 * MILLISECOND)):
        with profiler.request(model="m", trace_id=trace_id):
            guard()
            clock.advance(wait_ns)
    metrics = metrics_of(sent_by(profiler, receiver, traces_share=0))
    points = metrics["aligntax_request_duration_seconds"].histogram.data_points
    (exemplar,) = (exemplar for point in points for exemplar in point.exemplars)
    assert exemplar.trace_id.hex() == TRACE_ID
    assert exemplar.as_double == 0.002
    assert exemplar.time_unix_nano - points[0].start_time_unix_nano == 2 * MILLISECOND
    assert not any(exemplar.span_id), "no span id is known"


def test_reports_come_by_themselves_and_once_more_at_the_end(receiver: Receiver, profiler: Profiler) -> None:
    with OtlpExporter(profiler, seconds=0.005, endpoint=receiver.url):
        receiver.wait_for("/v1/metrics", 3)
    with OtlpExporter(profiler, seconds=3600, endpoint=receiver.url):
        before = len(receiver.messages("/v1/metrics"))
    assert len(receiver.messages("/v1/metrics")) == before + 1


def test_settings_come_from_the_environment(
    profiler: Profiler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "chat")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.instance.id=one")
    with OtlpExporter(profiler, traces_share=1), profiler.request():
        pass
    for received in receiver.received:
        assert received.headers["authorization"] == "Bearer secret"
        assert received.headers["content-encoding"] == "gzip"
        assert received.headers["content-type"] == "application/x-protobuf"
    said = resource_of(receiver.messages("/v1/metrics")[0])
    assert (said["service.name"], said["deployment.environment"], said["service.instance.id"]) == (
        "chat",
        "test",
        "one",
    )
    (of_resource,) = receiver.messages("/v1/traces")[0].resource_spans
    assert plain(of_resource.resource.attributes) == said


def test_settings_given_go_before_the_environment(
    profiler: Profiler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    sent_by(profiler, receiver, headers={"X-Key": "1"})
    assert receiver.received[0].headers["x-key"] == "1"
    said = resource_of(receiver.received[0].message)
    assert said["service.name"] == "aligntax"
    assert len(said["service.instance.id"]) == 36


def test_workers_tell_themselves_apart(receiver: Receiver, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-1")
    with Profiler(drain_seconds=0, ledger_dir=tmp_path) as profiler:
        said = resource_of(sent_by(profiler, receiver, traces_share=0))
    assert said["service.instance.id"].startswith("pod-1.")


def test_a_disabled_sdk_sends_nothing(profiler: Profiler, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with OtlpExporter(profiler, endpoint=receiver.url):
        pass
    assert receiver.attempts == {"/v1/metrics": 0, "/v1/traces": 0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 0}, "seconds=0"),
        ({"seconds": float("nan")}, "seconds=nan"),
        ({"traces_share": 1.5}, r"traces_share=1\.5 is not a share"),
        ({"timeout": 0}, "timeout=0"),
        ({"endpoint": "127.0.0.1:4318"}, "endpoint='127.0.0.1:4318' is no address; use one like 'http"),
        ({"endpoint": "http://"}, "endpoint='http://'"),
        ({"endpoint": "http://host:99999"}, "is no address"),
        ({"endpoint": "http://host?key=1"}, "is no address"),
        ({"headers": {"bad name": "x"}}, "headers: 'bad name'"),
    ],
)
def test_bad_settings_are_refused(profiler: Profiler, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OtlpExporter(profiler, **settings)


def test_no_message_repeats_a_header(profiler: Profiler) -> None:
    with pytest.raises(ValueError, match="headers: 'authorization'") as refused:
        OtlpExporter(profiler, headers={"authorization": "secret\r\nx: y"})
    assert "secret" not in str(refused.value)


def test_another_protocol_is_refused(profiler: Profiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ValueError, match=r"OTEL_EXPORTER_OTLP_PROTOCOL='grpc'.*pass endpoint="):
        OtlpExporter(profiler)


@pytest.mark.parametrize("said", ["many", "0", "1", "-5"])
def test_a_bad_queue_size_is_refused(profiler: Profiler, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", said)
    with pytest.raises(ValueError, match=f"OTEL_BSP_MAX_QUEUE_SIZE='{said}'"):
        OtlpExporter(profiler).start()


def test_it_is_started_once_and_pushed_while_it_runs(profiler: Profiler, receiver: Receiver) -> None:
    exporter = OtlpExporter(profiler, endpoint=receiver.url)
    with pytest.raises(RuntimeError, match="start it before you push"):
        exporter.push()
    with exporter, pytest.raises(RuntimeError, match="close it before you start it again"):
        exporter.start()
    exporter.close()
    with exporter:
        assert exporter.push()
