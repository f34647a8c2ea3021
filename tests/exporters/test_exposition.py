"""Our text against `prometheus_client`, which renders the same families its own way, and against promtool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from aligntax import Profiler
from aligntax.exemplars import Exemplar
from aligntax.exporters.definitions import DEFINITIONS, LAYER_CPU, LAYER_INFO, REQUEST_TAX
from aligntax.exporters.exposition import Exposition
from aligntax.exporters.families import Histogram, HistogramFamily, Sample, SampleFamily
from aligntax.exporters.prometheus import ProfilerCollector
from aligntax.exporters.scrape import read_families

Parser = Callable[[str], Iterable[Metric]]

FORMATS: dict[str, tuple[bool, Parser, Callable[[Any], bytes]]] = {
    "text": (False, parse_text, generate_latest),
    "openmetrics": (True, parse_openmetrics, generate_openmetrics),
}


def rendered(profiler: Profiler, *, openmetrics: bool = False) -> str:
    return Exposition(openmetrics=openmetrics).render(read_families(profiler)).decode()


def heads(metrics: Iterable[Metric]) -> list[tuple[str, str, str, str]]:
    return [(metric.name, metric.type, metric.documentation, metric.unit) for metric in metrics]


def samples(metrics: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], tuple[float, Any]]:
    """Each sample's value and exemplar; that none is there twice is checked on the way."""
    found = [
        ((sample.name, frozenset(sample.labels.items())), (sample.value, sample.exemplar))
        for metric in metrics
        for sample in metric.samples
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize("name", FORMATS)
def test_every_sample_is_the_one_that_prometheus_client_renders(busy: Profiler, name: str) -> None:
    openmetrics, parse, generate = FORMATS[name]
    registry = CollectorRegistry()
    registry.register(ProfilerCollector(busy))
    ours = list(parse(rendered(busy, openmetrics=openmetrics)))
    theirs = list(parse(generate(registry).decode()))
    assert heads(ours) == heads(theirs)
    assert samples(ours) == samples(theirs)
    assert len(ours) == len(DEFINITIONS)


@pytest.mark.parametrize("name", FORMATS)
def test_names_come_back_as_they_were_given(busy: Profiler, name: str) -> None:
    openmetrics, parse, _ = FORMATS[name]
    metrics = list(parse(rendered(busy, openmetrics=openmetrics)))
    layers = {labels["layer"] for metric in metrics for _, labels, *_ in metric.samples if "layer" in labels}
    error_types = {labels["error_type"] for m in metrics for _, labels, *_ in m.samples if "error_type" in labels}
    assert layers == {layer.name for layer in busy.ledger.layers}
    assert error_types == set(busy.ledger.error_types)


def test_exemplars_are_the_traces_of_the_callers_and_only_in_openmetrics(busy: Profiler) -> None:
    assert "trace_id" not in rendered(busy)
    found = {
        (sample.name, sample.labels["model"], sample.labels["le"]): sample.exemplar
        for metric in parse_openmetrics(rendered(busy, openmetrics=True))
        for sample in metric.samples
        if sample.exemplar
    }
    # The last request of each model; all took 7.9 ms of tax and 12.345 us beside the model's 40 ms.
    assert {place: exemplar.labels["trace_id"] for place, exemplar in found.items()} == {
        ("aligntax_request_duration_seconds_bucket", "gpt2", "0.05"): "4 \\ é",
        ("aligntax_request_duration_seconds_bucket", "judge", "0.05"): "5 \\ é",
        ("aligntax_request_tax_seconds_bucket", "gpt2", "0.01"): "4 \\ é",
        ("aligntax_request_tax_seconds_bucket", "judge", "0.01"): "5 \\ é",
    }
    assert {exemplar.value for exemplar in found.values()} == {0.0079, 0.047912345}


def test_an_exemplar_may_hold_a_quote() -> None:
    # Compared as text: the specification escapes it, but prometheus_client's parser takes it for the end of the value,
    # and Prometheus 2.42 keeps the backslash.
    exemplar = Exemplar('a "quote"', 0.002)
    histogram = Histogram(("m",), [1] * (len(REQUEST_TAX.bounds) + 1), 0.002, {7: exemplar})
    text = Exposition(openmetrics=True).render([HistogramFamily(REQUEST_TAX, [histogram])]).decode()
    assert 'le="0.0025"} 1 # {trace_id="a \\"quote\\""} 0.002\n' in text
    assert text.count("trace_id") == 1


def test_a_series_gets_its_first_exemplar_after_it_has_been_rendered_without(busy: Profiler) -> None:
    exposition = Exposition(openmetrics=True)
    assert b'"late"' not in exposition.render(read_families(busy))
    guard = busy.guard(lambda text: text, name="third", stage="output")
    with busy.request(trace_id="late", model="gpt2"):
        guard("text")
    busy.drain()
    again = exposition.render(read_families(busy))
    assert again == Exposition(openmetrics=True).render(read_families(busy))
    assert b'"late"' in again


def test_only_openmetrics_has_an_end_and_units(busy: Profiler) -> None:
    text, openmetrics = rendered(busy), rendered(busy, openmetrics=True)
    assert openmetrics.endswith("\n# EOF\n")
    assert "# EOF" not in text
    assert "# UNIT" not in text
    assert "# UNIT aligntax_layer_tax_seconds seconds\n" in openmetrics
    assert "# TYPE aligntax_layer_verdicts_total counter\n" in text
    assert "# TYPE aligntax_layer_verdicts counter\n" in openmetrics
    assert "# TYPE aligntax_layer_info gauge\n" in text
    assert "# TYPE aligntax_layer info\n" in openmetrics
    for neither in ("_created", "_gsum", "_gcount"):
        assert neither not in text + openmetrics


def test_a_name_that_no_encoding_has_does_not_spoil_the_scrape() -> None:
    families = [SampleFamily(LAYER_INFO, [Sample(("lone \ud800", "input", "guard"), 1)])]
    assert b'aligntax_layer_info{layer="lone ?",stage="input",kind="guard"} 1\n' in Exposition().render(families)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-9, 5e-324, 2**60 + 1, 1.7976931348623157e308, 0.0])
def test_values_read_back_exactly(value: float) -> None:
    histogram = Histogram(("m",), [0] * len(REQUEST_TAX.bounds) + [2**53 + 1], value, {})
    families = [SampleFamily(LAYER_CPU, [Sample(("a", "input"), value)]), HistogramFamily(REQUEST_TAX, [histogram])]
    lines = dict(line.rsplit(" ", 1) for line in Exposition().render(families).decode().splitlines())
    for series in ('aligntax_layer_cpu_seconds_total{layer="a",stage="input"}', REQUEST_TAX.name + '_sum{model="m"}'):
        assert type(value)(lines[series]) == value
    assert lines[REQUEST_TAX.name + '_count{model="m"}'] == str(2**53 + 1)


def test_label_values_must_fit_the_label_names() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Exposition().render([SampleFamily(LAYER_CPU, [Sample(("only one",), 1)])])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of the prometheus package, is not installed")
def test_promtool_has_no_complaint(busy: Profiler) -> None:
    command = ["promtool", "check", "metrics"]
    result = subprocess.run(command, input=rendered(busy), capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
