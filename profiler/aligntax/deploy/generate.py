"""Writes the generated part of the package data: `python -m aligntax.deploy.generate`, in a checkout.

A test fails where what is checked in is not what this would write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from aligntax.deploy.alerts import alerting_rules
from aligntax.deploy.dashboard import dashboard_json
from aligntax.deploy.rule_tests import alerting_tests, recording_tests
from aligntax.deploy.rules import recording_rules

COMMAND = "python -m aligntax.deploy.generate"
DATA = Path(__file__).with_name("data")
FILES: Mapping[str, Callable[[], str]] = {
    "grafana/dashboards/aligntax.json": dashboard_json,
    "prometheus/rules/alerts.yml": alerting_rules,
    "prometheus/rules/recording.yml": recording_rules,
    "prometheus/tests/alerts.yml": alerting_tests,
    "prometheus/tests/recording.yml": recording_tests,
}
"""What is generated, by its path in the package data."""


def main() -> None:
    """Write all of it."""
    for name, text in FILES.items():
        path = DATA / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
