"""The report: everything drained so far, as plain data that people and programs can read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntax.devices.sensor import Reading
from aligntax.figures import TOO_SMALL, duration, percentage, share
from aligntax.figures import quantile as quantile_text
from aligntax.histogram import NANO, Int64Array, quantile, rank_bounds
from aligntax.ledger import Ledger
from aligntax.ledger_fields import DROP_REASONS, OUTCOMES, PARTS, VERDICTS
from aligntax.tax import quantile_ranks
from aligntax.whole_file import write_whole

SCHEMA = "aligntax.report/1"
QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class SelfCost:
    """What one span cost the serving thread, in seconds, and how many metered spans say so; None if none does."""

    seconds_per_span: float | None
    metered_spans: int


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers on all requests that have ended.

    Quantiles are within 1.25 % of the order statistics that they stand for. Each comes with a distribution-free 95 %
    interval from order statistics, or with "n too small" where no such interval exists.
    """

    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data that `json` can write, schema `aligntax.report/1`. Times are in seconds."""
        return self.data

    def save(self, path: Path | str) -> None:
        """Write the report as JSON; the file is complete or not there at all."""
        write_whole(path, json.dumps(self.data, indent=2, allow_nan=False) + "\n")

    def __str__(self) -> str:
        """Return a plain table: one line per layer, and the headline."""
        lines = [f"{'layer':<24}{'stage':<10}{'calls':>9}{'p50':>12}{'p99':>12}{'share of tax':>14}"]
        for layer in self.data["layers"]:
            wall = layer["wall_seconds"]
            lines.append(
                f"{layer['layer']:<24.24}{layer['stage']:<10}{layer['calls']:>9}"
                f"{quantile_text(wall, 'p50'):>12}{quantile_text(wall, 'p99'):>12}{share(layer['tax_share']):>14}"
            )
        return "\n".join([*lines, self.headline])

    @property
    def headline(self) -> str:
        """The tax in one line: absolute and relative, over the requests that ran to their end."""
        request = self.data["request"]
        n, ratio = request["tax_seconds"]["n"], request["tax_ratio"]["of_sums"]
        if not n:
            return "alignment tax: no request has run to its end yet"
        tax, raw = request["tax_seconds"]["mean"], request["raw_seconds"]["mean"]
        return (
            f"alignment tax: {duration(tax, signed=True)} a request ({percentage(ratio, signed=True)} of "
            f"{duration(raw)} raw), mean of {n} requests that ran to their end"
        )


def summarise(ledger: Ledger, readings: Sequence[Reading], cost: SelfCost) -> Report:
    """Return the report on a ledger that nobody else writes to.

    Args:
        ledger: a copy of the profiler's.
        readings: what the sensors say now.
        cost: what the instrument found its own spans to cost.
    """
    comparable = [OUTCOMES.index(outcome) for outcome in OUTCOMES if outcome.comparable]
    requests = ledger.requests.sum(axis=0)
    tax_ns = int(ledger.tax_ns.sum())
    raw_ns = int(ledger.raw_ns.sum())
    closure = dict(zip(("request", "guards", "model", "unattributed"), ledger.closure_ns, strict=True))
    return Report(
        {
            "schema": SCHEMA,
            "requests": int(requests.sum()),
            "outcomes": {
                outcome.value: int(requests[index].sum())
                for index, outcome in enumerate(OUTCOMES)
                if requests[index].sum()
            },
            "models": ledger.models[1:],
            "layers": [_layer(ledger, row, tax_ns, readings) for row in range(len(ledger.layers))],
            "request": {
                "duration_seconds": _distribution(
                    requests[comparable].sum(axis=0), int(ledger.requests_ns[:, comparable].sum())
                ),
                "raw_seconds": _distribution(ledger.raw.sum(axis=0), raw_ns),
                "tax_seconds": _distribution(ledger.tax.sum(axis=0), tax_ns),
                "tax_ratio": {
                    **_distribution(ledger.ratio.sum(axis=0), int(ledger.ratio_nano.sum())),
                    "of_sums": tax_ns / raw_ns if raw_ns else None,
                },
                "unattributed_seconds": _distribution(
                    ledger.unattributed.sum(axis=0), int(ledger.unattributed_ns.sum())
                ),
            },
            "closure_seconds": {name: int(value) / NANO for name, value in closure.items()},
            "discarded_model_seconds": _discarded(ledger),
            "devices": [
                {
                    "metric": reading.metric,
                    "device": reading.device,
                    "source": reading.source,
                    "value": reading.value,
                    "estimated": reading.estimated,
                }
                for reading in readings
            ],
            "self": {
                "seconds_per_span": cost.seconds_per_span,
                "metered_spans": cost.metered_spans,
                "spans": int(ledger.recorded_spans[0]),
                "seconds": {part: int(ledger.instrument_ns[index]) / NANO for index, part in enumerate(PARTS)},
                "dropped": int(ledger.dropped.sum()),
                "dropped_by_reason": {
                    reason: int(ledger.dropped[index])
                    for index, reason in enumerate(DROP_REASONS)
                    if ledger.dropped[index]
                },
            },
        }
    )


def _discarded(ledger: Ledger) -> dict[str, float]:
    """Return the model time that each guard's blocks wasted; by name, which in two workers may have two stages."""
    discarded_ns: Counter[str] = Counter()
    for row, layer in enumerate(ledger.layers):
        if ledger.discarded_ns[:, row].any():
            discarded_ns[layer.name] += int(ledger.discarded_ns[:, row].sum())
    return {name: wasted_ns / NANO for name, wasted_ns in discarded_ns.items()}


def _layer(ledger: Ledger, row: int, tax_ns: int, readings: Sequence[Reading]) -> dict[str, Any]:
    layer = ledger.layers[row]
    guard = layer.kind == "guard"
    gpu_ns = int(ledger.gpu_ns[row].sum())
    verdicts = ledger.verdicts[row]
    sampled = int(ledger.cpu_sampled_calls[row])
    return {
        "layer": layer.name,
        "kind": layer.kind,
        "stage": layer.stage,
        "calls": int(ledger.calls[row].sum()),
        "verdicts": {
            verdict.value: int(verdicts[code]) for code, verdict in enumerate(VERDICTS) if guard and verdicts[code]
        },
        "errors": {
            name: int(ledger.errors[row, index])
            for index, name in enumerate(ledger.error_types)
            if ledger.errors[row, index]
        },
        "wall_seconds": _distribution(ledger.calls[row], int(ledger.calls_ns[row])),
        "tax_seconds": _distribution(ledger.taxes[row], int(ledger.taxes_ns[row])),
        "tax_share": int(ledger.taxes_ns[row]) / tax_ns if guard and tax_ns else None,
        "busy_seconds_sum": int(ledger.busy_ns[row]) / NANO,
        "critical_seconds_sum": int(ledger.critical_ns[row]) / NANO,
        "drag_seconds_sum": int(ledger.drag_ns[row]) / NANO,
        "cpu_seconds_sum": int(ledger.cpu_ns[row]) / NANO if sampled else None,
        "cpu_seconds_per_call": int(ledger.cpu_sampled_ns[row]) / sampled / NANO if sampled else None,
        "cpu_sampled_calls": sampled,
        "gpu_seconds_sum": gpu_ns / NANO if gpu_ns else None,
        "gpu_energy_joules_estimated": _energy(ledger, row, readings),
    }


def _energy(ledger: Ledger, row: int, readings: Sequence[Reading]) -> float | None:
    """Return a layer's part of the energy of each GPU, by GPU seconds; None without both measurements.

    Torch's `cuda:N` is taken for NVML's device N, which holds unless CUDA_VISIBLE_DEVICES reorders the devices.
    """
    joules = {
        reading.device: reading.value
        for reading in readings
        if reading.metric == "energy_joules" and reading.source == "nvml"
    }
    parts = [
        joules[device.replace("cuda:", "gpu")] * int(ledger.gpu_ns[row, column]) / int(ledger.gpu_ns[:, column].sum())
        for column, device in enumerate(ledger.devices)
        if ledger.gpu_ns[row, column] and device.replace("cuda:", "gpu") in joules
    ]
    return sum(parts) if parts else None


def _distribution(counts: Int64Array, sum_nano: int) -> dict[str, Any]:
    n = int(counts.sum())
    found: dict[str, Any] = {"n": n}
    for name, q in QUANTILES.items():
        found[name] = quantile(counts, q) / NANO if n else None
    found["mean"] = sum_nano / n / NANO if n else None
    found["sum"] = sum_nano / NANO
    found["intervals"] = {}
    for name, q in QUANTILES.items():
        ranks = quantile_ranks(n, q)
        found["intervals"][name] = (
            [rank_bounds(counts, ranks[0])[0] / NANO, rank_bounds(counts, ranks[1])[1] / NANO] if ranks else TOO_SMALL
        )
    return found
