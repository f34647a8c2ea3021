"""Scrapes by several clients at once, while threads record: what they see is whole, and never goes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aligntax import Profiler
from aligntax.exporters.server import MetricsServer, serve

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]

RECORDERS, REQUESTS, SCRAPERS = 3, 400, 3
RISING = ("_total", "_bucket", "_count", "_sum")


def scraped(fetch: Callable[..., Any], server: MetricsServer) -> Values:
    headers = {"Accept": "application/openmetrics-text", "Accept-Encoding": "identity"}
    reply = fetch(f"{server.url}/metrics", headers=headers)
    assert reply.status == 200
    metrics = text_string_to_metric_families(reply.body.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for metric in metrics for s in metric.samples}


def total(values: Values, name: str, **labels: str) -> float:
    wanted = set(labels.items())
    return sum(value for (sample, found), value in values.items() if sample == name and wanted <= found)


def record(profiler: Profiler, call: Callable[[int], int]) -> None:
    for number in range(REQUESTS):
        with profiler.request(trace_id=str(number) if number % 5 == 0 else None):
            call(number)


def scrape_until(done: threading.Event, fetch: Callable[..., Any], server: MetricsServer) -> list[Values]:
    seen = []
    while not done.is_set():
        seen.append(scraped(fetch, server))
    return seen


def test_scrapes_are_whole_and_counters_never_go_back(fetch: Callable[..., Any]) -> None:
    profiler = Profiler(queue_size=RECORDERS * REQUESTS, drain_seconds=0.01)
    guard = profiler.guard(lambda value: value, name="input", stage="input")
    late = profiler.guard(lambda value: value + 1, name="output", stage="output", verdict=lambda _: "modify")
    model = profiler.model(lambda value: value * 2, name="model")
    done = threading.Event()
    with profiler, serve(profiler, port=0) as server, ThreadPoolExecutor(RECORDERS + SCRAPERS) as pool:
        scrapers = [pool.submit(scrape_until, done, fetch, server) for _ in range(SCRAPERS)]
        recorders = [pool.submit(record, profiler, lambda n: late(model(guard(n)))) for _ in range(RECORDERS)]
        for recorder in recorders:
            recorder.result()
        done.set()
        histories = [scraper.result() for scraper in scrapers]
        last = scraped(fetch, server)

    for history in histories:
        assert history
        for before, after in zip(history, [*history[1:], last], strict=True):
            for series, value in before.items():
                if series[0].endswith(RISING):
                    assert after[series] >= value, series
    for values in [values for history in histories for values in history] + [last]:
        requests = total(values, "aligntax_request_duration_seconds_count")
        for layer in ("input", "output"):
            assert total(values, "aligntax_layer_duration_seconds_count", layer=layer) == requests
            assert total(values, "aligntax_layer_verdicts_total", layer=layer) == requests
        assert total(values, "aligntax_model_duration_seconds_count") == requests
        shares = total(values, "aligntax_layer_tax_seconds_sum")
        assert shares == pytest.approx(total(values, "aligntax_request_tax_seconds_sum"), rel=1e-12)
    assert total(last, "aligntax_request_duration_seconds_count") == RECORDERS * REQUESTS
    assert total(last, "aligntax_observations_dropped_total") == 0
    assert total(last, "aligntax_instrumentation_seconds_total", part="scrape") > 0
