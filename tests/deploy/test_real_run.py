"""A guarded pipeline runs, a real Prometheus with the shipped files scrapes it, and every panel must have something.

Only the intervals are shorter than in what is shipped. Of the hardware that a test machine lacks, sensor and GPU are
made up; everything else is measured.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import yaml

from aligntax.cli import main

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="the prometheus server program is not installed"
)

PATIENCE_SECONDS = 60
RATE_INTERVAL = "10s"
MODELS = ("gpt2", "judge+v1.5")


class Prometheus(NamedTuple):
    """One running server: answers of its HTTP API."""

    url: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str, **parameters: str) -> Any:
        assert self.process.poll() is None, "prometheus has ended"
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=20) as reply:  # noqa: S310
            answer = json.load(reply)
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, query: str) -> dict[str, float]:
        """The values of a query now, by their labels."""
        found = self.ask("query", query=query)["result"]
        return {json.dumps(series["metric"], sort_keys=True): float(series["value"][1]) for series in found}


def eventually(condition: Callable[[], Any]) -> Any:
    """Return what a condition that a scrape will bring about is true with; polls, as a dashboard does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            found, reason = condition(), None
        except (urllib.error.URLError, ConnectionError) as error:  # it is starting, and says 503 or nothing yet
            found, reason = None, error
        if found or time.monotonic() > deadline:
            assert found, reason
            return found
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def running(target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with the files that the command line writes, and the flags that the compose file gives it."""
    folder = tmp_path_factory.mktemp("run")
    port = free_port()
    assert main(["deploy", str(folder), "--target", target, "--prometheus-port", str(port)]) == 0
    config = folder / "prometheus/prometheus.yml"
    text = config.read_text(encoding="utf-8")
    for setting in ("scrape_interval: 15s", "evaluation_interval: 30s"):
        assert setting in text
        text = text.replace(setting, f"{setting.partition(':')[0]}: 1s")
    config.write_text(text, encoding="utf-8")
    flags = yaml.safe_load((folder / "compose.yml").read_text(encoding="utf-8"))["services"]["prometheus"]["command"]
    places = {"=/etc/prometheus/": f"={folder}/prometheus/", "=/prometheus": f"={folder}/data"}
    for inside, outside in places.items():
        flags = [flag.replace(inside, outside) for flag in flags]
    log = folder / "prometheus.log"
    command = ["prometheus", *flags, "--log.level=warn"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield Prometheus(f"http://127.0.0.1:{port}", process)
            complaints = log.read_text(encoding="utf-8")
        finally:
            process.terminate()
            process.wait(30)
    assert not complaints


@pytest.fixture(scope="module")
def prometheus(running: Prometheus) -> Prometheus:
    """The same, once it has seen enough."""
    eventually(lambda: running.values("model:aligntax_tax_over_budget:ratio_rate5m"))
    return running


def filled_in(expression: str, model: str, instance: str) -> str:
    """Do what Grafana does with the variables."""
    expression = expression.replace("$__rate_interval", RATE_INTERVAL)
    return expression.replace("$model", model).replace("$instance", instance)


def chosen(*values: str) -> str:
    """Write several values as Grafana does inside a matcher: escaped for a regular expression, then for a string."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"


@pytest.mark.parametrize("choice", ["all", "some"])
def test_every_query_of_every_panel_has_data(
    prometheus: Prometheus, target: str, panels: list[dict[str, Any]], choice: str
) -> None:
    model, instance = (".+", ".+") if choice == "all" else (chosen(*MODELS), chosen(target))

    def has_data(panel: dict[str, Any], query: dict[str, Any]) -> list[dict[str, Any]]:
        expression = filled_in(query["expr"], model, instance)
        if panel["type"] == "stat":
            found = prometheus.ask("query", query=expression)["result"]
        else:
            now = time.time()
            window = {"start": str(now - 5), "end": str(now), "step": "1"}
            found = prometheus.ask("query_range", query=expression, **window)["result"]
        return [
            series
            for series in found
            if any(math.isfinite(float(value)) for _, value in series.get("values", [series.get("value")]))
        ]

    for panel in panels:
        for query in panel["targets"]:
            found = eventually(lambda panel=panel, query=query: has_data(panel, query))
            if panel["type"] == "stat":
                assert len(found) == 1, panel["title"]
            for name in re.findall(r"\{\{(\w+)\}\}", query.get("legendFormat", "")):
                assert all(name in series["metric"] for series in found), (panel["title"], name)


def test_the_variables_offer_what_there_is(prometheus: Prometheus, target: str, dashboard: dict[str, Any]) -> None:
    offered = {}
    for variable in dashboard["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
        if asked:
            series = filled_in(asked[1], ".+", ".+")
            offered[variable["name"]] = set(prometheus.ask(f"label/{asked[2]}/values", **{"match[]": series}))
    assert offered == {"instance": {target}, "model": {"writer", *MODELS}}


def test_what_is_stacked_sums_to_the_tax(prometheus: Prometheus, panels: list[dict[str, Any]]) -> None:
    (panel,) = (panel for panel in panels if panel["title"] == "Mean tax of a request, by guard")
    shares, total = (filled_in(query["expr"], ".+", ".+") for query in panel["targets"])

    def both() -> dict[str, float]:
        return prometheus.values(
            f'label_replace(sum({shares}), "of", "guards", "", "") or label_replace({total}, "of", "requests", "", "")'
        )

    found = eventually(both)
    assert len(found) == 2
    one, other = found.values()
    assert one == pytest.approx(other, rel=1e-6)
    assert 0.0005 < one < 1


def test_the_rules_work_and_know_every_window(prometheus: Prometheus) -> None:
    groups = prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 17 + 8
    eventually(lambda: {rule["health"] for g in prometheus.ask("rules")["groups"] for rule in g["rules"]} == {"ok"})
    assert not [rule["lastError"] for rule in rules if rule.get("lastError")]
    for rule in rules:
        if rule["type"] == "recording":
            found = eventually(lambda rule=rule: prometheus.values(rule["name"]))
            assert all(value >= 0 for value in found.values()), rule["name"]


def test_the_rules_and_the_dashboard_agree(prometheus: Prometheus) -> None:
    """A tax of a millisecond on two is over any budget of 5 %, and half of the fragile guard's calls time out."""
    over = prometheus.values('model:aligntax_tax_over_budget:ratio_rate5m{model="gpt2"}')
    assert next(iter(over.values())) > 0.5
    failures = prometheus.values('layer:aligntax_failures:ratio_rate5m{layer="fragile"}')
    assert list(failures.values()) == [pytest.approx(1)]
    ratios = prometheus.values("layer:aligntax_tax:ratio_rate5m")
    assert {json.loads(labels)["layer"] for labels in ratios} == {"pii", "moderate", "fragile", "filter"}
    assert all(set(json.loads(labels)) == {"__name__", "job", "layer", "stage"} for labels in ratios)


def test_the_alerts_that_should_be_on_their_way_are(prometheus: Prometheus) -> None:
    wanted = {"AligntaxTaxBudgetBurn", "AligntaxGuardFailing", "AligntaxObservationsDropped"}

    def pending() -> bool:
        alerts = prometheus.ask("alerts")["alerts"]
        assert all(alert["state"] == "pending" for alert in alerts)
        return {alert["labels"]["alertname"] for alert in alerts} == wanted

    eventually(pending)
