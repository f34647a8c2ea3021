"""Unit tests of the recording rules and alerts, for `promtool test rules`.

The numbers are worked out by hand. What traffic there is flows evenly, in whole units a minute, so that they hold
however a version of Prometheus extrapolates at the ends of a window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from textwrap import indent

from aligntax.deploy.alerts import ALERTS, BURNS, Alert
from aligntax.deploy.rules import GENERATED, WINDOWS

_HEAD = (
    f"{GENERATED}rule_files:\n  - ../rules/recording.yml\n  - ../rules/alerts.yml\nevaluation_interval: 1m\ntests:\n"
)
_FIRING = f"count by (burn_rate) (ALERTS{{alertname='{ALERTS[0].name}', alertstate='firing'}})"
_JOB = {"job": "aligntax", "instance": "a:1"}


def recording_tests() -> str:
    """Return the tests of the recording rules as a YAML file."""
    series: dict[str, str] = {}
    for instance in ("a:1", "b:1"):
        at = {"job": "aligntax", "instance": instance}
        # A minute: 60 s in requests that ran to their end, 12 s of them tax; those that were blocked do not count.
        series |= {
            _series("aligntax_request_tax_seconds_sum", at, model="gpt2"): "0+12x40",
            _series("aligntax_request_duration_seconds_sum", at, model="gpt2", outcome="allowed"): "0+40x40",
            _series("aligntax_request_duration_seconds_sum", at, model="gpt2", outcome="modified"): "0+20x40",
            _series("aligntax_request_duration_seconds_sum", at, model="gpt2", outcome="blocked_input"): "0+500x40",
            # No traffic: no ratio.
            _series("aligntax_request_tax_seconds_sum", at, model="idle"): "0x40",
            _series("aligntax_request_duration_seconds_sum", at, model="idle", outcome="allowed"): "0x40",
            _series("aligntax_request_tax_ratio_count", at, model="gpt2"): "0+100x40",
            _series("aligntax_request_tax_ratio_bucket", at, model="gpt2", le="@{budget}"): "0+75x40",
            _series("aligntax_request_tax_ratio_bucket", at, model="gpt2", le="+Inf"): "0+100x40",
            _series("aligntax_layer_tax_seconds_sum", at, layer="pii", stage="input"): "0+9x40",
            _series("aligntax_layer_tax_seconds_sum", at, layer="tone", stage="output"): "0+3x40",
            _series("aligntax_layer_verdicts_total", at, layer="pii", stage="input", verdict="allow"): "0+60x40",
            _series("aligntax_layer_verdicts_total", at, layer="pii", stage="input", verdict="block"): "0+15x40",
            _series("aligntax_layer_verdicts_total", at, layer="pii", stage="input", verdict="error"): "0+20x40",
            _series("aligntax_layer_verdicts_total", at, layer="pii", stage="input", verdict="timeout"): "0+5x40",
            _series("aligntax_layer_duration_seconds_count", at, layer="pii", stage="input"): "0+100x40",
            _series(
                "aligntax_layer_duration_seconds_bucket", at, layer="pii", stage="input", le="@{guard_seconds}"
            ): "0+50x40",
        }
    gpt2 = {"job": "aligntax", "model": "gpt2"}
    pii = {"job": "aligntax", "layer": "pii", "stage": "input"}
    tone = {"job": "aligntax", "layer": "tone", "stage": "output"}
    wanted: dict[str, list[tuple[Mapping[str, str], float]]] = {
        **{f"model:aligntax_tax:ratio_rate{window}": [(gpt2, 0.25)] for window in WINDOWS},
        **{f"model:aligntax_tax_over_budget:ratio_rate{window}": [(gpt2, 0.25)] for window in WINDOWS},
        "layer:aligntax_tax:ratio_rate5m": [(pii, 0.1875), (tone, 0.0625)],
        "layer:aligntax_failures:ratio_rate5m": [(pii, 0.25)],
        "layer:aligntax_slow_calls:ratio_rate5m": [(pii, 0.5)],
    }
    lines = "    promql_expr_test:\n"
    for name, samples in wanted.items():
        lines += f"      - expr: round({name}, 0.0001)\n        eval_time: 30m\n        exp_samples:\n"
        for labels, value in samples:
            lines += f"          - labels: {json.dumps(_series('', labels))}\n            value: {value}\n"
    return _HEAD + _test("every recording rule", series) + lines


def alerting_tests() -> str:
    """Return the tests of the alerts, firing and not firing, as a YAML file."""
    return _HEAD + "".join((*_burn_tests(), *_other_tests()))


def _burn_tests() -> Iterable[str]:
    """Yield one test for each band between two burn rates, and two in which a burn begins and ends."""
    for bad, firing in ((0, ()), (5, ()), (20, (1,)), (40, (3, 1)), (100, (6, 3, 1)), (200, (14.4, 6, 3, 1))):
        title = f"{bad} of 1,000 requests exceed the budget"
        yield _burn_test(title, f"0+{1000 - bad}x30", "0+1000x30", "30m", dict.fromkeys(firing, f"{bad / 10:g}%"))
    yield _burn_test(
        "five minutes with 400 of 1,000 requests over budget, after four good hours, are no reason to wake anybody",
        "0+1000x240 240600+600x5",
        "0+1000x246",
        "4h5m",
        {},
    )
    # A bad hour, then better ones: each alert ends with its short window, however much its long one remembers.
    lines = ""
    for at, rates in (("1h", "14.4 6 3 1"), ("1h10m", "6 3 1"), ("1h40m", "3 1"), ("3h10m", "1"), ("7h10m", "")):
        lines += f"      - expr: {_FIRING}\n        eval_time: {at}\n"
        lines += "        exp_samples:\n" if rates else "        exp_samples: []\n"
        for rate in rates.split():
            lines += f"          - labels: '{{burn_rate=\"{rate}\"}}'\n            value: 1\n"
    series = _requests("0x60 995+995x370", "0+1000x431")
    yield _test("once a burn is over, the alerts end", series) + "    promql_expr_test:\n" + lines


def _burn_test(title: str, within: str, count: str, at: str, firing: Mapping[float, str]) -> str:
    alerts = [
        (alert, value, {"model": "gpt2"})
        for alert, burn in zip(ALERTS, BURNS, strict=False)
        for rate, value in firing.items()
        if burn.rate == rate
    ]
    return _test(title, _requests(within, count)) + "    alert_rule_test:\n" + _expect(ALERTS[0].name, at, alerts)


def _requests(within: str, count: str) -> Mapping[str, str]:
    return {
        _series("aligntax_request_tax_ratio_bucket", _JOB, model="gpt2", le="@{budget}"): within,
        _series("aligntax_request_tax_ratio_count", _JOB, model="gpt2"): count,
    }


def _other_tests() -> Iterable[str]:
    guard = {"layer": "pii", "stage": "input"}
    failing, slow, dropped, down = ALERTS[len(BURNS) :]
    verdicts, calls = "aligntax_layer_verdicts_total", "aligntax_layer_duration_seconds"
    for bad in (5, 20):
        failures = {
            _series(verdicts, _JOB, **guard, verdict="allow"): f"0+{1000 - bad}x30",
            _series(verdicts, _JOB, **guard, verdict="error"): "0+4x30",
            _series(verdicts, _JOB, **guard, verdict="timeout"): f"0+{bad - 4}x30",
        }
        yield _pair(failing, f"{bad} of 1,000 calls fail", failures, bad > 10, "2%", guard)
        lengths = {
            _series(f"{calls}_bucket", _JOB, **guard, le="@{guard_seconds}"): f"0+{1000 - bad}x30",
            _series(f"{calls}_count", _JOB, **guard): "0+1000x30",
        }
        yield _pair(slow, f"{bad} of 1,000 calls are slow", lengths, bad > 10, "2%", guard)
    lost = _series("aligntax_observations_dropped_total", _JOB, reason="queue_full")
    reason = {"reason": "queue_full"}
    yield _pair(dropped, "observations are lost all the time", {lost: "0+60x30"}, True, "1", reason)
    yield _pair(dropped, "observations were lost once", {lost: "0x15 7x15"}, False, "", reason)
    yield _pair(down, "a target is down", {_series("up", _JOB): "0x30"}, True, "0", {"instance": "a:1"})
    yield _pair(down, "a target is up", {_series("up", _JOB): "1x30"}, False, "", {"instance": "a:1"})
    other = {"job": "other", "instance": "a:1"}
    yield _pair(down, "another job's target is down", {_series("up", other): "0x30"}, False, "", {"instance": "a:1"})


def _pair(
    alert: Alert, title: str, series: Mapping[str, str], fires: bool, value: str, labels: Mapping[str, str]
) -> str:
    found = [(alert, value, labels)] if fires else []
    # Before its time it only pends.
    return (
        _test(title, series)
        + "    alert_rule_test:\n"
        + _expect(alert.name, "4m", [])
        + _expect(alert.name, "20m", found)
    )


def _test(title: str, series: Mapping[str, str]) -> str:
    return f"  - name: {json.dumps(title)}\n    interval: 1m\n    input_series:\n" + "".join(
        f"      - series: {json.dumps(name)}\n        values: {json.dumps(values)}\n" for name, values in series.items()
    )


def _expect(name: str, at: str, alerts: Iterable[tuple[Alert, str, Mapping[str, str]]]) -> str:
    lines = f"      - alertname: {name}\n        eval_time: {at}\n"
    expected = ""
    for alert, value, labels in alerts:
        pairs = {"job": "aligntax", **labels, **alert.labels}
        expected += "          - exp_labels:\n" + "".join(
            f"              {label}: {json.dumps(text)}\n" for label, text in pairs.items()
        )
        expected += f"            exp_annotations:\n{indent(alert.annotations(value, labels), ' ' * 14)}"
    return lines + (f"        exp_alerts:\n{expected}" if expected else "        exp_alerts: []\n")


def _series(name: str, labels: Mapping[str, str], **more: str) -> str:
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in {**labels, **more}.items()) + "}"
