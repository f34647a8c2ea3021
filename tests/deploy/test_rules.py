"""The recording rules and alerts, by promtool: valid, tested for every budget, and their tests find mistakes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aligntax.deploy import Settings, write_pack
from aligntax.deploy.rules import ERROR_BUDGET
from aligntax.exporters import definitions

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="the promtool program is not installed")

RULES = ("recording.yml", "alerts.yml")
EXTREMES = Settings(10.0, 1e-5, ("[::1]:1", "host.example:65535"))


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules(pack: Path, name: str) -> list[dict[str, Any]]:
    return [rule for group in read(pack / "prometheus/rules" / name)["groups"] for rule in group["rules"]]


@needs_promtool
@pytest.mark.parametrize("settings", [Settings(), EXTREMES], ids=["defaults", "extremes"])
def test_promtool_finds_nothing_wrong(settings: Settings, tmp_path: Path) -> None:
    write_pack(tmp_path, settings)
    for arguments in (
        ("check", "rules", "--lint=all", "--lint-fatal", *(tmp_path / "prometheus/rules" / name for name in RULES)),
        ("check", "config", "--lint=all", "--lint-fatal", tmp_path / "prometheus/prometheus.yml"),
        ("test", "rules", *(tmp_path / "prometheus/tests" / name for name in RULES)),
    ):
        result = promtool(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr


@needs_promtool
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("alerts.yml", "ratio_rate5m > (14.4 * 0.01)", "ratio_rate5m > (0 * 0.01)"),
        ("alerts.yml", "ratio_rate1h > (14.4 * 0.01)", "ratio_rate5m > (14.4 * 0.01)"),
        ("alerts.yml", "aligntax_failures:ratio_rate5m > 0.01", "aligntax_failures:ratio_rate5m >= 0"),
        ("alerts.yml", "for: 10m", "for: 1m"),
        ("recording.yml", 'outcome=~"allowed|modified"', 'outcome=~".+"'),
        ("recording.yml", 'verdict=~"error|timeout"', 'verdict=~"error"'),
        ("recording.yml", "(instance, le)", "(le)"),
    ],
)
def test_the_shipped_tests_find_a_mistake(pack: Path, tmp_path: Path, name: str, right: str, wrong: str) -> None:
    shutil.copytree(pack / "prometheus", tmp_path / "prometheus")
    path = tmp_path / "prometheus/rules" / name
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")

    result = promtool("test", "rules", tmp_path / "prometheus/tests" / name)

    assert result.returncode == 1
    assert "FAILED" in result.stdout + result.stderr


def test_every_recording_rule_has_a_test(pack: Path) -> None:
    tested = {
        re.sub(r"round\((.*), .*\)", r"\1", case["expr"])
        for test in read(pack / "prometheus/tests/recording.yml")["tests"]
        for case in test["promql_expr_test"]
        if case["exp_samples"]
    }
    assert tested == {rule["record"] for rule in rules(pack, "recording.yml")}


def test_every_alert_is_tested_firing_and_not_firing(pack: Path) -> None:
    firing: set[tuple[str, str]] = set()
    silent: set[str] = set()
    for test in read(pack / "prometheus/tests/alerts.yml")["tests"]:
        for case in test.get("alert_rule_test", ()):
            if not case["exp_alerts"]:
                silent.add(case["alertname"])
            firing |= {
                (case["alertname"], str(alert["exp_labels"].get("burn_rate", ""))) for alert in case["exp_alerts"]
            }
    alerts = rules(pack, "alerts.yml")
    assert firing == {(alert["alert"], alert["labels"].get("burn_rate", "")) for alert in alerts}
    assert silent == {alert["alert"] for alert in alerts}


def test_every_alert_says_what_is_wrong_and_what_to_do(pack: Path) -> None:
    for alert in rules(pack, "alerts.yml"):
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}
        assert "$value" in alert["annotations"]["description"]
        assert len(alert["annotations"]["runbook"]) > 80
        assert alert["labels"]["severity"] in {"page", "ticket"}


def test_the_burn_rates_are_those_of_the_workbook(pack: Path) -> None:
    burns = [alert for alert in rules(pack, "alerts.yml") if alert["alert"] == "AligntaxTaxBudgetBurn"]
    found = [re.findall(r"ratio_rate(\w+) > \(([\d.]+) \* ([\d.]+)\)", alert["expr"]) for alert in burns]
    assert found == [
        [("1h", "14.4", "0.01"), ("5m", "14.4", "0.01")],
        [("6h", "6", "0.01"), ("30m", "6", "0.01")],
        [("1d", "3", "0.01"), ("2h", "3", "0.01")],
        [("3d", "1", "0.01"), ("6h", "1", "0.01")],
    ]
    assert 14.4 * ERROR_BUDGET < 1, "no share of requests is high enough for the alert to fire"


@pytest.mark.parametrize("settings", [Settings(), EXTREMES], ids=["defaults", "extremes"])
def test_thresholds_are_bucket_bounds(settings: Settings, tmp_path: Path) -> None:
    write_pack(tmp_path, settings)
    text = "".join(rule["expr"] for rule in rules(tmp_path, "recording.yml"))
    found = set(re.findall(r'(aligntax_\w+)_bucket\{le="([^"]+)"\}', text))
    known = {definition.name: definition.bound_labels for definition in definitions.DEFINITIONS}
    assert {name for name, _ in found} == {"aligntax_request_tax_ratio", "aligntax_layer_duration_seconds"}
    assert all(bound in known[name] for name, bound in found)


def test_rules_are_named_level_metric_operation_and_keep_to_their_window(pack: Path) -> None:
    for rule in rules(pack, "recording.yml"):
        found = re.fullmatch(r"(model|layer):aligntax_[a-z_]+:ratio_rate(5m|30m|1h|2h|6h|1d|3d)", rule["record"])
        assert found, rule["record"]
        assert set(re.findall(r"\[(\w+)\]", rule["expr"])) == {found[2]}
