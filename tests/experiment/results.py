"""Result files as `aligntax bench` writes them (schema `aligntax.bench/1`), from samples that a test makes up."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aligntax.inference import Estimate, mean, mean_of_differences, median_of_differences, quantile, ratio_of_means

Samples = Sequence[float] | np.ndarray[Any, Any]

SCHEMA = "aligntax.bench/1"
CREATED = "2026-03-01T12:00:00+00:00"
QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
PROMPTS = 20
_COMPARABLE = ("allowed", "modified")


def make_result(
    raw: Samples,
    guarded: Samples,
    null: Samples | None = None,
    shares: Mapping[str, Samples] | None = None,
    *,
    stages: Mapping[str, str] | None = None,
    prompts: int | Sequence[int] = PROMPTS,
    outcomes: Sequence[str] | None = None,
    cpu_seconds: Mapping[str, Samples] | None = None,
    traces: Sequence[Mapping[str, Any]] = (),
    **overrides: Any,
) -> dict[str, Any]:
    """Return a result whose figures follow from its samples.

    Args:
        raw, guarded, null: seconds of each request in that arm; the same index is the same prompt in the same round.
        shares: of the guarded arm, what each guard had of the tax, in seconds; one guard has all of it by default.
        stages: of guards, where it is not `input`.
        prompts: how many there are, asked in turn, or the prompt of each index.
        outcomes: of the guarded arm; all allowed by default.
        cpu_seconds: by arm; not measured by default.
        traces: of the guarded arm, schema `aligntax.trace/1`.
        overrides: top-level keys; a mapping is merged into what is there, key by key, anything else replaces it.
    """
    arms = {"raw": np.asarray(raw, float), "guarded": np.asarray(guarded, float)}
    if null is not None:
        arms["null"] = np.asarray(null, float)
    count = len(arms["raw"])
    asked = [index % prompts for index in range(count)] if isinstance(prompts, int) else list(prompts)
    said = {arm: list(outcomes) if outcomes and arm == "guarded" else ["allowed"] * count for arm in arms}
    kept = np.array([outcome in _COMPARABLE for outcome in said["guarded"]], bool)
    taxes = arms["guarded"] - arms["raw"]
    parts = {name: np.asarray(values, float) for name, values in ({"pii": taxes} if shares is None else shares).items()}
    compared = {arm: values[kept] for arm, values in arms.items()}
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "created": CREATED,
        "seconds": float(sum(values.sum() for values in arms.values())),
        "target": {
            "kind": "pipeline",
            "name": "shop.chat:pipeline",
            "guards": list(parts),
            "always_on": [],
            "deterministic": True,
        },
        "environment": _environment(),
        "design": {
            "confidence": 0.95,
            "width": None,
            "budget_seconds": 60.0,
            "seed": 0,
            "prompts": {"count": len(set(asked)), "sha256": "3b" * 32},
            "rounds": max(Counter(asked).values(), default=0),
            "pairs": count,
            "warm_up_rounds": 1,
            "stopped": "pairs",
        },
        "arms": [{"name": arm, "bypassed": [] if arm == "guarded" else list(parts)} for arm in arms],
        "samples": {
            "prompt": asked,
            "round": _rounds(asked),
            "seconds": {arm: values.tolist() for arm, values in arms.items()},
            "outcomes": said,
            "shares_seconds": {name: values.tolist() for name, values in parts.items()},
        },
        "tax": _tax(compared["raw"], compared["guarded"]),
        "latency": {arm: _latency(values) for arm, values in compared.items()},
        "guards": [
            _guard(name, values[kept], taxes[kept], (stages or {}).get(name, "input")) for name, values in parts.items()
        ],
        "contention": {
            "measured_seconds": _mean(taxes[kept]),
            "replayed_seconds": _mean(sum(parts.values(), np.zeros(count))[kept]),
            "residual_seconds": _mean((taxes - sum(parts.values(), np.zeros(count)))[kept]),
        },
        "compute": {},
        "outcomes": {arm: dict(Counter(said[arm])) for arm in arms},
        "self": {"seconds_per_span": 2e-6, "dropped": 0},
        "traces": list(traces),
        "warnings": [],
    }
    if "null" in arms:
        result["null"] = {
            "seconds": _paired(compared["raw"], compared["null"]),
            "relative": _relative(compared["raw"], compared["null"]),
        }
    if cpu_seconds is not None:
        used = {arm: np.asarray(values, float) for arm, values in cpu_seconds.items()}
        result["samples"]["cpu_seconds"] = {arm: values.tolist() for arm, values in used.items()}
        result["compute"]["cpu_seconds"] = {
            "raw": _mean(used["raw"][kept]),
            "guarded": _mean(used["guarded"][kept]),
            "tax": mean_of_differences(used["raw"][kept], used["guarded"][kept]).to_dict(),
        }
    return _merged(result, overrides)


def _environment() -> dict[str, Any]:
    return {
        "cpu_model": "Fast CPU 9000",
        "cores": 2,
        "governor": None,
        "platform": "Linux-6.1-x86_64",
        "python": "3.11.7",
        "implementation": "CPython",
        "versions": {"aligntax": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0", "onnxruntime": "1.32.0"},
        "gpus": [],
        "threads": {"torch": 2},
        "garbage_collector": {"enabled": True, "thresholds": [700, 10, 10]},
        "load_average": [0.1, 0.1, 0.1],
        "load_average_after": [0.9, 0.4, 0.2],
        "clock": {"name": "perf_counter_ns", "resolution_ns": 1},
        "switch_interval_seconds": 0.005,
    }


def _rounds(asked: Sequence[int]) -> list[int]:
    seen: Counter[int] = Counter()
    rounds = []
    for prompt in asked:
        rounds.append(seen[prompt])
        seen[prompt] += 1
    return rounds


def _tax(raw: Samples, guarded: Samples) -> dict[str, Any]:
    seconds = _paired(raw, guarded)
    low, high = seconds["low"], seconds["high"]
    return {
        "seconds": seconds,
        "mean_seconds": mean_of_differences(raw, guarded).to_dict() if len(raw) else _UNKNOWN,
        "relative": _relative(raw, guarded),
        "n": len(raw),
        "distinguishable": low is not None and high is not None and not low <= 0 <= high,
    }


def _latency(values: Samples) -> dict[str, Any]:
    if not len(values):
        return {"n": 0, "mean": None, **dict.fromkeys(QUANTILES, _UNKNOWN)}
    known = {name: quantile(values, q).to_dict() for name, q in QUANTILES.items()}
    return {"n": len(values), "mean": float(np.mean(values)), **known}


def _guard(name: str, values: Any, taxes: Any, stage: str) -> dict[str, Any]:
    share = _mean(values)
    low, high = share["low"], share["high"]
    return {
        "name": name,
        "stage": stage,
        "calls": len(values),
        "verdicts": {"allow": len(values)},
        "busy_seconds": share,
        "critical_seconds": share,
        "drag_seconds": share,
        "share_seconds": share,
        "share_of_tax": float(values.sum() / taxes.sum()) if taxes.sum() else None,
        "cpu_seconds": None,
        "gpu_seconds": None,
        "alone_seconds": None,
        "left_out_seconds": None,
        "distinguishable": low is not None and high is not None and not low <= 0 <= high,
        "first_call_seconds": float(values[0]) if len(values) else None,
    }


_UNKNOWN: dict[str, float | None] = {"value": None, "low": None, "high": None}


def _mean(values: Any) -> dict[str, Any]:
    return _known(mean, values)


def _paired(base: Samples, new: Samples) -> dict[str, Any]:
    return _known(median_of_differences, base, new)


def _relative(base: Samples, new: Samples) -> dict[str, Any]:
    """Return the ratio of means, less one."""
    ratio = _known(ratio_of_means, base, new, paired=True)
    return {key: None if value is None else value - 1 for key, value in ratio.items()}


def _known(estimate: Any, *samples: Any, **settings: Any) -> dict[str, Any]:
    """Return what is estimated; nulls where there are no samples at all."""
    if not len(samples[0]):
        return dict(_UNKNOWN)
    found: Estimate = estimate(*samples, **settings)
    return found.to_dict()


def _merged(there: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.copy(there)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged
