"""Prometheus alerts: how fast the tax budget is spent, and what is wrong with a guard or with the measurement.

Source of the burn rates and their windows: Beyer et al., The Site Reliability Workbook (O'Reilly, 2018), chapter 5,
"Alerting on SLOs", approach 6. The long window says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill, indent
from typing import NamedTuple

from aligntax.deploy.rules import ERROR_BUDGET, GENERATED, expression, group


class Burn(NamedTuple):
    """One burn rate: how many times faster than allowed, over which windows, and how urgent that is."""

    rate: float
    long: str
    short: str
    severity: str


BURNS = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(3, "1d", "2h", "ticket"),
    Burn(1, "3d", "6h", "ticket"),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    Attributes:
        name: of the alert.
        expr: PromQL.
        hold: how long it must be true.
        labels: that the alert adds.
        summary, description: what is wrong; `%(value)s` and the names of the series' labels are filled in.
        runbook: what to do.
        value: how the value is written: a function of Prometheus' templates.
        series_labels: labels of the alert's series that the texts name.
    """

    name: str
    expr: str
    hold: str
    labels: Mapping[str, str]
    summary: str
    description: str
    runbook: str
    value: str = "humanizePercentage"
    series_labels: tuple[str, ...] = ("model",)

    def annotations(self, value: str, labels: Mapping[str, str]) -> str:
        """Return the annotations as a YAML mapping.

        Args:
            value: what stands for the value: a template, or the value itself.
            labels: what stands for each of the series' labels.
        """
        texts = {
            "summary": self.summary % labels,
            "description": self.description % {**labels, "value": value},
            "runbook": self.runbook,
        }
        return "".join(f"{name}: >-\n{indent(_folded(text), '  ')}\n" for name, text in texts.items())

    def rule(self) -> str:
        """Return the rule as YAML."""
        labels = {name: f"{{{{ $labels.{name} }}}}" for name in self.series_labels}
        annotations = self.annotations(f"{{{{ $value | {self.value} }}}}", labels)
        return (
            f"- alert: {self.name}\n{expression(self.expr)}  for: {self.hold}\n  labels:\n"
            + "".join(f'    {name}: "{value}"\n' for name, value in self.labels.items())
            + f"  annotations:\n{indent(annotations, '    ')}"
        )


def _folded(text: str) -> str:
    """Break lines at spaces only: YAML makes a space of each break."""
    return fill(text, 110, break_long_words=False, break_on_hyphens=False)


def _burn(burn: Burn) -> Alert:
    metric, threshold = "model:aligntax_tax_over_budget:ratio_rate", f"({burn.rate:g} * {ERROR_BUDGET})"
    return Alert(
        "AligntaxTaxBudgetBurn",
        f"    {metric}{burn.long} > {threshold}\nand\n    {metric}{burn.short} > {threshold}",
        "2m",
        {"severity": burn.severity, "burn_rate": f"{burn.rate:g}", "window": burn.long},
        "Guards around %(model)s spend the tax budget too fast",
        f"In the last {burn.long}, %(value)s of the requests to %(model)s had a tax ratio over @{{budget}}; at most "
        f"{ERROR_BUDGET:.0%}% may, and this is over {burn.rate:g} times as much.",
        "Open the dashboard. 'Mean tax of a request, by guard' says whose share has grown, 'Time of a guard's call' "
        "whether it became slower or merely lost the model's time to hide behind; a faster model raises the ratio, "
        "too. Compare with the last change of the guards' configuration, and with the load of the processors. To "
        "mend: move the guard beside the model (stage parallel), shorten what it reads, or give it a processor. With "
        "few requests a single slow one can do this: look at the number of requests first.",
    )


ALERTS = (
    *map(_burn, BURNS),
    Alert(
        "AligntaxGuardFailing",
        "layer:aligntax_failures:ratio_rate5m > 0.01",
        "10m",
        {"severity": "ticket"},
        "Guard %(layer)s fails",
        "%(value)s of the calls of %(layer)s, stage %(stage)s, end in an error or a time-out.",
        "'Errors and time-outs' on the dashboard shows what is raised. A guard whose policy is 'closed' turns its "
        "errors into refused requests, one that is 'open' lets texts pass unchecked: find out which it is first. A "
        "block is no error and does not count here.",
        series_labels=("layer", "stage"),
    ),
    Alert(
        "AligntaxGuardSlow",
        "layer:aligntax_slow_calls:ratio_rate5m > 0.01",
        "10m",
        {"severity": "ticket"},
        "The p99 of guard %(layer)s is too high",
        "%(value)s of the calls of %(layer)s, stage %(stage)s, take longer than @{guard_seconds} s; so does its p99.",
        "'Mean tax of a request, by guard' says whether users wait for it; if it is hidden behind the model they do "
        "not. Look at the processors ('CPU, by layer'), at the length of what it reads, and at the service that it "
        "asks, if any.",
        series_labels=("layer", "stage"),
    ),
    Alert(
        "AligntaxObservationsDropped",
        "sum without (instance) (rate(aligntax_observations_dropped_total[5m])) > 0",
        "10m",
        {"severity": "ticket"},
        "aligntax loses observations (%(reason)s)",
        "%(value)s observations a second are lost, reason %(reason)s: the figures leave them out.",
        "queue_full: requests end faster than they are folded; raise Profiler(queue_size=...) or free a processor. "
        "trace_full: a request has more spans than max_spans. orphan_span: a guard is called outside of any request, "
        "or on a thread without profiler.bind. late_span: work goes on after its request has ended. event_pool, "
        "gpu_pending: the GPU is too far behind. verdict_mapper: a verdict= function raises. closed: the profiler was "
        "closed too early. internal_error: see the log, and report it.",
        "humanize",
        ("reason",),
    ),
    Alert(
        "AligntaxTargetDown",
        'up{job="aligntax"} == 0',
        "5m",
        {"severity": "ticket"},
        "%(instance)s cannot be scraped",
        "The metrics of %(instance)s are not to be had (up is %(value)s): all other alerts are blind there.",
        "Is the server running, and does it listen where prometheus.yml says? It listens on its loopback address "
        "unless told otherwise, and may ask for TLS or a password.",
        "humanize",
        ("instance",),
    ),
)
"""All alerts."""


def alerting_rules() -> str:
    """Return the alerts as a YAML file."""
    return f"{GENERATED}groups:\n" + group("aligntax_alerts", (alert.rule() for alert in ALERTS))
