"""A result in Bencher Metric Format, for `bencher run --adapter json --file FILE`.

Source: https://bencher.dev/docs/reference/bencher-metric-format. Bencher's own measure `latency` is in nanoseconds; so
are the other times here.
"""

from __future__ import annotations

from typing import Any

from aligntax.experiment.gate.measured import Measured, Metric, Unit
from aligntax.experiment.gate.sections import KINDS

__all__ = ["to_bencher"]

_NANOSECONDS = 1e9
_MAX_NAME = 1024  # characters of a benchmark's name


def to_bencher(measured: Measured) -> dict[str, dict[str, Any]]:
    """Return the figures of a file: a benchmark for the target, one for each guard, stage and figure of another tax.

    Args:
        measured: a result of `aligntax bench`, the record of a tax, or the whole report.
    """
    found: dict[str, dict[str, Any]] = {}
    for metric in measured.metrics.values():
        if metric.estimate is not None:
            name, measure = _names(measured.name, metric)
            found.setdefault(name[:_MAX_NAME].strip(), {})[measure] = _values(metric)
    return found


def _names(target: str, metric: Metric) -> tuple[str, str]:
    """Return the names of the benchmark and of the measure; a measure's is short, so guards are benchmarks."""
    section, *rest = metric.key.split(".")
    if metric.key == "latency.guarded":
        return target, "latency"
    if section in ("guards", "stages", *KINDS):
        inner, _, measure = metric.key.partition(".")[2].rpartition(".")
        what = f"{target} {section.removesuffix('s')} {inner}".rstrip()
        return what, "tax" if measure == "absolute" else "relative-tax"
    if section == "tax":
        return target, "tax" if rest == ["absolute"] else "relative-tax"
    return target, "-".join((section, *(part for part in rest if part != "absolute"))).replace("_", "-")


def _values(metric: Metric) -> dict[str, float]:
    assert metric.estimate is not None  # noqa: S101 (its caller looks first)
    factor = _NANOSECONDS if metric.unit == Unit.SECONDS else 1.0  # a record has the plain word, which is equal
    value, low, high = metric.estimate
    ends = {} if low is None or high is None else {"lower_value": low * factor, "upper_value": high * factor}
    return {"value": value * factor, **ends}
